import { CertctlError, type GeneralName } from '@certctl/core'
import { type Certificate, parseCertificate, parseCsr, splitCertificates } from '@certctl/pki'
import { defaultIssuer } from '../../inventory/default-issuer.js'
import { fieldFault } from '../../inventory/field-fault.js'
import { emitEvent } from '../../notify/emit-event.js'
import type { Services } from '../../services.js'
import type { CertificateRow } from '../../store/certificates.js'
import { createId } from '../../store/create-id.js'
import type { HolderRow } from '../../store/holders.js'
import type { Tx } from '../../store/store.js'
import type { VersionRow } from '../../store/versions.js'
import { judgeCsr } from '../csr/judge-csr.js'
import { insertVersion } from '../order/insert-version.js'
import { profileOf } from '../policy/profile-of.js'
import { requireRules } from '../policy/require-rules.js'
import { firstRenewal } from '../renewal/first-renewal.js'
import { certificateNamesOf } from './certificate-names-of.js'
import { type CertificateRequest, checkIssuer, insertCertificate } from './request-certificate.js'
import { requireImported } from './require-imported.js'
import { requireNamed } from './require-named.js'

export interface ImportRequest
  extends Omit<CertificateRequest, 'commonName' | 'sans' | 'targetIds' | 'keyAlgorithm' | 'source'> {
  /** The certificate, and behind it its chain where it is known. */
  certificatePem: string
  chainPem?: string | undefined
}

/**
 * Takes a certificate that was issued elsewhere into care, as it is: its current version, held outside. It is renewed only where a CSR
 * came with it; else whoever holds the key must send one, or a target is added, whose agent makes a key of its own. Throws `conflict`
 * where the certificate is there already, and a fault of the field for what cannot be imported.
 */
export async function importCertificate(services: Services, request: ImportRequest): Promise<{ id: string }> {
  const { certificate: issued, chainPem } = readImport(request)
  const issuerId = request.issuerId ?? (await defaultIssuer(services))
  const { names, commonName } = namesOf(issued)
  await checkIssuer(services, issuerId, names)
  const csr = request.csrPem === undefined ? undefined : parseCsr(request.csrPem)
  return await services.store.transaction(async (tx) => {
    await requireUnknown(tx, issuerId, issued)
    const { teamId } = await requireNamed(tx, request)
    const profile = await profileOf(tx, request.certificateProfileId ?? null)
    requireImported(issued, { profile, issuerId, names })
    const wanted = { ...request, teamId: teamId ?? undefined, source: 'import', commonName, sans: [], targetIds: [] }
    const certificate = await insertCertificate(tx, { request: wanted, csr, issuerId, names, profile })
    await requireRules(tx, certificate)
    const version = await insertHeld(services, tx, { certificate, issued, chainPem, csrPem: request.csrPem })
    await tell(tx, { certificate, version, request })
    return { id: certificate.id }
  })
}

function readImport({ certificatePem, chainPem = '' }: ImportRequest): { certificate: Certificate; chainPem: string } {
  try {
    const [leaf, ...chain] = splitCertificates(`${certificatePem}\n${chainPem}`)
    if (leaf === undefined) throw new CertctlError('request_malformed', 'holds no PEM certificate')
    const certificate = parseCertificate(leaf)
    if (certificate.isCa) throw new CertctlError('request_malformed', 'is the certificate of a CA; put the leaf first')
    return { certificate, chainPem: chain.join('') }
  } catch (cause) {
    if (cause instanceof Error) throw fieldFault('certificate_pem', cause.message, cause)
    throw cause
  }
}

/** As it would be asked for again: each name once and without the dot of the root, the common name in front where it is one of them. */
function namesOf(issued: Certificate): { names: readonly GeneralName[]; commonName: string | undefined } {
  const commonName = issued.commonName === undefined ? undefined : withoutRoot(issued.commonName)
  const rooted = issued.names.map((name) => (name.type === 'dns' ? { ...name, value: withoutRoot(name.value) } : name))
  const names = [...new Map(rooted.map((name) => [`${name.type}:${name.value}`, name])).values()]
  if (names.length === 0) {
    if (commonName === undefined) throw fieldFault('certificate_pem', 'has no name that could be asked for again')
    return { names: certificateNamesOf({ commonName, sans: [] }), commonName }
  }
  const first = names.find(({ value }) => value === commonName?.toLowerCase())
  if (first === undefined) return { names, commonName: undefined }
  return { names: [first, ...names.filter((name) => name !== first)], commonName }
}

function withoutRoot(name: string): string {
  return name.length > 1 && name.endsWith('.') ? name.slice(0, -1) : name
}

async function requireUnknown(
  tx: Tx,
  issuerId: string,
  { fingerprint, serialNumber, spkiSha256 }: Certificate,
): Promise<void> {
  // Whoever blocks this key has blocked it before, or finds this version; and nobody imports the same in the same moment.
  await tx.blockedKeys.lock(spkiSha256)
  const same = await tx.versions.findByFingerprint(fingerprint)
  if (same !== undefined)
    throw new CertctlError('conflict', `This certificate is there already, as a version of ${same.certificate_id}`)
  const twin = await tx.versions.findBySerial(issuerId, serialNumber)
  if (twin !== undefined)
    throw new CertctlError(
      'conflict',
      `Issuer ${issuerId} has another certificate with serial number ${serialNumber}, of ${twin.certificate_id}`,
    )
  if (await tx.blockedKeys.has(spkiSha256))
    throw new CertctlError(
      'conflict',
      'The key of this certificate was reported compromised; it is not taken into care',
    )
}

const withoutCsr = 'it was imported without a CSR; send one of its key, or add a target, whose agent makes its own'

interface Held {
  certificate: CertificateRow
  issued: Certificate
  chainPem: string
  csrPem: string | undefined
}

async function insertHeld(
  services: Services,
  tx: Tx,
  { certificate, issued, chainPem, csrPem }: Held,
): Promise<VersionRow> {
  const csr =
    csrPem === undefined
      ? undefined
      : (await judgeCsr(tx, { certificate, csrPem, custody: 'outside', now: tx.now })).csr
  const holder = await insertHolder(tx, certificate, csr?.pem)
  const orderId = await insertEndedOrder(tx, { certificate, holder, issued })
  const order = await tx.orders.lock(orderId)
  if (order === undefined) throw new CertctlError('internal', `Order ${orderId} vanished while it was written`)
  const checked = { certificate: issued, chainPem, vendorRef: undefined }
  // When it came to whoever has used it until now. Counted from this moment, five days left of ninety would be a life of five.
  const receivedAt = new Date(Math.min(issued.notBefore.getTime(), tx.now.getTime()))
  const version = await insertVersion(tx, { certificate, holder, order }, { checked, standing: 'current', receivedAt })
  const renewal =
    csr === undefined ? { renew_at_reason: withoutCsr } : await firstRenewal(services, tx, { certificate, version })
  await tx.holders.update(holder.id, { current_version_id: version.id, ...renewal })
  return version
}

async function insertHolder(tx: Tx, certificate: CertificateRow, csrPem: string | undefined): Promise<HolderRow> {
  const id = createId('holder', tx.now)
  await tx.holders.insert({
    id,
    certificate_id: certificate.id,
    kind: 'outside',
    csr_pem: csrPem ?? null,
    created_at: tx.now,
  })
  const holder = await tx.holders.lock(id)
  if (holder === undefined) throw new CertctlError('internal', `Holder ${id} vanished while it was written`)
  return holder
}

/** Every version has an order; this one was placed elsewhere, with a CSR that nobody here has seen. */
async function insertEndedOrder(
  tx: Tx,
  { certificate, holder, issued }: { certificate: CertificateRow; holder: HolderRow; issued: Certificate },
): Promise<string> {
  const id = createId('order', tx.now)
  await tx.orders.insert({
    id,
    holder_id: holder.id,
    certificate_id: certificate.id,
    issuer_id: certificate.issuer_id,
    state: 'valid',
    generation: certificate.generation,
    csr_pem: '',
    spki_sha256: issued.spkiSha256,
    deadline: tx.now,
    created_at: tx.now,
    closed_at: tx.now,
    close_reason: 'imported',
  })
  return id
}

async function tell(
  tx: Tx,
  { certificate, version, request }: { certificate: CertificateRow; version: VersionRow; request: ImportRequest },
): Promise<void> {
  const details = {
    name: certificate.name,
    version_id: version.id,
    serial_number: version.serial_number,
    fingerprint: version.fingerprint,
    issuer_name: version.issuer_name,
    not_after: version.not_after.toISOString(),
    with_csr: request.csrPem !== undefined,
  }
  tx.audit.append({
    actor: request.actor,
    action: 'certificate.imported',
    resource_type: 'certificate',
    resource_id: certificate.id,
    details,
  })
  await emitEvent(tx, {
    type: 'certificate.imported',
    severity: 'info',
    title: `${certificate.name} was imported; it ends at ${version.not_after.toISOString()}`,
    certificateId: certificate.id,
    data: details,
  })
}
