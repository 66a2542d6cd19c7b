import type { Plan } from '@certctl/api'
import { renewCommandFor } from '../lifecycle/renewal/renew-command.js'
import type { PlannedHolder } from '../store/plan-feed.js'
import { silentSince } from './silence.js'

export type PlanWarning = Plan['warnings'][number]

const dayMs = 86_400_000

type Saying = Pick<PlanWarning, 'kind' | 'message' | 'command'> & { target_id?: string | undefined }

/** What keeps a holder from being renewed, or its certificate from being served, in time; the worst of it only. */
export function warningOf(
  { now, days }: { now: Date; days: number },
  holder: PlannedHolder,
  first: Date | undefined,
  missed: { targetId: string; opensAt: Date | undefined } | undefined,
): PlanWarning | undefined {
  const to = now.getTime() + days * dayMs
  const said =
    blocked(holder) ??
    failing(holder) ??
    byHand(holder, first, to) ??
    silent(holder, { now, to, first }) ??
    late(holder, missed)
  if (said === undefined) return undefined
  const { certificate_id, certificate_name, agent_id, not_after } = holder
  return {
    ...said,
    certificate_id,
    certificate_name,
    ...(agent_id === null ? {} : { agent_id }),
    ...(not_after === null ? {} : { ends_at: not_after.toISOString() }),
  }
}

function blocked(holder: PlannedHolder): Saying | undefined {
  const { blocked_code, last_error, next_attempt_at: next } = holder
  if (blocked_code === null) return undefined
  const again = next === null ? '' : ` or tried again at ${next.toISOString()}`
  const message = `It is not issued until it is changed or renewed by hand${again}: ${last_error ?? blocked_code}`
  return { kind: 'blocked', message, command: renewCommandOf(holder) }
}

function failing({ failures, last_error, next_attempt_at, issuer_id }: PlannedHolder): Saying | undefined {
  if (failures === 0) return undefined
  const next = next_attempt_at === null ? '' : `; the next attempt is at ${next_attempt_at.toISOString()}`
  const message = `${failures} attempts failed in a row: ${last_error ?? 'nothing was heard of why'}${next}`
  return { kind: 'failing', message, command: `certctl issuers test ${issuer_id}` }
}

function byHand(holder: PlannedHolder, first: Date | undefined, to: number): Saying | undefined {
  const { not_after, renew_at_reason } = holder
  if (first !== undefined || not_after === null || not_after.getTime() > to) return undefined
  const message = `Nobody renews it by itself: ${renew_at_reason ?? 'it has no time of renewal'}`
  return { kind: 'by_hand', message, command: renewCommandOf(holder) }
}

function renewCommandOf({ certificate_id, may_hold_key: mayHoldKey, needs_csr: needsCsr }: PlannedHolder): string {
  return renewCommandFor(certificate_id, { mayHoldKey, needsCsr })
}

function silent(
  { kind, agent_id, agent_name, last_heartbeat_at: heardAt }: PlannedHolder,
  { now, to, first }: { now: Date; to: number; first: Date | undefined },
): Saying | undefined {
  const isDue = first !== undefined && first.getTime() <= to
  if (kind !== 'agent' || !isDue || (heardAt !== null && heardAt.getTime() > silentSince(now).getTime()))
    return undefined
  const silence = heardAt === null ? 'was never heard of' : `was last heard of at ${heardAt.toISOString()}`
  return {
    kind: 'agent_silent',
    message: `Its renewal is due at ${first.toISOString()}, and agent ${agent_name ?? agent_id} ${silence}`,
    command: `certctl agents show ${agent_id}`,
  }
}

function late(
  { not_after }: PlannedHolder,
  missed: { targetId: string; opensAt: Date | undefined } | undefined,
): Saying | undefined {
  if (missed === undefined) return undefined
  const opens = missed.opensAt === undefined ? 'never' : `at ${missed.opensAt.toISOString()}`
  return {
    kind: 'window_too_late',
    target_id: missed.targetId,
    message: `The next window of target ${missed.targetId} opens ${opens}, and the certificate ends at ${not_after?.toISOString()}: it will be deployed outside the window`,
    command: `certctl targets update ${missed.targetId} --window "0 2 * * * 4h"`,
  }
}
