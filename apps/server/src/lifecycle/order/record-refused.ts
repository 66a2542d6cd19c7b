import { CertctlError, isCertctlError } from '@certctl/core'
import { type Certificate, parseCertificate, splitCertificates } from '@certctl/pki'
import { systemActor } from '../../access/principal.js'
import type { Services } from '../../services.js'
import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import { queueRevocation } from '../revocation/queue-revocation.js'
import type { IssuedAnswer } from './check-issued.js'
import { insertVersion } from './insert-version.js'

export interface Refused {
  orderId: string
  answer: IssuedAnswer
  fault: string
}

/**
 * Keeps a certificate that is not what was approved as lost, since it exists and somebody may trust it; where it is for the key that was
 * asked for, it is revoked as superseded, also before its time begins: clocks differ, and its order ends now. One for another key may
 * be somebody else's: it is kept and left alone. No change for what cannot be read or is known already.
 */
export async function recordRefused(services: Services, { orderId, answer, fault }: Refused): Promise<void> {
  const issued = readable(answer)
  if (issued === undefined) return
  await services.store.transaction(async (tx) => {
    const rows = await lockRows(tx, orderId)
    if (await isKnown(tx, rows.order, issued.certificate)) return
    const checked = { ...issued, vendorRef: answer.vendorRef }
    const version = await insertVersion(tx, rows, { checked, standing: 'lost' })
    const isOurs = version.spki_sha256 === rows.order.spki_sha256
    if (isOurs) {
      const reasonText = `Not used: ${fault}`
      await queueRevocation(services, tx, { version, reason: 'superseded', reasonText, requestedBy: 'System' })
    }
    tx.audit.append({
      actor: systemActor,
      action: 'certificate.version_refused',
      resource_type: 'certificate',
      resource_id: version.certificate_id,
      details: {
        version_id: version.id,
        serial_number: version.serial_number,
        fingerprint: version.fingerprint,
        order_id: orderId,
        fault,
        revoked: isOurs,
      },
    })
  })
}

function readable({
  certificatePem,
  chainPem,
}: IssuedAnswer): { certificate: Certificate; chainPem: string } | undefined {
  try {
    return { certificate: parseCertificate(certificatePem), chainPem: splitCertificates(chainPem).join('') }
  } catch (error) {
    if (isCertctlError(error)) return undefined
    throw error
  }
}

async function lockRows(tx: Tx, orderId: string) {
  const unlocked = await tx.orders.get(orderId)
  if (unlocked === undefined) throw new CertctlError('not_found', `There is no order ${orderId}`)
  const certificate = await tx.certificates.lock(unlocked.certificate_id)
  const holder = await tx.holders.lock(unlocked.holder_id)
  const order = await tx.orders.lock(orderId)
  if (certificate === undefined || holder === undefined || order === undefined)
    throw new CertctlError('internal', `Order ${orderId} refers to rows that are not there`)
  return { certificate, holder, order }
}

async function isKnown(tx: Tx, order: OrderRow, { fingerprint, serialNumber }: Certificate): Promise<boolean> {
  if ((await tx.versions.findByFingerprint(fingerprint)) !== undefined) return true
  return (await tx.versions.findBySerial(order.issuer_id, serialNumber)) !== undefined
}
