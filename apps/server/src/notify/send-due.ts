import { CertctlError, errorCodes, isCertctlError, type RecipientOutcome, messageOf as sentenceOf } from '@certctl/core'
import { systemActor } from '../access/principal.js'
import { inLanes } from '../in-lanes.js'
import { answerInTime } from '../lifecycle/order/answer-in-time.js'
import type { Services } from '../services.js'
import type { ConnectionRow } from '../store/connections.js'
import type { DueNotification } from '../store/notifications.js'
import type { Tx } from '../store/store.js'
import { messageOf } from './message-of.js'
import { alertOfNotifier, notifierWorks } from './notifier-alert.js'
import { routeEvents } from './route-events.js'

const sendLimitSeconds = 30
/** After this another copy may send what this one claimed. */
const claimMs = 120_000
/** Pauses after the first, second, … failure; then nobody tries any more. */
const pausesSeconds: readonly number[] = [60, 300, 900, 3600]
// As long as the longest of them: what nobody accepts is dead, and told of by others, in four tries, however long its receiver wishes.
const longestWishSeconds = 3600

/** Routes what is new and sends what is due now, until neither is left. Whatever was not accepted is tried again, and in the end called dead: never sent. */
export async function sendDue(services: Services, signal: AbortSignal): Promise<void> {
  await inLanes(services, {
    what: 'sending a notification',
    take: async (full) => await nextDue(services, full, signal),
    laneOf: ({ connection_id: notifier }) => notifier,
    work: async (row) => await sendOne(services, row, signal),
    // As many as people set up, save for very many: beyond that each notifier has one at a time.
    atOnce: 128,
    perLane: 4,
    signal,
  })
}

/** Routed first: what fails for good is an event to be told by others, and what lost its cause meanwhile is not sent. */
async function nextDue(
  services: Services,
  full: readonly string[],
  signal: AbortSignal,
): Promise<DueNotification | undefined> {
  for (;;) {
    const routed = await routeEvents(services)
    const at = services.clock.now()
    const until = new Date(at.getTime() + claimMs)
    const due = await services.store.notifications.claimDue({ at, until, except: full })
    if (due !== undefined || routed === 0 || signal.aborted) return due
  }
}

async function sendOne(services: Services, row: DueNotification, signal: AbortSignal): Promise<void> {
  try {
    await settleSent(services, row, await handOver(services, row, signal))
  } catch (error) {
    await settleFailed(services, row, error)
  }
}

async function handOver(services: Services, row: DueNotification, signal: AbortSignal) {
  const event = await services.store.events.get(row.event_id)
  if (event === undefined) throw new CertctlError('internal', `The event ${row.event_id} is gone`)
  const { enabled, name, connector } = await services.connections.notifier(row.connection_id)
  if (!enabled) throw new CertctlError('gone', `The notifier "${name}" is disabled`)
  const message = messageOf(event, row)
  // One that never answers must not hold up what others send.
  const outcome = await answerInTime(async (limited) => await connector.send({ ...message, signal: limited }), {
    seconds: sendLimitSeconds,
    signal,
  })
  const { recipients = [] } = outcome
  if (recipients.length > 0 && recipients.every(({ accepted }) => !accepted)) throw refusedByAll(recipients)
  return outcome
}

function refusedByAll(recipients: readonly RecipientOutcome[]): CertctlError {
  const isFinal = recipients.every(({ permanent }) => permanent === true)
  return new CertctlError(
    isFinal ? 'upstream_rejected' : 'upstream_unavailable',
    `No recipient was accepted: ${describe(recipients)}`,
  )
}

function describe(recipients: readonly RecipientOutcome[]): string {
  return recipients
    .map(({ recipient, detail }) => (detail === undefined ? recipient : `${recipient} (${detail})`))
    .join(', ')
}

async function settleSent(
  services: Services,
  row: DueNotification,
  outcome: { reference?: string | undefined; recipients?: readonly RecipientOutcome[] | undefined },
): Promise<void> {
  const missed = (outcome.recipients ?? []).filter(({ accepted }) => !accepted)
  await services.store.transaction(async (tx) => {
    await notifierWorks(tx, row.connection_id)
    await tx.notifications.settle(row, {
      state: 'sent',
      sent_at: tx.now,
      reference: outcome.reference ?? null,
      next_try_at: null,
      last_error_code: null,
      last_error: missed.length === 0 ? null : `Not accepted for ${describe(missed)}`,
    })
  })
}

async function settleFailed(services: Services, row: DueNotification, error: unknown): Promise<void> {
  const code = isCertctlError(error) ? error.code : 'internal'
  if (code === 'internal')
    services.log.error({ err: error, notification: row.id }, 'a notification failed inside the server')
  const reason = isCertctlError(error) ? error.message : sentenceOf(error)
  const pause = isFinal(code) ? undefined : pausesSeconds[row.attempts - 1]
  const wished = isCertctlError(error) ? (error.retryAfterSeconds ?? 0) : 0
  const retryAfter = Math.min(wished, longestWishSeconds)
  await services.store.transaction(async (tx) => {
    const next =
      pause === undefined
        ? null
        : new Date(tx.now.getTime() + Math.max(pause, retryAfter, services.config.notification_retry_interval) * 1000)
    // Locked before its messages, as by whoever deletes it.
    const notifier = pause === undefined ? await tx.connections.lock('notifier', row.connection_id) : undefined
    const settled = await tx.notifications.settle(row, {
      state: pause === undefined ? 'dead' : 'failed',
      next_try_at: next,
      last_error_code: code,
      last_error: reason,
    })
    if (settled && notifier?.enabled === true) await giveUp(tx, { row, notifier, code, reason })
  })
  if (code === 'gone') services.connections.forget(row.connection_id)
}

/** Whether nothing but a person can make the next attempt end otherwise. A connector that is missing may be installed meanwhile. */
function isFinal(code: keyof typeof errorCodes): boolean {
  return !errorCodes[code].retry && code !== 'internal' && code !== 'unsupported'
}

async function giveUp(
  tx: Tx,
  { row, notifier, code, reason }: { row: DueNotification; notifier: ConnectionRow; code: string; reason: string },
): Promise<void> {
  const isGone = code === 'gone'
  if (isGone) await disable(tx, notifier, reason)
  await alertOfNotifier(tx, notifier, { isGone, data: { notification: row.id, code, reason } })
}

async function disable(tx: Tx, { id, generation }: ConnectionRow, reason: string): Promise<void> {
  await tx.connections.update(id, { enabled: false, generation: generation + 1, updated_at: tx.now })
  tx.audit.append({
    actor: systemActor,
    action: 'notifier.disabled',
    resource_type: 'notifier',
    resource_id: id,
    details: { reason },
  })
  tx.wake('settings', `connection ${id}`)
}
