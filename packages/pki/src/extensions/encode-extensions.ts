import { CertctlError, type GeneralName } from '@certctl/core'
import { tags } from '../der/primitives.js'
import { asciiString, boolean, element, namedBits, octetString, oid, sequence, smallInteger } from '../der/writer.js'
import { canonicalGeneralName } from '../general-name.js'
import { octetsOfIp } from '../names/ip-address.js'
import { extensionOids as oids } from './extension-oids.js'
import { keyUsageNames, keyUsageOf } from './key-usage-names.js'
import { purposeOid } from './purpose-names.js'

/** One Extension, DER. `critical` is left out where it is false, as DER wants. */
function encodeExtension(identifier: string, critical: boolean, value: Uint8Array): Uint8Array {
  return critical
    ? sequence(oid(identifier), boolean(true), octetString(value))
    : sequence(oid(identifier), octetString(value))
}

/** RFC 5280 §4.2.1.6: critical where the subject is empty. Throws `identifier_rejected` for a value against the rules of its kind. */
export function altNamesExtension(names: readonly GeneralName[], isSubjectEmpty: boolean): Uint8Array {
  return encodeExtension(oids.subjectAltName, isSubjectEmpty, sequence(...names.map(encodeGeneralName)))
}

const nameTags = { email: 0x81, dns: 0x82, uri: 0x86 } as const

function encodeGeneralName(name: GeneralName): Uint8Array {
  const { type, value } = canonicalGeneralName(name)
  return type === 'ip' ? element(0x87, octetsOfIp(value)) : asciiString(nameTags[type], value)
}

export function keyUsageExtension(usages: readonly string[]): Uint8Array {
  const bits = usages.map((usage) => keyUsageNames.indexOf(keyUsageOf(usage)))
  return encodeExtension(oids.keyUsage, true, namedBits(bits))
}

/** RFC 5280 §4.2.1.12. Not critical: relying parties that know no usage must not refuse a TLS certificate. */
export function purposesExtension(purposes: readonly string[]): Uint8Array {
  return encodeExtension(oids.extendedKeyUsage, false, sequence(...[...new Set(purposes.map(purposeOid))].map(oid)))
}

/** RFC 5280 §4.2.1.9: `cA` is left out where it is false, and a path length belongs to CAs only. */
export function basicConstraintsExtension(isCa: boolean, pathLength: number | undefined): Uint8Array {
  if (!isCa && pathLength !== undefined)
    throw new CertctlError('request_malformed', 'A path length can be given to a CA certificate only')
  const parts = isCa ? [boolean(true), ...(pathLength === undefined ? [] : [smallInteger(pathLength)])] : []
  return encodeExtension(oids.basicConstraints, true, sequence(...parts))
}

export function subjectKeyExtension(keyIdentifier: Uint8Array): Uint8Array {
  return encodeExtension(oids.subjectKeyIdentifier, false, octetString(keyIdentifier))
}

export function authorityKeyExtension(keyIdentifier: Uint8Array): Uint8Array {
  return encodeExtension(oids.authorityKeyIdentifier, false, sequence(element(0x80, keyIdentifier)))
}

/** RFC 7633: status_request. */
export function mustStapleExtension(): Uint8Array {
  return encodeExtension(oids.tlsFeature, false, sequence(smallInteger(5)))
}

/** RFC 5280 §4.2.1.13: one distribution point with all addresses, which name the same CRL. */
export function crlPointsExtension(urls: readonly string[]): Uint8Array {
  const names = urls.map((url) => asciiString(0x86, url))
  return encodeExtension(oids.crlDistributionPoints, false, sequence(sequence(element(0xa0, element(0xa0, ...names)))))
}

/** RFC 5280 §4.2.2.1. */
export function authorityInfoExtension(ocspUrls: readonly string[], caIssuerUrls: readonly string[]): Uint8Array {
  const entries = [
    ...ocspUrls.map((url) => accessEntry(oids.ocsp, url)),
    ...caIssuerUrls.map((url) => accessEntry(oids.caIssuers, url)),
  ]
  return encodeExtension(oids.authorityInfoAccess, false, sequence(...entries))
}

function accessEntry(method: string, url: string): Uint8Array {
  return sequence(oid(method), asciiString(0x86, url))
}

/** RFC 8737 §3: the SHA-256 digest of a key authorization; critical. */
export function acmeIdentifierExtension(digest: Uint8Array): Uint8Array {
  return encodeExtension(oids.acmeIdentifier, true, octetString(digest))
}

/** RFC 9608: says that this certificate is never revoked. */
export function noRevAvailExtension(): Uint8Array {
  return encodeExtension(oids.noRevAvail, false, Uint8Array.of(tags.null, 0))
}
