import type { Placement } from '@certctl/api'
import type { PlacementView } from '../store/placements.js'
import { silentSince } from './silence.js'

/** One certificate at one target, as the wire shows it. */
export function placementView(row: PlacementView, now: Date): Placement {
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
    ...causeOf(row, now),
    failures: row.failures,
    ...(nextAttemptOf(row) ?? {}),
    updated_at: row.updated_at.toISOString(),
  }
}

/** While it waits for a window, that is when it goes on. */
function nextAttemptOf({ window_at, next_attempt_at }: PlacementView): Partial<Placement> | undefined {
  if (window_at !== null) return { next_attempt_at: window_at.toISOString(), window_at: window_at.toISOString() }
  return next_attempt_at === null ? undefined : { next_attempt_at: next_attempt_at.toISOString() }
}

function causeOf(row: PlacementView, now: Date): Pick<Placement, 'cause'> {
  if (row.frozen_at !== null)
    return { cause: { code: 'already_revoked', message: 'What is desired here was revoked; renew the certificate' } }
  const own = row.cause_code === null ? undefined : { code: row.cause_code, message: row.cause_message ?? '' }
  const silence = silenceOf(row, now)
  if (silence === undefined) return own === undefined ? {} : { cause: own }
  const before = own === undefined ? '' : `. Before that: ${own.message}`
  return { cause: { code: 'upstream_unavailable', message: `${silence}${before}` } }
}

/** What waits for an agent that is away says so: nobody else can do it. */
function silenceOf(row: PlacementView, now: Date): string | undefined {
  const { state, agent_name, agent_heard_at: heardAt, target_id } = row
  if (state === 'served' || state === 'unverifiable') return undefined
  if (heardAt !== null && heardAt.getTime() > silentSince(now).getTime()) return undefined
  const silence = heardAt === null ? 'was never heard of' : `was last heard of at ${heardAt.toISOString()}`
  return `Agent ${agent_name} ${silence}; start it, or give the target to another: certctl targets update ${target_id} --agent AGENT`
}
