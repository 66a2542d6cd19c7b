import { X509Certificate } from 'node:crypto'
import { CertctlError } from '@certctl/core'
import { attributeTypes } from '../../src/attribute-types.js'
import { parseCertificate } from '../../src/certificate.js'
import { keyUsageNames } from '../../src/extensions/key-usage-names.js'
import { purposeOid } from '../../src/extensions/purpose-names.js'
import { pkijs, x509 } from '../../src/provider.js'

/** What a reader says of a certificate, in words all of them have; a field one cannot tell is left out. */
export type Reading = Readonly<Record<string, unknown>>
/** `undefined`: refused. */
export type Read = (der: Uint8Array) => Reading | undefined

const lowerDns = (type: string, value: string) => `${type}:${type === 'dns' ? value.toLowerCase() : value}`

/** Ours. Anything but the product's own error is a fault of ours and passes through. */
export const readOurs: Read = (der) => {
  try {
    const certificate = parseCertificate(der)
    return {
      serial: certificate.serialNumber,
      notBefore: certificate.notBefore.getTime(),
      notAfter: certificate.notAfter.getTime(),
      subject: certificate.subject.map(({ type, value }) => `${type}=${value}`),
      issuer: certificate.issuer.map(({ type, value }) => `${type}=${value}`),
      names: certificate.names.map(({ type, value }) => lowerDns(type, value)),
      isCa: certificate.isCa,
      pathLength: certificate.pathLength,
      keyUsages: certificate.keyUsages,
      purposes: certificate.extendedKeyUsages.map(purposeOid),
      spki: Buffer.from(certificate.publicKey.spki).toString('hex'),
      extensions: certificate.extensions,
      subjectKey: certificate.subjectKeyIdentifier,
      authorityKey: certificate.authorityKeyIdentifier,
      fingerprint: certificate.fingerprint,
    }
  } catch (error) {
    if (error instanceof CertctlError && error.code === 'request_malformed') return undefined
    throw error
  }
}

function attempted(read: (der: Uint8Array) => Reading): Read {
  return (der) => {
    try {
      return read(der)
    } catch {
      // A library refuses with whatever it likes; that it refused is what counts here.
      return undefined
    }
  }
}

const libraryKinds: Readonly<Record<string, string>> = { dns: 'dns', ip: 'ip', email: 'email', url: 'uri' }

/** @peculiar/x509. */
export const readLibrary: Read = attempted((der) => {
  const certificate = new x509.X509Certificate(Buffer.from(der))
  const alternative = certificate.getExtension(x509.SubjectAlternativeNameExtension)
  const constraints = certificate.getExtension(x509.BasicConstraintsExtension)
  const usages = certificate.getExtension(x509.KeyUsagesExtension)?.usages ?? 0
  const names = alternative?.names.items.filter(({ type }) => type in libraryKinds) ?? []
  return {
    serial: certificate.serialNumber,
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    subject: attributesOf(certificate.subjectName),
    issuer: attributesOf(certificate.issuerName),
    names: names.map(({ type, value }) => lowerDns(libraryKinds[type] ?? type, value)),
    isCa: constraints?.ca ?? false,
    pathLength: constraints?.pathLength,
    keyUsages: keyUsageNames.filter((_, bit) => (usages & (1 << bit)) !== 0),
    purposes: certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages.map(String) ?? [],
    spki: Buffer.from(certificate.publicKey.rawData).toString('hex'),
    extensions: certificate.extensions.map(({ type }) => type),
    subjectKey: certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId,
    authorityKey: certificate.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId,
  }
})

function attributesOf(name: x509.Name): string[] {
  return name
    .toJSON()
    .flatMap((part) =>
      Object.entries(part).flatMap(([type, values]) => values.map((value) => `${shortName(type)}=${value}`)),
    )
}

/** The library's short names and ours differ for some attributes; identifiers do not. */
function shortName(type: string): string {
  const renamed: Readonly<Record<string, string>> = { E: 'emailAddress', G: 'GN', I: 'initials', T: 'title', SN: 'SN' }
  return renamed[type] ?? attributeTypes[type] ?? type
}

/** pkijs. */
export const readPkijs: Read = attempted((der) => {
  const certificate = pkijs.Certificate.fromBER(Uint8Array.from(der))
  return {
    serial: serialOf(new Uint8Array(certificate.serialNumber.valueBlock.valueHexView)),
    notBefore: certificate.notBefore.value.getTime(),
    notAfter: certificate.notAfter.value.getTime(),
    subject: pkijsAttributes(certificate.subject),
    issuer: pkijsAttributes(certificate.issuer),
    spki: Buffer.from(certificate.subjectPublicKeyInfo.toSchema().toBER()).toString('hex'),
    extensions: certificate.extensions?.map(({ extnID }) => extnID) ?? [],
  }
})

function serialOf(content: Uint8Array): string {
  const negative = (content[0] ?? 0) >= 0x80
  const short = content.length > 1 && content[0] === 0 ? content.subarray(1) : content
  return (negative ? 'negative ' : '') + Buffer.from(short).toString('hex')
}

function pkijsAttributes(name: pkijs.RelativeDistinguishedNames): string[] {
  return name.typesAndValues.map(({ type, value }) => `${attributeTypes[type] ?? type}=${value.valueBlock.value}`)
}

/** node:crypto, which tells the rest as text for people. */
export const readNode: Read = attempted((der) => {
  const certificate = new X509Certificate(der)
  return {
    serial: certificate.serialNumber.toLowerCase(),
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    isCa: certificate.ca,
    purposes: certificate.keyUsage ?? [],
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
})

export const libraries: Readonly<Record<string, Read>> = {
  '@peculiar/x509': readLibrary,
  pkijs: readPkijs,
  'node:crypto': readNode,
}

/** The fields both tell and tell differently. */
export function differences(ours: Reading, theirs: Reading): string[] {
  return Object.keys(theirs).filter(
    (field) => field in ours && JSON.stringify(ours[field]) !== JSON.stringify(theirs[field]),
  )
}
