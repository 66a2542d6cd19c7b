import type { ErrorCode } from '@certctl/core'
import { systemActor } from '../../access/principal.js'
import type { Services } from '../../services.js'
import type { HolderRow } from '../../store/holders.js'
import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import { endOf } from '../end-of.js'
import { raiseAlert } from '../raise-alert.js'
import { renewCommand } from '../renewal/renew-command.js'
import { firstPauseOf, type RenewalPolicy, renewalPolicyOf } from '../renewal/renewal-policy-of.js'
import { severityOf } from '../severity-of.js'
import { backoff } from './backoff.js'
import type { Attempt } from './begin-attempt.js'
import { closeOrder } from './close-order.js'
import { isPermanent } from './is-permanent.js'
import { planIssuance } from './plan-issuance.js'
import { retryOfRefusal } from './retry-of-refusal.js'

export interface Failure {
  code: ErrorCode
  message: string
  retryAfterSeconds?: number | undefined
  /** The limit that was met is of these names only. */
  isNarrow?: boolean | undefined
  /** The CA has closed the order, so that only a new one can succeed. */
  endsOrder?: 'invalid' | 'expired' | undefined
  /** A repetition would cost money or quota for the same fault. */
  isCostly?: boolean | undefined
}

interface Verdict extends Failure {
  failures: number
  nextAt: Date
  /** Of what is blocked; null: not by itself. */
  retryAt: Date | null
  isBlocked: boolean
  state: 'invalid' | 'expired' | undefined
  /** The CA takes no new orders at all until then. */
  pausedUntil: Date | undefined
}

/** Keeps what went wrong and when to try again. An order that is still open is asked for again, one that ended is followed by a new one; permanent refusals of what is served nowhere yet wait, those of renewals are repeated seldom. Does nothing under a lost lease: somebody else has the order then. */
export async function recordFailure(services: Services, attempt: Attempt, failure: Failure): Promise<void> {
  await services.store.transaction(async (tx) => {
    const certificate = await tx.certificates.lock(attempt.certificate.id)
    const holder = await tx.holders.lock(attempt.holder.id)
    const order = await tx.orders.lock(attempt.order.id)
    if (certificate === undefined || holder === undefined || order === undefined) return
    const policy = await renewalPolicyOf(tx, certificate)
    const verdict = judge(attempt, { holder, failure, policy, tx })
    const isOurs = await settleJob(tx, attempt, verdict)
    // What a CA said of its limits holds for every order at it, whoever heard it, unless it spoke of these names alone.
    if (verdict.pausedUntil !== undefined) await tx.connections.pause(order.issuer_id, verdict.pausedUntil)
    if (!isOurs) return
    await keep(tx, { holder, order, verdict, generation: certificate.generation })
    await tell(tx, attempt, { verdict, policy })
    if (verdict.state === undefined) return
    services.metrics.jobEnded({ kind: 'issue', outcome: verdict.isBlocked ? 'refused' : 'failed' })
    await planIssuance(services, tx, { certificate, requestedBy: 'System' })
  })
}

function judge(
  { serving }: Attempt,
  { holder, failure, policy, tx }: { holder: HolderRow; failure: Failure; policy: RenewalPolicy; tx: Tx },
): Verdict {
  const failures = holder.failures + 1
  const isMismatch = failure.code === 'issued_mismatch'
  const isBlocked = isPermanent(failure.code) || (isMismatch && failure.isCostly === true)
  const isPaused = failure.code === 'rate_limited' && failure.retryAfterSeconds !== undefined
  return {
    ...failure,
    failures,
    isBlocked,
    retryAt: retryOfRefusal({ serving, now: tx.now, isCostly: failure.isCostly }),
    pausedUntil: isPaused && failure.isNarrow !== true ? pauseOf(failure, tx.now) : undefined,
    state: failure.endsOrder ?? (isBlocked || isMismatch ? 'invalid' : undefined),
    nextAt: backoff({
      failures: isPaused ? 1 : failures,
      now: tx.now,
      endsAt: endOf(serving) ?? (isAway(failure) ? tx.now : undefined),
      firstSeconds: firstPauseOf(policy, serving),
      retryAfterSeconds: failure.retryAfterSeconds,
      random: tx.chance.random,
    }),
  }
}

/** Nobody answered, and asking again costs nothing: what is served nowhere yet waits no longer after the CA is back than what has ended. */
function isAway({ code, isCostly }: Failure): boolean {
  return code === 'upstream_unavailable' && isCostly !== true
}

// Longer pauses than the longest window of a public CA's rate limits are mistakes.
const longestPauseSeconds = 7 * 86_400

function pauseOf({ retryAfterSeconds = 0 }: Failure, now: Date): Date {
  return new Date(now.getTime() + Math.min(retryAfterSeconds, longestPauseSeconds) * 1000)
}

async function settleJob(
  tx: Tx,
  { job }: Attempt,
  { state, isBlocked, code, message, nextAt }: Verdict,
): Promise<boolean> {
  const error = { last_error_code: code, last_error: message, locked_until: null }
  if (state === undefined) return await tx.jobs.settle(job, { ...error, state: 'ready', run_at: nextAt })
  const outcome = isBlocked ? 'refused' : 'failed'
  return await tx.jobs.settle(job, { ...error, state: 'done', outcome, completed_at: tx.now })
}

async function keep(
  tx: Tx,
  { holder, order, verdict, generation }: { holder: HolderRow; order: OrderRow; verdict: Verdict; generation: number },
): Promise<void> {
  const { code, message, state, isBlocked } = verdict
  const error = { last_error_code: code, last_error: message }
  await tx.holders.update(holder.id, {
    ...error,
    failures: verdict.failures,
    next_attempt_at: isBlocked ? verdict.retryAt : verdict.nextAt,
    blocked_code: isBlocked ? code : null,
    blocked_generation: isBlocked ? generation : null,
  })
  await tx.orders.update(order.id, { ...error, next_look_at: state === undefined ? verdict.nextAt : null })
  if (state !== undefined) await closeOrder(tx, order, { state, reason: message })
}

async function tell(
  tx: Tx,
  { certificate, holder, order, serving, job }: Attempt,
  { verdict, policy }: { verdict: Verdict; policy: RenewalPolicy },
): Promise<void> {
  const { code, message, isBlocked, state, failures } = verdict
  const details = { order_id: order.id, job_id: job.id, code, message }
  if (state !== undefined)
    tx.audit.append({
      actor: systemActor,
      action: isBlocked ? 'certificate.issuance_refused' : 'certificate.issuance_failed',
      resource_type: 'certificate',
      resource_id: certificate.id,
      details,
    })
  const severity = severityOf(serving, tx.now)
  // What a CA let lie until its end is no passing fault.
  const isPassing = !isBlocked && state !== 'expired' && failures < policy.alertAfter
  if (isPassing && severity === 'warning') return
  await raiseAlert(tx, {
    subject: `issuance:${order.holder_id}`,
    type: isBlocked ? 'certificate.issuance_blocked' : 'certificate.issuance_failed',
    severity,
    title: isBlocked
      ? `${certificate.name} is not issued until it is changed or renewed by hand${again(verdict)}: ${message}`
      : `${certificate.name} could not be issued, ${failures} times so far: ${message}`,
    command: isBlocked ? await renewCommand(tx, { certificate, holder }) : `certctl issuers test ${order.issuer_id}`,
    data: { ...details, failures, next_attempt_at: (isBlocked ? verdict.retryAt : verdict.nextAt)?.toISOString() },
    certificateId: certificate.id,
    issuerId: order.issuer_id,
  })
}

function again({ retryAt }: Verdict): string {
  return retryAt === null ? '' : ` or tried again at ${retryAt.toISOString()}`
}
