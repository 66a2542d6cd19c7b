import { timeLimit } from '@certctl/kit'
import type { Agent } from './agent.js'
import { isWanted } from './care-for-keys.js'
import { checkMaterial } from './check-material.js'
import { deploy } from './deploy.js'
import { type PlacementRecord, reasonOf } from './journal.js'
import { materialOf, previousMaterial } from './placements.js'
import type { PreparedTarget } from './prepare-target.js'
import { successorAt } from './successor-at.js'

const limitSeconds = 300

/** Puts back what this agent last deployed, from what it has on its own disk. A placement whose key is gone, whose certificate has ended, or which holds its successor, is left to the server. */
export async function repairDrift(
  agent: Agent,
  { record, target, signal }: { record: PlacementRecord; target: PreparedTarget; signal: AbortSignal },
): Promise<void> {
  const fields = { target_id: record.target_id, certificate_id: record.certificate_id }
  if (!(await isWanted(agent, record.certificate_id))) return
  try {
    const held = await materialOf(agent, record)
    if (held === undefined) return agent.log.warn('a target has drifted, and its key is not here to repair it', fields)
    const material = checkMaterial({ ...held, leafPem: held.certificatePem }, agent.clock.now())
    const successor = await successorAt(agent, target, { record, material, signal })
    if (successor !== undefined)
      return agent.log.warn(
        'a target holds a newer certificate than this agent knows of; it is left to the server, since the state of this agent may be an older one',
        { ...fields, serial_number: successor.serialNumber, not_before: successor.notBefore.toISOString() },
      )
    const previous = await previousMaterial(agent, record, record.fingerprint)
    const own = record.previous === undefined ? [] : [record.previous.fingerprint]
    await deploy(
      agent,
      {
        id: `${record.target_id}.${record.fingerprint.slice(0, 16)}`,
        certificateId: record.certificate_id,
        target,
        material,
        names: record.names,
        previous,
        ownBefore: own,
      },
      { signal: timeLimit(limitSeconds, signal), onLooks: () => undefined },
    )
    agent.log.warn('a target had drifted while the server was away; it is as deployed again', fields)
  } catch (error) {
    agent.log.error('a target has drifted and could not be repaired', { ...fields, ...reasonOf(error) })
  }
}
