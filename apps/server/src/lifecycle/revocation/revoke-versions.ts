import type { RevocationReason } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import type { VersionRow } from '../../store/versions.js'
import { askedRenewal } from '../asking/asked-renewal.js'
import { hurryJob } from '../asking/hurry-job.js'
import { closeOrder } from '../order/close-order.js'
import { planIssuance } from '../order/plan-issuance.js'
import { resolveAlert } from '../resolve-alert.js'
import { subjectsOfHolder } from '../subjects-of-holder.js'
import { queueRevocation } from './queue-revocation.js'

export interface RevocationCause {
  reason: RevocationReason
  /** 1 to 511 characters. */
  reasonText: string
  actor: Actor
}

/** These ask for a new certificate; after the others a holder is left without one until somebody asks. */
const replacedReasons: readonly RevocationReason[] = ['keyCompromise', 'superseded']

export interface WantedVersions {
  cause: RevocationCause
  /** Read twice: before anything is locked, to know the keys, and under the locks of the certificates. */
  read: () => Promise<VersionRow[]>
  /** A whole certificate is given up, unless the reason asks for a new one: nothing that is under way for it goes on. */
  wholeCertificate: boolean
}

interface Locked {
  certificates: CertificateRow[]
  versions: VersionRow[]
  /** Open orders for a compromised key, whoever placed them. */
  orders: OrderRow[]
}

/**
 * Revokes versions here, at once, in the caller's transaction, which has locked nothing yet; their issuers are told until they confirm,
 * and their placements freeze. A compromised key is blocked first, and under its own lock, so that nothing of it becomes current any
 * more: then each version of it is revoked, orders for it are abandoned, and every holder of it gets a new issuance with a new key. What
 * was revoked for another reason before keeps that at its CA, and its key is blocked all the same.
 * Returns what was revoked, or whose key was blocked by this; empty where nothing was left to do.
 */
export async function revokeVersions(services: Services, tx: Tx, wanted: WantedVersions): Promise<VersionRow[]> {
  const { cause } = wanted
  const locked = await lock(tx, wanted)
  const fresh = locked.versions.filter((version) => version.revoked_at === null)
  const blocked = cause.reason === 'keyCompromise' ? await blockKeys(tx, locked.versions, cause) : []
  if (fresh.length === 0 && blocked.length === 0) return []
  for (const version of fresh) await revoke(services, tx, { version, wanted })
  for (const order of locked.orders) await abandon(tx, order)
  if (wanted.wholeCertificate && !replacedReasons.includes(cause.reason)) await giveUp(tx, locked.certificates)
  for (const certificate of locked.certificates) {
    record(tx, { certificate, versions: fresh, cause })
    recordBlocked(tx, { certificate, versions: blocked, cause })
    await planIssuance(services, tx, { certificate, requestedBy: cause.actor.name })
  }
  return fresh.length > 0 ? fresh : blocked
}

/** Keys before certificates, both in one order: whoever records a version takes its key first, too, so that nobody waits for ever. */
async function lock(tx: Tx, { read, cause }: WantedVersions): Promise<Locked> {
  const seen = await read()
  // What came since would be revoked without its certificate locked, and would be in no record.
  if (seen.length === 0) return { certificates: [], versions: [], orders: [] }
  if (cause.reason !== 'keyCompromise') {
    const certificates = await lockCertificates(tx, seen)
    return { certificates, versions: await read(), orders: [] }
  }
  const keys = [...new Set(seen.map((version) => version.spki_sha256))].toSorted()
  for (const key of keys) await tx.blockedKeys.lock(key)
  const orders = await tx.orders.listOpenOfKeys(keys)
  const certificates = await lockCertificates(tx, [...(await tx.versions.listOfKeys(keys)), ...orders])
  return { certificates, versions: await tx.versions.listOfKeys(keys), orders }
}

async function lockCertificates(tx: Tx, rows: readonly { certificate_id: string }[]): Promise<CertificateRow[]> {
  const ids = [...new Set(rows.map((row) => row.certificate_id))].toSorted()
  const locked: CertificateRow[] = []
  for (const id of ids) {
    const certificate = await tx.certificates.lock(id)
    if (certificate !== undefined) locked.push(certificate)
  }
  return locked
}

/** Returns the versions of keys that were not blocked before. */
async function blockKeys(
  tx: Tx,
  versions: readonly VersionRow[],
  { actor, reasonText }: RevocationCause,
): Promise<VersionRow[]> {
  const keys = new Set<string>()
  for (const version of versions) {
    const isNew = await tx.blockedKeys.insert({
      spki_sha256: version.spki_sha256,
      reason: reasonText,
      version_id: version.id,
      blocked_by: actor.name,
      blocked_at: tx.now,
    })
    if (isNew) keys.add(version.spki_sha256)
  }
  return versions.filter(({ spki_sha256: key }) => keys.has(key))
}

async function revoke(
  services: Services,
  tx: Tx,
  { version, wanted }: { version: VersionRow; wanted: WantedVersions },
): Promise<void> {
  const { reason, reasonText, actor } = wanted.cause
  await queueRevocation(services, tx, { version, reason, reasonText, requestedBy: actor.name })
  const holder = await tx.holders.lock(version.holder_id)
  if (holder?.current_version_id === version.id) {
    const asked = replacedReasons.includes(reason) ? await askedAnew(tx, holder, actor) : { renew_at: null }
    await tx.holders.update(holder.id, asked)
    if (!replacedReasons.includes(reason)) await endAlerts(tx, holder)
  }
  for (const placement of await tx.placements.listOfCertificate(version.certificate_id))
    if (placement.desired_version_id === version.id) await freeze(tx, placement.id)
}

/** Nobody is to renew it in time any more. */
async function endAlerts(tx: Tx, { id, certificate_id: certificateId }: HolderRow): Promise<void> {
  const subject = ['ending', 'expiring', 'ca-asks'].map((cause) => `${cause}:${id}`)
  const title = 'The certificate was revoked'
  await resolveAlert(tx, { subject, type: 'certificate.given_up', title, certificateId })
}

/** What stopped a renewal before, or made it wait, does not stop this one, but for a revocation for good. */
async function askedAnew(tx: Tx, holder: HolderRow, actor: Actor): Promise<Partial<HolderRow>> {
  const asked = await askedRenewal(tx, holder, actor)
  if (holder.blocked_code === 'already_revoked') return asked
  const job = await tx.jobs.lockOpenIssueOfHolder(holder.id)
  if (job !== undefined) await hurryJob(tx, job.id)
  return { ...asked, next_attempt_at: null, blocked_code: null, blocked_generation: null }
}

/** What is under way for any holder ends, since what it could still bring is not wanted; a person who renews by hand begins anew. */
async function giveUp(tx: Tx, certificates: readonly CertificateRow[]): Promise<void> {
  for (const { id, generation } of certificates) {
    for (const { id: holderId } of await tx.holders.listOfCertificate(id)) {
      const message = 'The certificate was revoked'
      await tx.holders.update(holderId, {
        renew_at: null,
        renewal_requested_at: null,
        next_attempt_at: null,
        last_error_code: 'already_revoked',
        last_error: message,
        blocked_code: 'already_revoked',
        blocked_generation: generation,
      })
      const order = await tx.orders.lockOpenOfHolder(holderId)
      if (order !== undefined) await closeOrder(tx, order, { state: 'abandoned', reason: message })
      await cancelIssuance(tx, holderId, message)
      const subject = subjectsOfHolder(holderId)
      await resolveAlert(tx, { subject, type: 'certificate.given_up', title: message, certificateId: id })
    }
    await endPlacementAlerts(tx, id)
  }
}

/** Nobody deploys there any more; a service that is half changed still needs somebody. */
async function endPlacementAlerts(tx: Tx, certificateId: string): Promise<void> {
  const placements = await tx.placements.listOfCertificate(certificateId)
  const subject = placements.flatMap(({ id, cause_code: code }) => (code === 'deploy_torn' ? [] : [`placement:${id}`]))
  const title = 'The certificate was revoked'
  await resolveAlert(tx, { subject, type: 'certificate.given_up', title, certificateId })
}

/** An order with a new key counts as the new issuance; one with the blocked key can only bring what must not be used. */
async function abandon(tx: Tx, { id, holder_id: holderId }: OrderRow): Promise<void> {
  await tx.holders.lock(holderId)
  const order = await tx.orders.lock(id)
  if (order?.state !== 'open') return
  await closeOrder(tx, order, { state: 'abandoned', reason: 'its key was reported compromised' })
  await cancelIssuance(tx, holderId, 'The key of its CSR was reported compromised')
}

async function cancelIssuance(tx: Tx, holderId: string, reason: string): Promise<void> {
  const job = await tx.jobs.lockOpenIssueOfHolder(holderId)
  if (job !== undefined) await tx.jobs.cancel({ column: 'id', value: job.id }, { at: tx.now, reason })
}

/** What is under way ends here, whether its agent is ever heard of again or not; what it says of it all the same is kept as what is there. */
async function freeze(tx: Tx, placementId: string): Promise<void> {
  const placement = await tx.placements.lock(placementId)
  await tx.placements.update(placementId, {
    ...(placement?.state === 'deploying' ? { state: 'failed' as const } : {}),
    frozen_at: tx.now,
    next_attempt_at: null,
    verify_at: null,
    updated_at: tx.now,
  })
  if (!(await tx.jobs.hasOpenOfPlacement(placementId))) return
  await tx.jobs.cancel(
    { column: 'placement_id', value: placementId },
    { at: tx.now, reason: 'The certificate was revoked' },
  )
}

/** Where all of a key was revoked before, nothing else says that it is compromised. */
function recordBlocked(
  tx: Tx,
  { certificate, versions, cause }: { certificate: CertificateRow; versions: VersionRow[]; cause: RevocationCause },
): void {
  const revoked = versions.filter((version) => version.revoked_at !== null && version.certificate_id === certificate.id)
  if (revoked.length === 0) return
  tx.audit.append({
    actor: cause.actor,
    action: 'certificate.key_blocked',
    resource_type: 'certificate',
    resource_id: certificate.id,
    details: {
      reason_text: cause.reasonText,
      spki_sha256: [...new Set(revoked.map(({ spki_sha256: key }) => key))],
      version_ids: revoked.map(({ id }) => id),
    },
  })
}

/** One entry for each certificate that loses something by it. */
function record(
  tx: Tx,
  { certificate, versions, cause }: { certificate: CertificateRow; versions: VersionRow[]; cause: RevocationCause },
): void {
  const own = versions.filter((version) => version.certificate_id === certificate.id)
  if (own.length === 0) return
  tx.audit.append({
    actor: cause.actor,
    action: 'certificate.revoked',
    resource_type: 'certificate',
    resource_id: certificate.id,
    details: {
      reason: cause.reason,
      reason_text: cause.reasonText,
      version_ids: own.map(({ id }) => id),
      serial_numbers: own.map(({ serial_number }) => serial_number),
    },
  })
}
