import type { EncryptionKeyStatus } from '@certctl/api'
import type { Services } from '../services.js'
import { sealedColumns } from '../store/sealed-cells.js'
import { currentOf } from './key-check.js'
import { listUnopenable } from './unopenable-values.js'

/** Which key seals, and what another one still does. Counts all sealed values: for people, not for loops. */
export async function encryptionStatus(services: Services): Promise<EncryptionKeyStatus> {
  const { store, sealing } = services
  const rows = await store.sealingKeys.list()
  const current = currentOf(rows)
  const counted = await Promise.all(
    sealedColumns.map(
      async (column) => [column.table, await store.sealedCells.countOthers(column, current.id)] as const,
    ),
  )
  const remaining = Object.fromEntries(counted.filter(([, count]) => count > 0))
  const [first] = sealing.keyIds()
  const isPrepared = rows.some(({ id, sealing_since }) => id === first && sealing_since === null)
  const isMoving = rows.some(({ id, sealing_since }) => id !== current.id && sealing_since !== null)
  const remaining_total = Object.values(remaining).reduce((sum, count) => sum + count, 0)
  const unopenable = remaining_total > 0 ? await listUnopenable(services) : []
  return {
    state: isPrepared ? 'prepared' : isMoving || remaining_total > 0 ? 'resealing' : 'settled',
    key_id: current.id,
    ...(current.sealing_since === null ? {} : { sealing_since: current.sealing_since.toISOString() }),
    ...(isPrepared ? { next_key_id: first } : {}),
    remaining,
    remaining_total,
    ...(unopenable.length > 0 ? { unopenable: [...unopenable] } : {}),
  }
}
