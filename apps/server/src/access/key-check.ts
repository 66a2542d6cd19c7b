import { randomUUID } from 'node:crypto'
import { CertctlError } from '@certctl/core'
import { sealedColumns } from '../store/sealed-cells.js'
import type { SealingKeyRow } from '../store/sealing-keys.js'
import type { Store, Tx } from '../store/store.js'
import type { Sealing, SealPlace } from './sealing.js'

const checked = 'certctl key check'

/** Before anything is written, migrations included: throws where this database is sealed with another key. A database without tables is nobody's yet. */
export async function refuseOtherSealingKey(store: Store, sealing: Sealing): Promise<void> {
  if (!(await store.sealingKeys.exists())) return
  const rows = await store.sealingKeys.listChecks()
  if (rows.length > 0 && rows.filter((row) => isOurs(row, sealing)).length === 0) throw otherKey()
}

/**
 * Leaves the mark that `refuseOtherSealingKey` finds, and seals from then on with the key that all copies seal with. Of two copies that
 * start at once with different keys, one is refused here; so is one that was not given a key that something is still sealed with.
 */
export async function checkSealingKey(store: Store, sealing: Sealing): Promise<void> {
  await store.transaction(async (tx) => {
    await tx.sealingKeys.lock()
    const rows = await tx.sealingKeys.list()
    const first = sealing.keyIds()[0] ?? sealing.keyId
    if (rows.length === 0) return await introduce(tx, sealing, { id: first, since: tx.now })
    const current = currentOf(rows)
    if (!rows.some((row) => isOurs(row, sealing))) throw otherKey()
    sealing.use(current.id)
    if (current.sealing_since === null) await tx.sealingKeys.sealsSince(current.id, tx.now)
    if (!rows.some(({ id }) => id === first)) await introduce(tx, sealing, { id: first, since: null })
    for (const row of rows) if (!isOurs(row, sealing)) await giveUp(tx, row)
  })
}

/** What every copy seals with: the key that was switched to last; before there was such a thing, the oldest. */
export function currentOf(rows: readonly SealingKeyRow[]): SealingKeyRow {
  const [oldest] = rows
  if (oldest === undefined) throw new CertctlError('internal', 'The database has no row of its encryption key')
  const time = ({ sealing_since }: SealingKeyRow) => sealing_since?.getTime() ?? 0
  return rows.reduce((newest, row) => (time(row) > time(newest) ? row : newest), oldest)
}

/** Writes the row of a key: it opens from now on, and seals where it says since when. */
export async function introduce(
  tx: Tx,
  sealing: Sealing,
  { id, since }: { id: string; since: Date | null },
): Promise<void> {
  const before = sealing.keyId
  sealing.use(id)
  const check_value = sealing.seal(`${checked} ${randomUUID()}`, placeOf(id))
  sealing.use(since === null ? before : id)
  await tx.sealingKeys.insert({ id, check_value, created_at: tx.now, sealing_since: since })
}

/** A key that this copy does not have any more: forgotten where nothing is sealed with it, and missed where something is. */
async function giveUp(tx: Tx, { id }: SealingKeyRow): Promise<void> {
  let used = 0
  for (const column of sealedColumns) used += await tx.sealedCells.countOf(column, id)
  if (used > 0)
    throw new CertctlError(
      'config_invalid',
      `${used} values are still sealed with the encryption key ${id}, which this server was not given; start it with that key in CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS until GET /api/v1/admin/encryption-key says that nothing remains`,
    )
  await tx.sealingKeys.remove(id)
}

function placeOf(id: string): SealPlace {
  return { table: 'sealing_keys', id, column: 'check_value' }
}

function isOurs({ id, check_value }: Pick<SealingKeyRow, 'id' | 'check_value'>, sealing: Sealing): boolean {
  return sealing.keyIds().includes(id) && sealing.open(check_value, placeOf(id)).toString().startsWith(checked)
}

function otherKey(): CertctlError {
  return new CertctlError(
    'config_invalid',
    'The encryption key (CERTCTL_CONFIG_ENCRYPTION_KEY, or encryption.key in the state directory) is not the one this database is sealed with; start this server with the key the others have, or the one it had before',
  )
}
