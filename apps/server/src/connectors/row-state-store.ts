import { CertctlError, type JsonValue, type StateStore, type Stored } from '@certctl/core'
import type { Services } from '../services.js'
import { partsKey } from '../store/by-key.js'
import type { StateCell } from '../store/connector-state.js'

type Needs = Pick<Services, 'store' | 'sealing' | 'clock'>

const pageSize = 200

/** The sealed key-value store of one connector instance, shared by all copies of the server. */
export function createRowStateStore({ store, sealing, clock }: Needs, instance: string): StateStore {
  const table = store.connectorState
  const placeOf = (key: string) => ({ table: 'connector_state', id: `${instance} ${key}`, column: 'value' })
  const opened = ({ key, value, version }: StateCell): Stored => ({
    key,
    value: JSON.parse(sealing.open(value, placeOf(key)).toString('utf8')) as JsonValue,
    version,
  })
  const write = async (entry: Entry, expect: number | 'absent'): Promise<Stored | undefined> => {
    const { key, value, expiresAt } = entry
    const version = expect === 'absent' ? 1 : expect + 1
    const sealed = sealing.seal(JSON.stringify(value), placeOf(key))
    const cell = { key, value: sealed, version, expires_at: expiresAt ?? null, at: clock.now() }
    const written = expect === 'absent' ? await insert(cell) : await table.update(instance, { ...cell, expect })
    return written ? { key, value, version } : undefined
  }
  // A CA of ours writes one for each certificate: those of many orders are one statement.
  const insert = async (cell: Parameters<typeof table.insert>[1]): Promise<boolean> =>
    await store.together(
      partsKey('state', instance, cell.key),
      async (tx) => await tx.connectorState.insert(instance, cell),
    )

  return {
    async get(key) {
      const cell = await table.get(instance, key, clock.now())
      return cell === undefined ? undefined : opened(cell)
    },
    async put(key, value, options = {}) {
      const { expect, expiresAt } = options
      if (expect === undefined)
        return await overwrite({ key, value, expiresAt }, write, async () => await this.get(key))
      const stored = await write({ key, value, expiresAt }, expect)
      if (stored !== undefined) return stored
      throw new CertctlError('conflict', `The state "${key}" of ${instance} was changed by another copy of the server`)
    },
    delete: async (key) => await table.remove(instance, key),
    list: (prefix) =>
      listed(async (after) => {
        const cells = await table.list(instance, { prefix, after, at: clock.now(), limit: pageSize })
        return cells.map(opened)
      }),
  }
}

interface Entry {
  key: string
  value: JsonValue
  expiresAt: Date | undefined
}

/** The last writer wins; each writes over a version it has seen, so that versions never repeat. */
async function overwrite(
  entry: Entry,
  write: (entry: Entry, expect: number | 'absent') => Promise<Stored | undefined>,
  read: () => Promise<Stored | undefined>,
): Promise<Stored> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const stored = await write(entry, (await read())?.version ?? 'absent')
    if (stored !== undefined) return stored
  }
  throw new CertctlError('conflict', `The state "${entry.key}" is being changed faster than it can be written`)
}

async function* listed(page: (after: string) => Promise<Stored[]>): AsyncGenerator<Stored> {
  for (let after = ''; ; ) {
    const found = await page(after)
    yield* found
    const last = found.at(-1)
    if (last === undefined || found.length < pageSize) return
    after = last.key
  }
}
