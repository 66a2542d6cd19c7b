import { CertctlError, isCertctlError } from '@certctl/core'
import { parseCsr } from '@certctl/pki'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { CertificateRow } from '../../store/certificates.js'
import { createId } from '../../store/create-id.js'
import type { HolderRow } from '../../store/holders.js'
import type { JobRow } from '../../store/jobs.js'
import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import { knownAs } from '../asking/known-as.js'
import { noteRequester } from '../asking/note-requester.js'
import { closeOrder } from '../order/close-order.js'
import { openOrder } from '../order/open-order.js'
import { resolveAlert } from '../resolve-alert.js'
import { judgeCsr } from './judge-csr.js'
import { refuseCsr } from './refuse-csr.js'
import { requireNewKey } from './require-new-key.js'
import type { ValidCsr } from './validate-csr.js'

export interface SubmittedCsr {
  holderId: string
  /** Where it is known already. */
  certificateId?: string | undefined
  csrPem: string
  /** The job it answers and the lease of its claim; absent with agents of the first protocol. */
  job?: { id: string; lease: string } | undefined
  /** Sent by whoever holds the key outside, who need not have been asked. */
  isUnasked?: true | undefined
  actor: Actor
}

interface Rows {
  certificate: CertificateRow
  holder: HolderRow
  order: OrderRow | undefined
  job: JobRow | undefined
}

/**
 * Takes a CSR from whoever holds the key and opens an order for it; returns the order. The same CSR again is the same order. Another
 * one while an order is open abandons that order. Throws what `validateCsr` and `applyPolicy` throw, and `conflict` when nobody waits for
 * a CSR or the lease is lost.
 */
export async function acceptCsr(services: Services, submitted: SubmittedCsr): Promise<string> {
  try {
    const { spkiSha256 } = parseCsr(submitted.csrPem).publicKey
    const { holderId } = submitted
    const key = submitted.certificateId ?? (await services.store.holders.get(holderId))?.certificate_id ?? holderId
    return await services.store.together(key, async (tx) => {
      const rows = await lockRows(tx, submitted)
      const known = await knownOrder(tx, rows, { spkiSha256, csrPem: submitted.csrPem })
      if (known !== undefined) return known
      await requireWaiting(tx, rows, submitted)
      const { certificate, holder } = rows
      const { csrPem } = submitted
      const { csr } = await judgeCsr(tx, { certificate, csrPem, custody: holder.kind, now: tx.now })
      await requireNewKey(tx, { certificate, holder, spkiSha256 })
      return await takeCsr(tx, rows, { csr, actor: submitted.actor })
    })
  } catch (error) {
    if (isCertctlError(error) && error.code !== 'conflict') await refuseCsr(services, submitted, error)
    throw error
  }
}

async function lockRows(tx: Tx, { holderId }: SubmittedCsr): Promise<Rows> {
  const unlocked = await tx.holders.get(holderId)
  const [certificate, holder, order, job] = await Promise.all([
    unlocked === undefined ? undefined : tx.certificates.lock(unlocked.certificate_id),
    tx.holders.lock(holderId),
    tx.orders.lockOpenOfHolder(holderId),
    tx.jobs.lockOpenIssueOfHolder(holderId),
  ])
  if (certificate === undefined || holder === undefined)
    throw new CertctlError('not_found', `There is no holder ${holderId}`)
  if (holder.closed_at !== null || certificate.archived_at !== null)
    throw new CertctlError('conflict', `Certificate ${certificate.id} is not issued for this holder any more`)
  return { certificate, holder, order, job }
}

/** An order of this key that is open, or, unless another CSR is asked for since, that brought what is current: the answer is what it was. */
async function knownOrder(
  tx: Tx,
  { holder, certificate, job }: Rows,
  { spkiSha256, csrPem }: { spkiSha256: string; csrPem: string },
): Promise<string | undefined> {
  const order = await tx.orders.findOfKey(holder.id, spkiSha256)
  if (order === undefined || !sameCsr(order.csr_pem, csrPem)) return undefined
  if (order.state === 'open' && order.generation === certificate.generation) return order.id
  if (order.state !== 'valid' || holder.current_version_id === null || job?.state === 'waiting_csr') return undefined
  const current = await tx.versions.get(holder.current_version_id)
  return current?.order_id === order.id ? order.id : undefined
}

function sameCsr(stored: string, given: string): boolean {
  return stored === parseCsr(given).pem
}

async function requireWaiting(tx: Tx, rows: Rows, { job: claimed, isUnasked }: SubmittedCsr): Promise<void> {
  const { job, order } = rows
  if (claimed !== undefined && (job?.id !== claimed.id || job.lease !== claimed.lease))
    throw new CertctlError('conflict', `The lease of job ${claimed.id} is lost; ask for work again`)
  if (isUnasked === true || job !== undefined || order !== undefined || (await isKeyLost(tx, rows))) return
  throw new CertctlError('conflict', 'Nobody waits for a CSR of this certificate from you; ask for work first')
}

/** An agent of the first protocol overwrites its key before it sends a CSR: what it was issued and has not deployed by then is of no use to it. */
async function isKeyLost(tx: Tx, { holder, certificate }: Rows): Promise<boolean> {
  if (holder.kind !== 'agent' || holder.current_version_id === null) return false
  const current = await tx.versions.get(holder.current_version_id)
  const placements = await tx.placements.listOfCertificate(certificate.id)
  const own = placements.filter((placement) => placement.agent_id === holder.agent_id)
  return own.length > 0 && own.every((placement) => placement.deployed_fingerprint !== current?.fingerprint)
}

async function takeCsr(
  tx: Tx,
  { certificate, holder, order, job }: Rows,
  { csr, actor }: { csr: ValidCsr; actor: Actor },
): Promise<string> {
  if (order !== undefined)
    await closeOrder(tx, order, { state: 'abandoned', reason: 'another CSR came for the same certificate' })
  const orderId = await openOrder(tx, {
    certificate,
    holder,
    csr: { pem: csr.pem, spkiSha256: csr.publicKey.spkiSha256 },
  })
  await Promise.all([
    noteRequester(tx, certificate, actor),
    job === undefined ? addJob(tx, { certificate, holder }, { orderId, actor }) : readyJob(tx, job, orderId),
    holder.kind === 'outside' ? tx.holders.update(holder.id, { csr_pem: csr.pem }) : undefined,
    resolveAlert(tx, {
      subject: [`csr-overdue:${holder.id}`, `csr-needed:${holder.id}`],
      type: 'certificate.csr_accepted',
      title: `A CSR for ${certificate.name} came`,
      certificateId: certificate.id,
      agentId: holder.agent_id ?? undefined,
    }),
  ])
  tx.audit.append({
    actor,
    action: 'certificate.csr_accepted',
    resource_type: 'certificate',
    resource_id: certificate.id,
    details: {
      order_id: orderId,
      holder_id: holder.id,
      spki_sha256: csr.publicKey.spkiSha256,
      abandoned_order_id: order?.id,
    },
  })
  tx.wake('work', 'issue')
  return orderId
}

/** Whoever had claimed the job for the order before loses it: the lease is gone. */
async function readyJob(tx: Tx, job: JobRow, orderId: string): Promise<void> {
  await tx.jobs.update(job.id, {
    state: 'ready',
    order_id: orderId,
    run_at: tx.now,
    lease: null,
    locked_by: null,
    locked_until: null,
    last_error_code: null,
    last_error: null,
  })
}

async function addJob(
  tx: Tx,
  { certificate, holder }: Pick<Rows, 'certificate' | 'holder'>,
  { orderId, actor }: { orderId: string; actor: Actor },
): Promise<void> {
  await tx.jobs.insert({
    id: createId('job', tx.now),
    kind: 'issue',
    state: 'ready',
    agent_id: holder.agent_id,
    certificate_id: certificate.id,
    holder_id: holder.id,
    order_id: orderId,
    generation: certificate.generation,
    renewal: holder.current_version_id !== null,
    run_at: tx.now,
    requested_by: actor.name,
    requested_by_person: actor.person === undefined ? null : await knownAs(tx, actor),
    created_at: tx.now,
  })
}
