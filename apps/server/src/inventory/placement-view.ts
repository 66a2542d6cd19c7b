import type { Placement } from '@certctl/api'
import type { PlacementView } from '../store/placements.js'

/** One certificate at one target, as the wire shows it. */
export function placementView(row: PlacementView): Placement {
  return {
    certificate_id: row.certificate_id,
    certificate_name: row.certificate_name,
    target_id: row.target_id,
    target_name: row.target_name,
    target_type: row.target_type,
    agent_id: row.agent_id,
    agent_name: row.agent_name,
    state: row.state,
    ...(row.desired_fingerprint === null ? {} : { desired_fingerprint: row.desired_fingerprint }),
    ...(row.desired_at === null ? {} : { desired_at: row.desired_at.toISOString() }),
    ...(row.deployed_fingerprint === null ? {} : { deployed_fingerprint: row.deployed_fingerprint }),
    ...(row.deployed_at === null ? {} : { deployed_at: row.deployed_at.toISOString() }),
    ...(row.served_fingerprint === null ? {} : { served_fingerprint: row.served_fingerprint }),
    ...(row.served_at === null ? {} : { served_at: row.served_at.toISOString() }),
    ...causeOf(row),
    failures: row.failures,
    ...(row.next_attempt_at === null ? {} : { next_attempt_at: row.next_attempt_at.toISOString() }),
    updated_at: row.updated_at.toISOString(),
  }
}

function causeOf(row: PlacementView): Pick<Placement, 'cause'> {
  if (row.frozen_at !== null)
    return { cause: { code: 'already_revoked', message: 'What is desired here was revoked; renew the certificate' } }
  return row.cause_code === null ? {} : { cause: { code: row.cause_code, message: row.cause_message ?? '' } }
}
