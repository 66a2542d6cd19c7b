import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { CertificateRow } from '../../store/certificates.js'
import { createId } from '../../store/create-id.js'
import type { HolderRow } from '../../store/holders.js'
import type { JobRow } from '../../store/jobs.js'
import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import { renewalAskedBy } from '../asking/asked-renewal.js'
import { knownAs } from '../asking/known-as.js'
import { raiseAlert } from '../raise-alert.js'
import { renewCommand } from '../renewal/renew-command.js'
import { closeOrder } from './close-order.js'
import { hasPlace } from './has-place.js'
import { openOrder } from './open-order.js'
import { reusableKey } from './reusable-key.js'

interface Plan {
  certificate: CertificateRow
  requestedBy: string
  /** Whoever that is; the schedule is nobody. */
  actor?: Actor | undefined
}

/**
 * Gives every holder that needs a version an open job, in the caller's transaction; the certificate is locked. Where each order costs
 * money or quota, holders take turns. Returns the open issue jobs.
 */
export async function planIssuance(services: Services, tx: Tx, plan: Plan): Promise<string[]> {
  const { certificate } = plan
  if (certificate.archived_at !== null) return []
  const [holders, placements, metered, open] = await Promise.all([
    tx.holders.listOfCertificate(certificate.id),
    tx.placements.listOfCertificate(certificate.id),
    isMetered(services, tx, certificate.issuer_id),
    tx.jobs.listOpenOfCertificate(certificate.id, 'issue'),
  ])
  const jobs = open.map((job) => job.id)
  let isTaken = open.some((job) => hasTurn(job, tx.now))
  for (const holder of holders) {
    if (metered && isTaken) return jobs
    if (!needsVersion(holder, certificate, tx.now) || !hasPlace(holder, placements)) continue
    const job = await planHolder(tx, holder, plan)
    if (job === undefined || jobs.includes(job)) continue
    jobs.push(job)
    isTaken = true
  }
  return jobs
}

// An agent that is there sends its CSR within seconds.
const turnMs = 900_000

/** An agent that does not answer keeps its job and loses its turn: it must not keep the others from theirs. */
function hasTurn({ state, run_at, locked_until }: JobRow, now: Date): boolean {
  if (state !== 'waiting_csr') return true
  return Math.max(run_at.getTime() + turnMs, locked_until?.getTime() ?? 0) > now.getTime()
}

async function isMetered(services: Services, tx: Tx, issuerId: string): Promise<boolean> {
  const connection = await tx.connections.get('issuer', issuerId)
  if (connection === undefined) throw new CertctlError('not_found', `There is no issuer ${issuerId}`)
  return services.registry.find('issuer', connection.type)?.definition.capabilities.metered ?? false
}

/** What was refused for good waits until the certificate changes or a person asks; the renewal of what is served also has a time. */
function needsVersion(holder: HolderRow, { generation }: CertificateRow, now: Date): boolean {
  const { blocked_code: code, current_version_id: current, next_attempt_at: next } = holder
  const isRetried = current !== null && next !== null && next.getTime() <= now.getTime()
  if (code !== null && !isOutdated(holder, generation) && !isRetried) return false
  if (holder.current_version_id === null || holder.renewal_requested_at !== null) return true
  return holder.renew_at !== null && holder.renew_at.getTime() <= now.getTime()
}

/** A refusal of what the certificate was before it was changed. */
function isOutdated({ blocked_code: code, blocked_generation: refused }: HolderRow, generation: number): boolean {
  return code !== null && (refused ?? 0) < generation
}

async function planHolder(tx: Tx, holder: HolderRow, plan: Plan): Promise<string | undefined> {
  const open = await usableOrder(tx, holder, plan)
  const orderId = open?.id ?? (holder.kind === 'outside' ? await orderFromStoredCsr(tx, holder, plan) : undefined)
  if (orderId === undefined && holder.kind !== 'agent') return undefined
  const waits = orderId === undefined
  const nextAttempt = isOutdated(holder, plan.certificate.generation) ? undefined : holder.next_attempt_at
  const { id, created } = await tx.jobs.insert({
    id: createId('job', tx.now),
    kind: 'issue',
    state: waits ? 'waiting_csr' : 'ready',
    agent_id: holder.agent_id,
    certificate_id: plan.certificate.id,
    holder_id: holder.id,
    order_id: orderId ?? null,
    generation: plan.certificate.generation,
    renewal: holder.current_version_id !== null,
    run_at: later(tx.now, open?.next_look_at ?? nextAttempt),
    requested_by: plan.requestedBy,
    requested_by_person: await askedBy(tx, holder, plan),
    created_at: tx.now,
  })
  if (created && waits && holder.agent_id !== null) tx.wake('agent', holder.agent_id)
  if (created && !waits) tx.wake('work', 'issue')
  return id
}

/** An order that was open when its job was lost goes on; one of an older generation ends. */
async function usableOrder(tx: Tx, holder: HolderRow, { certificate }: Plan): Promise<OrderRow | undefined> {
  const order = await tx.orders.lockOpenOfHolder(holder.id)
  if (order === undefined || order.generation >= certificate.generation) return order
  await closeOrder(tx, order, { state: 'abandoned', reason: 'the certificate was changed' })
  return undefined
}

async function orderFromStoredCsr(tx: Tx, holder: HolderRow, { certificate }: Plan): Promise<string | undefined> {
  const spkiSha256 = await reusableKey(tx, holder, certificate)
  if (holder.csr_pem !== null && spkiSha256 !== undefined)
    return await openOrder(tx, { certificate, holder, csr: { pem: holder.csr_pem, spkiSha256 } })
  await raiseAlert(tx, {
    subject: `csr-needed:${holder.id}`,
    type: 'certificate.csr_needed',
    severity: 'warning',
    title: `${certificate.name} must be renewed with a new key; whoever holds it must send a CSR`,
    command: await renewCommand(tx, { certificate, holder }),
    certificateId: certificate.id,
  })
  return undefined
}

/** A job that takes the place of another is still asked for by whoever asked for the renewal. */
async function askedBy(tx: Tx, holder: HolderRow, { actor }: Plan): Promise<string[] | null> {
  const before = renewalAskedBy(holder)
  const asking = actor === undefined ? [] : await knownAs(tx, actor)
  return asking.length === 0 ? before : [...new Set([...asking, ...(before ?? [])])]
}

function later(now: Date, at: Date | null | undefined): Date {
  return at != null && at.getTime() > now.getTime() ? at : now
}
