import { CertctlError, type StateStore, type Stored } from '@certctl/core'

interface Row extends Stored {
  expiresAt: Date | undefined
}

/** A state store in memory, with versions and expiry. */
export function createMemoryState(now: () => Date): StateStore {
  const rows = new Map<string, Row>()
  let versions = 0

  const living = (key: string): Row | undefined => {
    const row = rows.get(key)
    if (row?.expiresAt !== undefined && row.expiresAt.getTime() <= now().getTime()) rows.delete(key)
    return rows.get(key)
  }

  return {
    async get(key) {
      const row = living(key)
      return row === undefined ? undefined : storedOf(row)
    },
    async put(key, value, options = {}) {
      const found = living(key)?.version ?? 'absent'
      if (options.expect !== undefined && options.expect !== found)
        throw new CertctlError('conflict', `State "${key}" is at version ${found}, not at ${options.expect}`)
      versions += 1
      // A store keeps text: what cannot be written as JSON must not come back from memory either.
      const row = { key, value: JSON.parse(JSON.stringify(value)), version: versions, expiresAt: options.expiresAt }
      rows.set(key, row)
      return storedOf(row)
    },
    async delete(key) {
      rows.delete(key)
    },
    async *list(prefix) {
      for (const key of [...rows.keys()].sort().filter((name) => name.startsWith(prefix))) {
        const row = living(key)
        if (row !== undefined) yield storedOf(row)
      }
    },
  }
}

function storedOf({ key, value, version }: Row): Stored {
  return { key, value: structuredClone(value), version }
}
