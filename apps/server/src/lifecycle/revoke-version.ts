import { CertctlError, type RevocationReason } from '@certctl/core'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import type { CertificateRow } from '../store/certificates.js'
import type { Tx } from '../store/store.js'
import type { VersionRow } from '../store/versions.js'
import { closeOrder } from './close-order.js'
import { planIssuance } from './plan-issuance.js'
import { queueRevocation } from './queue-revocation.js'

export interface Revocation {
  versionId: string
  reason: RevocationReason
  reasonText: string
  actor: Actor
}

/** These ask for a new certificate; after the others a holder is left without one until somebody asks. */
const replaced: readonly RevocationReason[] = ['keyCompromise', 'superseded']

/**
 * Revokes a version here, at once; its issuer is told until it confirms, and its placements freeze. A compromised key is blocked under
 * the lock of every certificate that has it: each version of it is revoked, orders for it are abandoned, and every holder of it gets a
 * new issuance with a new key. Throws `not_found` and `already_revoked`.
 */
export async function revokeVersion(services: Services, revocation: Revocation): Promise<void> {
  const { versionId, reason, actor } = revocation
  await services.store.transaction(async (tx) => {
    const version = await tx.versions.get(versionId)
    if (version === undefined) throw new CertctlError('not_found', `There is no version ${versionId}`)
    const versions = reason === 'keyCompromise' ? await tx.versions.listOfKey(version.spki_sha256) : [version]
    const certificates = await lockCertificates(tx, versions)
    if ((await tx.versions.get(versionId))?.revoked_at !== null)
      throw new CertctlError(
        'already_revoked',
        `The certificate with serial number ${version.serial_number} is revoked already`,
      )
    if (reason === 'keyCompromise') await blockKey(tx, version, revocation)
    for (const each of versions) await revoke(services, tx, { version: each, revocation })
    tx.audit.append({
      actor,
      action: 'certificate.revoked',
      resource_type: 'certificate',
      resource_id: version.certificate_id,
      details: {
        version_id: versionId,
        serial_number: version.serial_number,
        reason,
        reason_text: revocation.reasonText,
        version_ids: versions.map(({ id }) => id),
      },
    })
    for (const certificate of certificates) await planIssuance(services, tx, { certificate, requestedBy: actor.name })
  })
}

/** In one order, so that two revocations of one key wait for each other instead of both for ever. */
async function lockCertificates(tx: Tx, versions: readonly VersionRow[]): Promise<CertificateRow[]> {
  const ids = [...new Set(versions.map(({ certificate_id }) => certificate_id))].toSorted()
  const locked: CertificateRow[] = []
  for (const id of ids) {
    const certificate = await tx.certificates.lock(id)
    if (certificate !== undefined) locked.push(certificate)
  }
  return locked
}

async function blockKey(tx: Tx, version: VersionRow, { actor, reasonText }: Revocation): Promise<void> {
  await tx.blockedKeys.insert({
    spki_sha256: version.spki_sha256,
    reason: reasonText,
    version_id: version.id,
    blocked_by: actor.name,
    blocked_at: tx.now,
  })
}

async function revoke(
  services: Services,
  tx: Tx,
  { version, revocation }: { version: VersionRow; revocation: Revocation },
): Promise<void> {
  const { reason, reasonText, actor } = revocation
  await queueRevocation(services, tx, { version, reason, reasonText, requestedBy: actor.name })
  const holder = await tx.holders.lock(version.holder_id)
  if (reason === 'keyCompromise') await abandonOrder(tx, version)
  if (holder?.current_version_id === version.id)
    await tx.holders.update(
      holder.id,
      replaced.includes(reason) ? { renewal_requested_at: tx.now } : { renew_at: null },
    )
  for (const placement of await tx.placements.listOfCertificate(version.certificate_id))
    if (placement.desired_version_id === version.id) await freeze(tx, placement.id)
}

/** An order with a new key counts as the new issuance; one with the blocked key can only bring what must not be used. */
async function abandonOrder(tx: Tx, { holder_id: holderId, spki_sha256: key }: VersionRow): Promise<void> {
  const order = await tx.orders.lockOpenOfHolder(holderId)
  if (order?.spki_sha256 !== key) return
  await closeOrder(tx, order, { state: 'abandoned', reason: 'its key was reported compromised' })
  await tx.jobs.cancel(
    { column: 'holder_id', value: holderId },
    { at: tx.now, reason: 'The key of its CSR was reported compromised', kinds: ['issue'] },
  )
}

async function freeze(tx: Tx, placementId: string): Promise<void> {
  await tx.placements.update(placementId, {
    frozen_at: tx.now,
    next_attempt_at: null,
    verify_at: null,
    updated_at: tx.now,
  })
  await tx.jobs.cancel(
    { column: 'placement_id', value: placementId },
    { at: tx.now, reason: 'The certificate was revoked' },
  )
}
