import { randomUUID } from 'node:crypto'
import { CertctlError } from '@certctl/core'
import type { Store } from '../store/store.js'
import type { Sealing, SealPlace } from './sealing.js'

const checked = 'certctl key check'

/** Before anything is written, migrations included: throws where this database is sealed with another key. A database without tables is nobody's yet. */
export async function refuseOtherSealingKey(store: Store, sealing: Sealing): Promise<void> {
  if (await store.sealingKeys.exists()) requireOurs(await store.sealingKeys.list(), sealing)
}

/** Leaves the mark that `refuseOtherSealingKey` finds. Of two copies that start at once with different keys, one is refused here. */
export async function checkSealingKey(store: Store, sealing: Sealing): Promise<void> {
  await store.transaction(async (tx) => {
    await tx.sealingKeys.lock()
    const rows = await tx.sealingKeys.list()
    if (rows.length > 0) return requireOurs(rows, sealing)
    const check_value = sealing.seal(`${checked} ${randomUUID()}`, placeOf(sealing))
    await tx.sealingKeys.insert({ id: sealing.keyId, check_value, created_at: tx.now })
  })
}

function placeOf({ keyId }: Sealing): SealPlace {
  return { table: 'sealing_keys', id: keyId, column: 'check_value' }
}

function requireOurs(rows: readonly { id: string; check_value: Buffer }[], sealing: Sealing): void {
  const ours = rows.find(({ id }) => id === sealing.keyId)
  const opened = ours === undefined ? '' : sealing.open(ours.check_value, placeOf(sealing)).toString()
  if (rows.length === 0 || opened.startsWith(checked)) return
  throw new CertctlError(
    'config_invalid',
    'The encryption key (CERTCTL_CONFIG_ENCRYPTION_KEY, or encryption.key in the state directory) is not the one this database is sealed with; start this server with the key the others have, or the one it had before',
  )
}
