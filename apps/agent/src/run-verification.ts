import type { WorkItem } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Agent } from './agent.js'
import type { JobResult } from './job-result.js'
import { placementKey } from './journal.js'
import { lookAtPlacement } from './look-at-placement.js'
import { prepareTarget, targetOrderOf } from './prepare-target.js'
import { heldOf, servedOf } from './wire-looks.js'

/** A verification job: says what the target holds and its endpoints serve. That it is something else is a finding, and the job is done. */
export async function runVerification(agent: Agent, item: WorkItem, signal: AbortSignal): Promise<JobResult> {
  const target = await prepareTarget(agent, targetOrderOf(item))
  const place = { target_id: target.targetId, certificate_id: item.certificate_id }
  const record = await agent.journal.placements.get(placementKey(place))
  const fingerprint = item.deployment?.fingerprint ?? record?.fingerprint
  if (fingerprint === undefined)
    throw new CertctlError('not_found', `Nothing of certificate ${item.certificate_id} was deployed to this target yet`)
  const names = item.names ?? record?.names ?? []
  const expected = { certificateId: item.certificate_id, fingerprint, names }
  const { held, looks } = await lookAtPlacement(agent, target, { expected, signal })
  const chainPem = record?.fingerprint === fingerprint ? record.chain_pem : ''
  return {
    outcome: 'done',
    fingerprint,
    ...(item.deployment === undefined ? {} : generationsOf(item.deployment)),
    ...(held === undefined ? {} : { verification: heldOf(held) }),
    served: servedOf(looks, chainPem),
  }
}

function generationsOf({ certificate_generation, target_generation }: NonNullable<WorkItem['deployment']>) {
  return { certificate_generation, target_generation }
}
