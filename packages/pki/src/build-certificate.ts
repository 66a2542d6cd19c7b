import type { KeyObject } from 'node:crypto'
import { CertctlError, type GeneralName } from '@certctl/core'
import { type Certificate, parseCertificate } from './certificate.js'
import { bitString, element, sequence, smallInteger, time, unsignedInteger } from './der/writer.js'
import type { NameAttribute } from './distinguished-name.js'
import { encodeName } from './encode-name.js'
import {
  acmeIdentifierExtension,
  altNamesExtension,
  authorityInfoExtension,
  authorityKeyExtension,
  basicConstraintsExtension,
  crlPointsExtension,
  keyUsageExtension,
  mustStapleExtension,
  noRevAvailExtension,
  purposesExtension,
  subjectKeyExtension,
} from './extensions/encode-extensions.js'
import { keyIdentifierOf } from './key-identifier.js'
import { createSigner, type Signer } from './signer.js'

export interface CertificateOptions {
  /** Magnitude; positive, and at most 20 octets once encoded (RFC 5280 §4.1.2.2). */
  serialNumber: Uint8Array
  /** Without `certificateDer` the certificate is self-signed and `privateKey` must belong to `publicKeySpki`. */
  issuer: { privateKey: KeyObject | string | Signer; certificateDer?: Uint8Array | undefined }
  /** Including the common name, least specific part first. */
  subject: readonly NameAttribute[]
  names: readonly GeneralName[]
  publicKeySpki: Uint8Array
  notBefore: Date
  notAfter: Date
  isCa: boolean
  pathLength?: number | undefined
  keyUsages: readonly string[]
  /** Names or object identifiers; empty leaves the extension out. */
  extendedKeyUsages: readonly string[]
  mustStaple: boolean
  authorityInfo?: { ocspUrls?: readonly string[] | undefined; caIssuerUrls?: readonly string[] | undefined } | undefined
  crlUrls?: readonly string[] | undefined
  /** RFC 9608, for certificates too short-lived for a CRL. */
  noRevocation?: boolean | undefined
  /** RFC 8737: the SHA-256 digest (32 octets) of a key authorization, for a certificate that answers tls-alpn-01. */
  acmeIdentifier?: Uint8Array | undefined
}

/**
 * One signed certificate, DER. The issuer's name is copied from its certificate byte for byte, and the authority key identifier is
 * the issuer's subject key identifier, whatever method made it. Throws `request_malformed` or `identifier_rejected` for options no
 * certificate can carry; whether the certificate is wise is for the caller.
 */
export async function buildCertificate(options: CertificateOptions): Promise<Uint8Array> {
  const { privateKey, certificateDer } = options.issuer
  const signer = typeof privateKey === 'object' && 'sign' in privateKey ? privateKey : createSigner(privateKey)
  const issuer = certificateDer === undefined ? undefined : parseCertificate(certificateDer)
  checkOptions(options, issuer)
  const signedBytes = toBeSigned(options, issuer, signer.algorithmIdentifier)
  return sequence(signedBytes, signer.algorithmIdentifier, bitString(await signer.sign(signedBytes)))
}

function checkOptions(
  { serialNumber, notBefore, notAfter, isCa, extendedKeyUsages, subject, names, acmeIdentifier }: CertificateOptions,
  issuer: Certificate | undefined,
): void {
  const octets = serialNumber.length + ((serialNumber[0] ?? 0) >= 0x80 ? 1 : 0)
  if (octets > 20 || serialNumber.every((octet) => octet === 0))
    throw refused('a serial number is positive and has at most 20 octets')
  if (notBefore.getUTCFullYear() < 1950 || notAfter.getUTCFullYear() > 9999)
    throw refused('its years lie outside 1950 to 9999, which times in certificates cannot say')
  if (notAfter.getTime() < notBefore.getTime()) throw refused('it would end before it begins')
  // A usage on a root is taken as a limit by some readers and as a fault by others: the chain is then refused.
  if (isCa && issuer === undefined && extendedKeyUsages.length > 0)
    throw refused('a root carries no extended key usage')
  if (subject.length === 0 && names.length === 0)
    throw refused('it names nothing: neither subject nor alternative name is given')
  if (subject.length === 0 && isCa) throw refused('a CA certificate must have a subject')
  if (acmeIdentifier !== undefined && acmeIdentifier.length !== 32)
    throw refused('an ACME identifier is a SHA-256 digest of 32 octets')
}

function refused(fault: string): CertctlError {
  return new CertctlError('request_malformed', `The certificate cannot be built: ${fault}`)
}

/** TBSCertificate (RFC 5280 §4.1). Written here rather than by a library: every issuance comes by, and a library makes some eighty objects for it. */
function toBeSigned(
  options: CertificateOptions,
  issuer: Certificate | undefined,
  algorithmIdentifier: Uint8Array,
): Uint8Array {
  const subject = encodeName(options.subject)
  return sequence(
    element(0xa0, smallInteger(2)),
    unsignedInteger(options.serialNumber),
    algorithmIdentifier,
    issuer?.subjectDer ?? subject,
    sequence(time(options.notBefore), time(options.notAfter)),
    subject,
    options.publicKeySpki,
    element(0xa3, sequence(...extensionsOf(options, issuer))),
  )
}

function extensionsOf(options: CertificateOptions, issuer: Certificate | undefined): Uint8Array[] {
  const { subject, names, keyUsages, extendedKeyUsages, crlUrls = [], authorityInfo } = options
  const { ocspUrls = [], caIssuerUrls = [] } = authorityInfo ?? {}
  return [
    basicConstraintsExtension(options.isCa, options.pathLength),
    ...(keyUsages.length > 0 ? [keyUsageExtension(keyUsages)] : []),
    ...(extendedKeyUsages.length > 0 ? [purposesExtension(extendedKeyUsages)] : []),
    subjectKeyExtension(keyIdentifierOf(options.publicKeySpki)),
    ...(issuer === undefined ? [] : [authorityKeyExtension(issuerKeyIdentifier(issuer))]),
    ...(names.length > 0 ? [altNamesExtension(names, subject.length === 0)] : []),
    ...(crlUrls.length > 0 ? [crlPointsExtension(crlUrls)] : []),
    ...(ocspUrls.length + caIssuerUrls.length > 0 ? [authorityInfoExtension(ocspUrls, caIssuerUrls)] : []),
    ...(options.mustStaple ? [mustStapleExtension()] : []),
    ...(options.noRevocation === true ? [noRevAvailExtension()] : []),
    ...(options.acmeIdentifier === undefined ? [] : [acmeIdentifierExtension(options.acmeIdentifier)]),
  ]
}

function issuerKeyIdentifier({ subjectKeyIdentifier, publicKey }: Certificate): Uint8Array {
  return subjectKeyIdentifier === undefined ? keyIdentifierOf(publicKey.spki) : Buffer.from(subjectKeyIdentifier, 'hex')
}
