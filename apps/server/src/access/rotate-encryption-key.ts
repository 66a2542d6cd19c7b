import { CertctlError } from '@certctl/core'
import { livingCopies } from '../connectors/environment-instances.js'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import { currentOf, introduce } from './key-check.js'
import { nextSealingKey } from './sealing-key.js'
import { sealingKeyMark } from './sealing-key-mark.js'

/**
 * Every copy seals with the next key from now on, and what is sealed with another is sealed anew by whichever copy comes to it. With keys
 * from the environment the next one is CERTCTL_CONFIG_ENCRYPTION_KEY of a copy that has the current one in _PREVIOUS; all living copies
 * must have it. A server with a file for its key makes the next one. Throws `conflict` where there is no next key, or a copy without it.
 */
export async function rotateEncryptionKey(services: Services, actor: Actor): Promise<void> {
  const { store, sealing, config } = services
  const isFile = config.config_encryption_key === undefined
  const id = isFile ? sealing.add(nextSealingKey(config.state_dir)) : (sealing.keyIds()[0] ?? '')
  if (!isFile) await requireEverywhere(services, id)
  await store.transaction(async (tx) => {
    await tx.sealingKeys.lock()
    const rows = await tx.sealingKeys.list()
    const current = currentOf(rows)
    if (current.id === id)
      throw new CertctlError(
        'conflict',
        `Everything is sealed with ${id} already. Start each copy with a new key in CERTCTL_CONFIG_ENCRYPTION_KEY and this one in CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS, then ask again`,
      )
    if (!rows.some((row) => row.id === id)) await introduce(tx, sealing, { id, since: null })
    // Later than any key before, whatever the clock says.
    const since = new Date(Math.max(tx.now.getTime(), (current.sealing_since?.getTime() ?? 0) + 1))
    await tx.sealingKeys.sealsSince(id, since)
    tx.audit.append({
      actor,
      action: 'encryption_key.rotated',
      resource_type: 'encryption_key',
      resource_id: id,
      details: { previous: current.id },
    })
    tx.wake('settings', sealingKeyChanged)
  })
  sealing.use(id)
  await store.schedule.bringForward('resealing', services.clock.now())
}

/** The subject of the wake-up by which copies hear of it. */
export const sealingKeyChanged = 'encryption-key'

async function requireEverywhere(services: Services, id: string): Promise<void> {
  const without = (await livingCopies(services)).filter(
    ({ environment }) => environment[sealingKeyMark(id)] === undefined,
  )
  if (without.length === 0) return
  throw new CertctlError(
    'conflict',
    `Copies that run without the key ${id} could not read what is sealed with it: ${without.map((copy) => `${copy.hostname} (${copy.id})`).join(', ')}. Restart them with it first`,
  )
}
