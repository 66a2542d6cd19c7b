import { CertctlError, type IssuedRef } from '@certctl/core'
import type { Services } from '../../services.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { JobRow } from '../../store/jobs.js'
import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import type { VersionRow } from '../../store/versions.js'
import { type Passage, passGate } from '../approval/pass-gate.js'
import { resolveAlert } from '../resolve-alert.js'
import { closeOrder } from './close-order.js'
import { issuedRef } from './issued-ref.js'
import { planIssuance } from './plan-issuance.js'

/** A job of ours: claimed, with the lease it was claimed under. */
export type LeasedJob = Pick<JobRow, 'id' | 'order_id' | 'certificate_id' | 'holder_id'> & { lease: string }

/** One turn of an order, already counted in its row. */
export interface Attempt {
  job: LeasedJob
  order: OrderRow & { first_asked_at: Date }
  certificate: CertificateRow
  holder: HolderRow
  /** What this holder serves until then. */
  serving: VersionRow | undefined
  previous: IssuedRef | undefined
  siblings: readonly IssuedRef[]
  /** Why it must not be asked for, by rules that hold now or because its time is over. */
  refusal: CertctlError | undefined
  isOverdue: boolean
  /** Where a second person agreed: the issuer they agreed to, by how often it was changed. */
  issuerGeneration: number | undefined
}

/**
 * Counts an attempt (or a look, once the CA has given the order its own id) and commits it, before the issuer is called: whatever
 * happens then, the next one knows that an answer may have been lost. `undefined`: there is nothing to ask for any more, or nothing to
 * ask for before a second person has agreed.
 */
export async function beginAttempt(services: Services, job: LeasedJob): Promise<Attempt | undefined> {
  return await services.store.together(job.certificate_id ?? job.id, async (tx) => {
    const rows = await lockRows(tx, job)
    if (rows === undefined) return undefined
    const { certificate, holder, order } = rows
    const fault = faultOf(rows, tx.now)
    if (fault !== undefined) {
      await closeOrder(tx, order, fault)
      await tx.jobs.settle(job, {
        state: 'done',
        outcome: 'superseded',
        completed_at: tx.now,
        last_error: fault.reason,
        locked_until: null,
      })
      await planIssuance(services, tx, { certificate, requestedBy: 'System' })
      return undefined
    }
    await endDelay(tx, holder)
    const isOverdue = isOver(order, tx.now)
    const passage = isOverdue ? unanswered : await passGate(services, tx, rows)
    if (passage.is === 'waiting') return await wait(tx, job)
    const refusal = passage.is === 'refused' ? passage.error : undefined
    const issuerGeneration = passage.is === 'open' ? passage.issuerGeneration : undefined
    const [counted, around] = await Promise.all([count(tx, order), surroundings(tx, rows)])
    return { job, certificate, holder, order: counted, ...around, refusal, isOverdue, issuerGeneration }
  })
}

const unanswered: Passage = {
  is: 'refused',
  error: new CertctlError('upstream_unavailable', 'The CA did not bring an order to its end within 30 days'),
}

async function wait(tx: Tx, job: LeasedJob): Promise<undefined> {
  const waiting = { last_error: null, last_error_code: null, locked_until: null }
  await tx.jobs.settle(job, { ...waiting, state: 'waiting_approval' })
}

/** What it waited for without a failure (see `deferOrder`) is over, and nobody need be told of it. */
async function endDelay(tx: Tx, holder: HolderRow): Promise<void> {
  const { id, certificate_id: certificateId, failures, last_error_code: code, blocked_code: blocked } = holder
  if (failures > 0 || blocked !== null || code === null) return
  await tx.holders.update(id, { last_error_code: null, last_error: null, next_attempt_at: null })
  const title = 'What it waited for is over; it is asked for now'
  await resolveAlert(tx, { subject: `issuance:${id}`, type: 'certificate.issuance_goes_on', title, certificateId })
}

interface Rows {
  certificate: CertificateRow
  holder: HolderRow
  order: OrderRow
  job: JobRow
}

async function lockRows(tx: Tx, job: LeasedJob): Promise<Rows | undefined> {
  const [certificate, holder, order, now] = await Promise.all([
    tx.certificates.lock(job.certificate_id ?? ''),
    tx.holders.lock(job.holder_id ?? ''),
    tx.orders.lock(job.order_id ?? ''),
    tx.jobs.lock(job.id),
  ])
  const isOurs = now?.lease === job.lease && now.state === 'active' && now.order_id === job.order_id
  if (!isOurs || certificate === undefined || holder === undefined || order === undefined) return undefined
  return { certificate, holder, order, job: now }
}

function faultOf({ certificate, holder, order }: Rows, now: Date): Parameters<typeof closeOrder>[2] | undefined {
  if (order.state !== 'open') return { state: 'abandoned', reason: order.close_reason ?? `the order is ${order.state}` }
  if (certificate.archived_at !== null) return { state: 'abandoned', reason: 'the certificate was archived' }
  if (holder.closed_at !== null) return { state: 'abandoned', reason: 'the holder of the key is gone' }
  if (order.generation < certificate.generation) return { state: 'abandoned', reason: 'the certificate was changed' }
  if (order.attempts === 0 && isOver(order, now)) return { state: 'expired', reason: 'it was not placed in time' }
  return undefined
}

function isOver({ deadline }: OrderRow, now: Date): boolean {
  return deadline.getTime() <= now.getTime()
}

async function count(tx: Tx, order: OrderRow): Promise<Attempt['order']> {
  const counted = {
    attempts: order.vendor_order_id === null ? order.attempts + 1 : order.attempts,
    looks: order.vendor_order_id === null ? order.looks : order.looks + 1,
    first_asked_at: order.first_asked_at ?? tx.now,
  }
  await tx.orders.update(order.id, counted)
  return { ...order, ...counted }
}

async function surroundings(tx: Tx, { certificate, holder }: Rows) {
  const current = await tx.versions.listCurrentWithDer(certificate.id)
  const own = current.find((version) => version.id === holder.current_version_id)
  return {
    serving: own,
    previous: own === undefined ? undefined : issuedRef(own),
    siblings: current.filter((version) => version.id !== holder.current_version_id).map(issuedRef),
  }
}
