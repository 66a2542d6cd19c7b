import { CertctlError } from '@certctl/core'
import { systemActor } from '../../access/principal.js'
import { emitEvent } from '../../notify/emit-event.js'
import type { Services } from '../../services.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import type { VersionRow } from '../../store/versions.js'
import { planPlacements } from '../placement/plan-placements.js'
import { noteViolations } from '../policy/note-violations.js'
import { raiseAlert } from '../raise-alert.js'
import { firstRenewal } from '../renewal/first-renewal.js'
import { resolveAlert } from '../resolve-alert.js'
import { queueRevocation } from '../revocation/queue-revocation.js'
import { besideProfileOf, subjectsOfHolder } from '../subjects-of-holder.js'
import type { CheckedCertificate } from './check-issued.js'
import { closeOrder } from './close-order.js'
import { insertVersion } from './insert-version.js'
import { orderSubject } from './order-answer.js'
import { planIssuance } from './plan-issuance.js'

export interface RecordedVersion {
  id: string
  standing: VersionRow['standing']
  /** Nobody had recorded it before. */
  isNew: boolean
}

interface Rows {
  certificate: CertificateRow
  holder: HolderRow
  order: OrderRow
}

/**
 * Records what a CA returned for an order: the version, what follows from it and the record of it, in one transaction. The key,
 * certificate, holder and order are locked in this sequence. What came too late, for an older generation or for a blocked key is kept as
 * lost, never made current, and revoked as superseded. The same certificate again is the same version.
 */
export async function recordVersion(
  services: Services,
  {
    orderId,
    checked,
    certificateId,
  }: { orderId: string; checked: CheckedCertificate; certificateId?: string | undefined },
): Promise<RecordedVersion> {
  const key = certificateId ?? (await services.store.orders.get(orderId))?.certificate_id ?? orderId
  return await services.store.together(key, async (tx) => {
    const { twins, isKeyBlocked, ...rows } = await lockRows(tx, orderId, checked)
    const known = knownVersion(twins, rows.order, checked)
    if (known !== undefined) return known
    const fault = faultOf(rows, isKeyBlocked)
    const version = await insertVersion(tx, rows, { checked, standing: fault === undefined ? 'current' : 'lost' })
    if (fault === undefined) await makeCurrent(services, tx, { ...rows, version, checked })
    else await keepAsLost(services, tx, { ...rows, version, fault })
    return { id: version.id, standing: version.standing, isNew: true }
  })
}

/** What is known under the same fingerprint, and under the same serial number of the same issuer. */
interface Twins {
  known: VersionRow | undefined
  twin: VersionRow | undefined
}

async function lockRows(
  tx: Tx,
  orderId: string,
  { certificate: issued }: CheckedCertificate,
): Promise<Rows & { twins: Twins; isKeyBlocked: boolean }> {
  const unlocked = await tx.orders.get(orderId)
  if (unlocked === undefined) throw new CertctlError('not_found', `There is no order ${orderId}`)
  const [, certificate, holder, order, known, twin, isKeyBlocked] = await Promise.all([
    // Whoever blocks this key has blocked it before, or finds this version.
    tx.blockedKeys.lock(unlocked.spki_sha256),
    tx.certificates.lock(unlocked.certificate_id),
    tx.holders.lock(unlocked.holder_id),
    tx.orders.lock(orderId),
    tx.versions.findByFingerprint(issued.fingerprint),
    tx.versions.findBySerial(unlocked.issuer_id, issued.serialNumber),
    tx.blockedKeys.has(unlocked.spki_sha256),
  ])
  if (certificate === undefined || holder === undefined || order === undefined)
    throw new CertctlError('internal', `Order ${orderId} refers to rows that are not there`)
  return { certificate, holder, order, twins: { known, twin }, isKeyBlocked }
}

function knownVersion(
  { known, twin }: Twins,
  order: OrderRow,
  { certificate }: CheckedCertificate,
): RecordedVersion | undefined {
  // Another turn, which had lost its lease, refused it: asking on brings the same answer for ever.
  if (known?.standing === 'lost' && known.order_id === order.id && order.state === 'open')
    throw new CertctlError(
      'issued_mismatch',
      `The CA returned the certificate with serial number ${known.serial_number} again, which was refused before`,
    )
  if (known?.order_id === order.id) return { id: known.id, standing: known.standing, isNew: false }
  if (known !== undefined)
    throw new CertctlError(
      'issued_mismatch',
      `The CA returned the certificate with serial number ${known.serial_number} again, which it issued for an earlier order`,
    )
  if (twin === undefined) return undefined
  throw new CertctlError(
    'issued_mismatch',
    `The CA used the serial number ${certificate.serialNumber} for two certificates`,
  )
}

/** Why this certificate must not be used, although it is what was approved. */
function faultOf({ certificate, holder, order }: Rows, isKeyBlocked: boolean): string | undefined {
  if (order.state !== 'open') return `it came when its order was closed already: ${order.close_reason ?? order.state}`
  if (certificate.archived_at !== null) return 'it came when the certificate was archived already'
  if (holder.closed_at !== null) return 'it came when the holder of its key was gone already'
  if (order.generation < certificate.generation) return 'the certificate was changed since it was ordered'
  if (isKeyBlocked) return 'its key was reported compromised'
  return undefined
}

async function makeCurrent(
  services: Services,
  tx: Tx,
  { certificate, holder, order, version, checked }: Rows & { version: VersionRow; checked: CheckedCertificate },
): Promise<void> {
  const before = holder.current_version_id
  const [columns] = await Promise.all([
    firstRenewal(services, tx, { certificate, version }),
    before === null ? undefined : tx.versions.update(before, { standing: 'previous' }),
  ])
  const current = tx.holders.update(holder.id, {
    current_version_id: version.id,
    ...columns,
    renewal_requested_at: null,
    renewal_requested_by_person: null,
    failures: 0,
    next_attempt_at: null,
    last_error_code: null,
    last_error: null,
    blocked_code: null,
    blocked_generation: null,
  })
  // In this order on one connection: what follows sees what the holder has now.
  await Promise.all([
    current,
    noteViolations(tx, certificate),
    closeValid(tx, order, version),
    planPlacements(tx, { certificate, requestedBy: 'System' }),
  ])
  const action = before === null ? 'certificate.issued' : 'certificate.renewed'
  await Promise.all([
    planIssuance(services, tx, { certificate, requestedBy: 'System' }),
    tell(tx, { certificate, holder, version, checked, action }),
  ])
}

/** The job ends with its order, whoever holds it: a second answer finds nothing left to do. */
async function closeValid(tx: Tx, order: OrderRow, version: VersionRow): Promise<void> {
  tx.wake('event', orderSubject(order.id))
  const [, job] = await Promise.all([
    tx.orders.update(order.id, {
      state: 'valid',
      closed_at: tx.now,
      close_reason: 'issued',
      next_look_at: null,
      progress: null,
    }),
    tx.jobs.lockOpenIssueOfHolder(order.holder_id),
  ])
  if (job?.order_id !== order.id) return
  await tx.jobs.update(job.id, {
    state: 'done',
    outcome: 'done',
    completed_at: tx.now,
    locked_until: null,
    last_error: null,
    last_error_code: null,
    result: JSON.stringify({ version_id: version.id }),
  })
}

async function tell(
  tx: Tx,
  {
    certificate,
    holder,
    version,
    checked,
    action,
  }: Pick<Rows, 'certificate' | 'holder'> & { version: VersionRow; checked: CheckedCertificate; action: string },
): Promise<void> {
  const details = {
    version_id: version.id,
    serial_number: version.serial_number,
    fingerprint: version.fingerprint,
    not_after: version.not_after.toISOString(),
    holder_id: holder.id,
    agent_id: holder.agent_id ?? undefined,
    differences: checked.differences.length > 0 ? checked.differences : undefined,
    beside_profile: checked.besideProfile.length > 0 ? checked.besideProfile : undefined,
  }
  tx.audit.append({ actor: systemActor, action, resource_type: 'certificate', resource_id: certificate.id, details })
  const about = { certificateId: certificate.id, issuerId: version.issuer_id, data: details }
  const verb = action === 'certificate.renewed' ? 'renewed' : 'issued'
  const title = `${certificate.name} was ${verb}; it ends at ${version.not_after.toISOString()}`
  await emitEvent(tx, { ...about, type: action, severity: 'info', title })
  const beside = besideProfileOf(holder.id)
  const isBeside = checked.besideProfile.length > 0
  await resolveAlert(tx, {
    ...about,
    subject: subjectsOfHolder(holder.id).filter((subject) => !isBeside || subject !== beside),
    type: 'certificate.issuance_recovered',
    title,
  })
  if (!isBeside) return
  const profileId = certificate.certificate_profile_id ?? ''
  await raiseAlert(tx, {
    ...about,
    subject: beside,
    type: 'certificate.beside_profile',
    severity: 'warning',
    title: `The CA issued ${certificate.name} other than its profile ${profileId} says: ${checked.besideProfile.join('; ')}. It is used; set up the CA, or the profile`,
    command: `certctl profiles show ${profileId}`,
  })
}

async function keepAsLost(
  services: Services,
  tx: Tx,
  { certificate, order, version, fault }: Rows & { version: VersionRow; fault: string },
): Promise<void> {
  const details = {
    version_id: version.id,
    serial_number: version.serial_number,
    fingerprint: version.fingerprint,
    order_id: order.id,
    fault,
  }
  tx.audit.append({
    actor: systemActor,
    action: 'certificate.version_lost',
    resource_type: 'certificate',
    resource_id: certificate.id,
    details,
  })
  await queueRevocation(services, tx, {
    version,
    reason: 'superseded',
    reasonText: `Not used: ${fault}`,
    requestedBy: 'System',
  })
  if (order.state === 'open') await endFruitlessOrder(services, tx, { certificate, order, fault })
}

/** An open order whose certificate cannot be used has brought what it could: its job ends, and what is still needed is planned anew. */
async function endFruitlessOrder(
  services: Services,
  tx: Tx,
  { certificate, order, fault }: { certificate: CertificateRow; order: OrderRow; fault: string },
): Promise<void> {
  await closeOrder(tx, order, { state: 'abandoned', reason: fault })
  const job = await tx.jobs.lockOpenIssueOfHolder(order.holder_id)
  if (job?.order_id === order.id)
    await tx.jobs.update(job.id, {
      state: 'done',
      outcome: 'superseded',
      completed_at: tx.now,
      locked_until: null,
      last_error: fault,
    })
  await planIssuance(services, tx, { certificate, requestedBy: 'System' })
}
