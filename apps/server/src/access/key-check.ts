import { randomUUID } from 'node:crypto'
import { CertctlError } from '@certctl/core'
import type { Store } from '../store/store.js'
import type { Sealing } from './sealing.js'

const checked = 'certctl key check'

/** Stops a copy that was given another key than the one this database is sealed with, before it has written anything. */
export async function checkSealingKey(store: Store, sealing: Sealing): Promise<void> {
  await store.transaction(async (tx) => {
    await tx.sealingKeys.lock()
    const rows = await tx.sealingKeys.list()
    const place = { table: 'sealing_keys', id: sealing.keyId, column: 'check_value' }
    if (rows.length === 0) {
      const check_value = sealing.seal(`${checked} ${randomUUID()}`, place)
      await tx.sealingKeys.insert({ id: sealing.keyId, check_value, created_at: tx.now })
      return
    }
    const ours = rows.find(({ id }) => id === sealing.keyId)
    if (ours === undefined || !sealing.open(ours.check_value, place).toString().startsWith(checked))
      throw new CertctlError(
        'config_invalid',
        'CERTCTL_CONFIG_ENCRYPTION_KEY is not the key this database was sealed with; start this server with the key the others have, or the one it had before',
      )
  })
}
