import { emitEvent } from '../notify/emit-event.js'
import type { Services } from '../services.js'
import { type SealedCell, type SealedColumn, sealedColumns } from '../store/sealed-cells.js'
import { keyIdOf, type Sealing, type SealPlace } from './sealing.js'

const mostNames = 20
const alertKey = 'encryption-key-unopenable'

/** Sealed values that no key of this copy opens: how many, the first by name, and how many of each key. */
export interface Unopenable {
  count: number
  readonly names: string[]
  readonly byKey: Map<string, number>
}

export function noneUnopenable(): Unopenable {
  return { count: 0, names: [], byKey: new Map() }
}

export function placeOfCell({ table, column }: SealedColumn, { key }: SealedCell): SealPlace {
  return { table, id: key.join(' '), column }
}

/** What is in the cell; where it cannot be opened, it is counted. */
export function openCell(
  sealing: Sealing,
  { column, cell }: { column: SealedColumn; cell: SealedCell },
  left: Unopenable,
): Buffer | undefined {
  const place = placeOfCell(column, cell)
  try {
    return sealing.open(cell.value, place)
  } catch {
    const key = keyIdOf(cell.value)
    left.count += 1
    left.byKey.set(key, (left.byKey.get(key) ?? 0) + 1)
    if (left.names.length < mostNames) left.names.push(`${place.table}.${place.column} of "${place.id}"`)
    return undefined
  }
}

/** The first by name, of the first values of each column that another key sealed: all, once resealing is through. */
export async function listUnopenable({ store, sealing }: Services): Promise<readonly string[]> {
  const left = noneUnopenable()
  for (const column of sealedColumns) {
    const page = { keyId: sealing.keyId, after: undefined, limit: 200 }
    for (const cell of await store.sealedCells.others(column, page)) openCell(sealing, { column, cell }, left)
  }
  return left.names
}

/** After everything was looked at: an alert while there are any. */
export async function tellOfUnopenable({ store, log }: Services, { count, names }: Unopenable): Promise<void> {
  if (count === 0)
    return await store.transaction(async (tx) => {
      const title = 'Every sealed value can be opened again'
      const event = { type: 'encryption_key.openable', severity: 'info', title } as const
      await emitEvent(tx, { ...event, resolves: alertKey, onlyWhenResolving: true })
    })
  const title = `Sealed values (${count}) cannot be opened: start this server with their key in CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS; where it is lost, set anew or delete what is named by: certctl admin encryption-key`
  log.error({ count, names }, title)
  await store.transaction(async (tx) => {
    await emitEvent(tx, {
      type: 'encryption_key.unopenable',
      severity: 'critical',
      title,
      data: { count, names },
      alertKey,
    })
  })
}
