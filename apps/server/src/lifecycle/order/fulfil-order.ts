import { CertctlError, isCertctlError, messageOf, type OrderOutcome } from '@certctl/core'
import type { IssuerInstance } from '../../connectors/connections.js'
import type { Services } from '../../services.js'
import { judgeCsr } from '../csr/judge-csr.js'
import type { ApprovedRequest } from '../policy/apply-policy.js'
import { answerInTime } from './answer-in-time.js'
import { awaitBudget } from './await-budget.js'
import { type Attempt, beginAttempt, type LeasedJob } from './begin-attempt.js'
import { checkIssued } from './check-issued.js'
import { deferOrder } from './defer-order.js'
import { issue } from './issue.js'
import { type Failure, recordFailure } from './record-failure.js'
import { recordPending } from './record-pending.js'
import { recordRefused } from './record-refused.js'
import { recordVersion } from './record-version.js'

/** No CA is waited for longer within one call: what takes longer is `pending`, and asked for later. */
const callSeconds = 120

/** One turn of one order, from its stored CSR to a recorded version, a later look or a reason why not. The stages stand here in their order. */
export async function fulfilOrder(services: Services, job: LeasedJob, signal: AbortSignal): Promise<void> {
  const issuer = await usableIssuer(services, job)
  if (issuer === undefined) return
  if (await awaitBudget(services, job, { issuer, signal })) return
  const attempt = await beginAttempt(services, job)
  if (attempt === undefined) return
  // It was opened before the gate looked, and nobody agreed to it as it was then.
  if ((attempt.issuerGeneration ?? issuer.generation) !== issuer.generation)
    return await deferOrder(services, job, { seconds: 0, message: `Issuer ${issuer.name} was changed; it goes on` })
  try {
    const approved = await approve(services, attempt)
    const asked = { attempt, approved, issuer, signal }
    await settle(services, asked, await ask(services, asked))
  } catch (error) {
    if (signal.aborted) return await deferOrder(services, job, { seconds: 0, message: 'Interrupted; it goes on' })
    const failure = failureOf(error, { issuer, attempt })
    await recordFailure(services, attempt, failure)
    services.metrics.issuanceEnded({ ...measured(services, attempt, issuer), outcome: 'failed', code: failure.code })
  }
}

async function approve({ store, clock }: Services, attempt: Attempt): Promise<ApprovedRequest> {
  const { certificate, holder, order, refusal } = attempt
  if (refusal !== undefined) throw refusal
  return await judgeCsr(store, { certificate, csrPem: order.csr_pem, custody: holder.kind, now: clock.now() })
}

/** A disabled issuer is asked for what it has in hand and for nothing new; one that cannot be opened is tried again later. */
async function usableIssuer(services: Services, job: LeasedJob): Promise<IssuerInstance | undefined> {
  const order = await services.store.orders.get(job.order_id ?? '')
  if (order === undefined) throw new CertctlError('internal', `Job ${job.id} has no order`)
  try {
    const issuer = await services.connections.issuer(order.issuer_id)
    if (order.vendor_order_id !== null) return issuer
    const reason = whyNotNow(services, issuer)
    if (reason === undefined) return issuer
    await deferOrder(services, job, reason)
    if (!issuer.enabled) await goOnIfEnabled(services, job, issuer.id)
  } catch (error) {
    const code = isCertctlError(error) ? error.code : 'internal'
    await deferOrder(services, job, { seconds: 300, code, message: messageOf(error) })
  }
  return undefined
}

/** Whoever enabled it meanwhile passed over what was in hand then. */
async function goOnIfEnabled(services: Services, job: LeasedJob, issuerId: string): Promise<void> {
  const { enabled } = await services.connections.issuer(issuerId)
  if (!enabled) return
  await services.store.transaction(async (tx) => {
    if (await tx.jobs.bringForward(job.id, tx.now)) tx.wake('work', 'issue')
  })
}

// Those that waited for one CA do not all come back in the same second.
const spreadSeconds = 60

/** Why no new order is placed now. A CA that said when it takes orders again said so for all of them. */
function whyNotNow(
  { clock, chance }: Services,
  { id, name, enabled, pausedUntil: until }: IssuerInstance,
): Parameters<typeof deferOrder>[2] | undefined {
  if (!enabled) {
    const message = `Issuer ${name} is disabled; enable it to go on`
    return { seconds: 300, code: 'conflict', message, command: `certctl issuers update ${id} --enable` }
  }
  if (until === undefined || until.getTime() <= clock.now().getTime()) return undefined
  const seconds = (until.getTime() - clock.now().getTime()) / 1000 + spreadSeconds * chance.random()
  const message = `Issuer ${name} takes no orders until ${until.toISOString()}; it goes on then`
  return { seconds, code: 'rate_limited', message }
}

interface Asked {
  attempt: Attempt
  approved: ApprovedRequest
  issuer: IssuerInstance
  signal: AbortSignal
}

/** A certificate that comes after we gave the answer up is there all the same: it is recorded like any other. */
async function ask(services: Services, asked: Asked): Promise<OrderOutcome> {
  const { attempt, approved, issuer, signal } = asked
  const { sealing } = services
  const onLate = (outcome: OrderOutcome): void => {
    settle(services, asked, outcome).catch((error: unknown) =>
      services.log.error({ order: attempt.order.id, reason: messageOf(error) }, 'a late answer could not be settled'),
    )
  }
  return await answerInTime((limited) => issue({ attempt, approved, issuer, sealing, signal: limited }), {
    seconds: callSeconds,
    signal,
    onLate,
  })
}

async function settle(services: Services, asked: Asked, outcome: OrderOutcome): Promise<void> {
  const { attempt, approved, issuer, signal } = asked
  if (outcome.status === 'pending') return await recordPending(services, attempt, outcome)
  if (outcome.status !== 'valid') {
    const message = `The CA ended order ${outcome.orderId}: ${outcome.reason}`
    await recordFailure(services, attempt, { code: 'upstream_rejected', message, endsOrder: outcome.status })
    services.metrics.issuanceEnded({
      ...measured(services, attempt, issuer),
      outcome: 'failed',
      code: 'upstream_rejected',
    })
    return
  }
  // Asked only where the answer has no chain: a second question that fails would lose a certificate that is there.
  const anchors = outcome.chainPem.trim() === '' ? ((await issuer.connector.caCertificates?.(signal)) ?? []) : []
  const { honours } = issuer.capabilities
  const checked = await orRefused(services, { attempt, outcome }, () =>
    checkIssued(outcome, { approved, now: services.clock.now(), honours, anchors }),
  )
  if (checked.differences.length > 0)
    services.log.warn(
      { certificate: attempt.certificate.id, differences: checked.differences },
      'the CA issued other than wished',
    )
  const { standing, isNew } = await recordVersion(services, {
    orderId: attempt.order.id,
    certificateId: attempt.certificate.id,
    checked,
  })
  if (!isNew) return
  services.metrics.issuanceEnded({ ...measured(services, attempt, issuer), outcome: 'issued' })
  services.metrics.jobEnded({ kind: 'issue', outcome: standing === 'lost' ? 'superseded' : 'done' })
}

/** What is not as it was approved is there all the same: it is kept as lost, and revoked, before the failure goes on. */
async function orRefused<T>(
  services: Services,
  { attempt, outcome }: { attempt: Attempt; outcome: Extract<OrderOutcome, { status: 'valid' }> },
  check: () => T,
): Promise<T> {
  try {
    return check()
  } catch (error) {
    if (isCertctlError(error) && error.code === 'issued_mismatch')
      await recordRefused(services, { orderId: attempt.order.id, answer: outcome, fault: error.message })
    throw error
  }
}

function measured(services: Services, { order }: Attempt, issuer: IssuerInstance) {
  const seconds = (services.clock.now().getTime() - order.first_asked_at.getTime()) / 1000
  return { issuerType: issuer.type, seconds }
}

function failureOf(error: unknown, { issuer, attempt }: { issuer: IssuerInstance; attempt: Attempt }): Failure {
  const common = {
    isCostly: issuer.capabilities.metered,
    endsOrder: attempt.isOverdue ? 'expired' : undefined,
  } as const
  if (!isCertctlError(error)) return { ...common, code: 'internal', message: messageOf(error) }
  const { code, message, retryAfterSeconds, isNarrow } = error
  return { ...common, code, message, retryAfterSeconds, isNarrow }
}
