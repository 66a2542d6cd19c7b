import type { Agent } from './agent.js'
import { connectTarget } from './connect-target.js'
import { type PlacementRecord, placementKey } from './journal.js'
import { createOwnedFiles } from './owned-files.js'
import type { PreparedTarget } from './prepare-target.js'

/** Once the new certificate is in use and its grace has passed, what earlier ones left at the target goes. */
export async function cleanUpPlacement(
  agent: Agent,
  { record, target, signal }: { record: PlacementRecord; target: PreparedTarget; signal: AbortSignal },
): Promise<void> {
  const settledAt = new Date(record.deployed_at).getTime() + target.settings.grace * 1000
  if (record.cleaned_up || agent.clock.now().getTime() < settledAt) return
  const files = createOwnedFiles(agent.host.files, agent.installation)
  const connector = connectTarget(agent, { target, files, confirmServed: async () => 'unverifiable' })
  try {
    const request = { certificateId: record.certificate_id, keep: [record.fingerprint], signal }
    const removed = (await connector.cleanUp?.(request))?.removed ?? []
    if (removed.length > 0)
      agent.log.info('what earlier deployments left was removed', { target_id: record.target_id, removed })
  } finally {
    await connector.close?.()
  }
  await agent.journal.placements.put(placementKey(record), { ...record, cleaned_up: true })
}
