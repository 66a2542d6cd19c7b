import type { CertctlError, OrderOutcome, OrderRef } from '@certctl/core'
import { parseCsr } from '@certctl/pki'
import { type Account, accountOfOrder } from '../account/open-account.js'
import type { Acme } from '../acme.js'
import { bodyOf } from '../transport/answer.js'
import { errorOf, type Problem } from '../transport/problem.js'
import { requireRunning } from '../transport/transport.js'
import { prove } from './authorize.js'
import { download } from './download.js'
import { giveUp } from './give-up.js'
import { holdOrder, leaveOrder } from './hold-order.js'
import { type Order, orderSchema } from './order.js'
import { notOurs, place, plain } from './place.js'
import { type Progress, type Published, progressOf } from './progress.js'
import { recordIssued } from './record-issued.js'
import { withdrawAll, withdrawEach } from './withdraw-all.js'

type Pending = Extract<OrderOutcome, { status: 'pending' }>

/** One turn of an order: what it needs now, and again while the CA answers at once; no more than a few seconds of patience. */
export async function advance(acme: Acme, ref: OrderRef): Promise<OrderOutcome> {
  requireRunning(ref.signal)
  const progress = progressOf(ref.progress, acme.host.now())
  if (progress.unplaced === true) return await place(acme, { ...ref.request, attempt: 2 }, ref.signal)
  const published = [...(progress.published ?? [])]
  const account = await accountOfOrder(acme, { orderId: ref.orderId, url: progress.account }, ref.signal)
  if (account === undefined)
    return await gone(acme, ref, {
      published,
      reason: 'It is of a CA or an account that this issuer does not use any more',
    })
  if (!(await holdOrder(acme, ref.orderId, ref.request.id))) return notOurs(acme, ref.request)
  const turn: Turn = { ref, account, progress, published }
  let patience = patienceSeconds
  for (;;) {
    const step = await takeStep(acme, turn)
    if ('outcome' in step) return step.outcome
    const pause = step.pauseSeconds
    if (pause > patience) return pendingOf(turn, step)
    patience -= Math.max(pause, 1)
    if (pause > 0) await acme.host.delay(pause, ref.signal)
  }
}

/** Validation and signing take a second or two at most CAs; an order that waits for its next look takes much longer. */
const patienceSeconds = 3
const usualPauseSeconds = 1

interface Turn {
  ref: OrderRef
  account: Account
  progress: Progress
  published: Published[]
}

type Waiting = Pick<Pending, 'waitingFor' | 'detail'> & { pauseSeconds: number }
type Step = { outcome: OrderOutcome } | Waiting

function pendingOf({ ref, progress, published }: Turn, { pauseSeconds, waitingFor, detail }: Waiting): Pending {
  return {
    status: 'pending',
    orderId: ref.orderId,
    progress: plain({ ...progress, published }),
    retryAfterSeconds: Math.ceil(pauseSeconds),
    waitingFor,
    detail,
  }
}

async function takeStep(acme: Acme, turn: Turn): Promise<Step> {
  const { account, ref, published } = turn
  const answer = await account.signer.ask(ref.orderId, null)
  if (answer.status === 404)
    return { outcome: await gone(acme, ref, { published, reason: 'The CA does not know the order any more' }) }
  if (answer.problem !== undefined) throw errorOf(answer.problem, 'an order')
  const order = bodyOf(answer, orderSchema, 'an order')
  const pauseSeconds = answer.retryAfterSeconds ?? usualPauseSeconds
  const next = steps[order.status]
  if (next !== undefined) return await next(acme, turn, { order, pauseSeconds })
  acme.host.log.warn('the order is in a state that is not known here; it is looked at again', { state: order.status })
  return {
    pauseSeconds: unknownPauseSeconds,
    waitingFor: 'ca',
    detail: `The CA calls the state of the order "${order.status.slice(0, 50)}"`,
  }
}

const unknownPauseSeconds = 60

/** Nobody can be asked about it any more: what is known to be published for it is taken back. */
async function gone(
  acme: Acme,
  { orderId, signal }: OrderRef,
  { published, reason }: { published: readonly Published[]; reason: string },
): Promise<OrderOutcome> {
  await withdrawEach(acme, published, signal)
  return { status: 'expired', orderId, reason }
}

interface Seen {
  order: Order
  pauseSeconds: number
}

/** RFC 8555 §7.1.6: one step for each state of an order. */
const steps: Readonly<Record<string, (acme: Acme, turn: Turn, seen: Seen) => Promise<Step>>> = {
  pending: proveNames,
  ready: finalize,
  processing: async (_acme, _turn, { pauseSeconds }) => ({ pauseSeconds, waitingFor: 'ca', detail: 'The CA signs' }),
  valid: fetchCertificate,
  invalid: async (acme, turn, { order }) => ({ outcome: await giveUp(acme, { ...turn, order, status: 'invalid' }) }),
}

async function proveNames(acme: Acme, turn: Turn, { order, pauseSeconds }: Seen): Promise<Step> {
  const { account, published, ref } = turn
  const late = lateness(acme, turn, order)
  if (late !== undefined) return { outcome: await giveUp(acme, { ...turn, order, status: 'expired', reason: late }) }
  const proof = await prove(acme, { account, order, published, names: ref.request.names, signal: ref.signal })
  if (proof.state === 'impossible')
    return { outcome: await giveUp(acme, { ...turn, order, status: 'invalid', reason: proof.reason }) }
  if (proof.state === 'waiting')
    return { pauseSeconds: visiblePauseSeconds, waitingFor: 'validation', detail: proof.detail }
  return { pauseSeconds, waitingFor: 'validation', detail: 'The CA looks at the answers to its challenges' }
}

/** Name servers and agents need some seconds. */
const visiblePauseSeconds = 5

function lateness({ config, host }: Acme, { progress }: Turn, { expires }: Order): string | undefined {
  const now = host.now().getTime()
  if (expires !== undefined && Date.parse(expires) <= now) return 'The time the CA gave for proving the names is over'
  const age = (now - Date.parse(progress.placed_at)) / 1000
  return age > config.order_timeout_seconds
    ? `The names were not proven within ${config.order_timeout_seconds} s`
    : undefined
}

async function finalize(acme: Acme, { account, ref }: Turn, { order }: Seen): Promise<Step> {
  const csr = Buffer.from(parseCsr(ref.request.csrPem).der).toString('base64url')
  const answer = await account.signer.ask(order.finalize, { csr })
  // Somebody was faster, or the CA is not as far as it said: the order itself says which.
  const isEarly = answer.problem?.type === 'orderNotReady'
  if (answer.problem !== undefined && !isEarly) throw await refusalOf(acme, ref, answer.problem)
  if (isEarly)
    acme.host.log.info('the order was not ready to be finalized; it is looked at again', { order: ref.orderId })
  return { pauseSeconds: answer.retryAfterSeconds ?? usualPauseSeconds, waitingFor: 'ca', detail: 'The CA signs' }
}

/** A key that this CA does not take will not come back; the order may be another one's. */
async function refusalOf(acme: Acme, { orderId, request }: OrderRef, problem: Problem): Promise<CertctlError> {
  const error = errorOf(problem, 'the certificate')
  if (error.code === 'csr_rejected' || error.code === 'identifier_rejected') await leaveOrder(acme, orderId, request.id)
  return error
}

async function fetchCertificate(acme: Acme, turn: Turn, { order }: Seen): Promise<Step> {
  const { account, ref } = turn
  const { certificatePem, chainPem } = await download(acme, { account, order, signal: ref.signal })
  await recordIssued(acme, order, chainPem)
  await withdrawAll(acme, { ...turn, order })
  return { outcome: { status: 'valid', certificatePem, chainPem, vendorRef: account.url } }
}
