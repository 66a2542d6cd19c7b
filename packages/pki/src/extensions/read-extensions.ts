import type { GeneralName } from '@certctl/core'
import { readOid } from '../der/object-identifier.js'
import { readAscii, readBoolean, readNamedBits, readSmallInteger, tags } from '../der/primitives.js'
import { type DerReader, enter, leave, malformed, peekTag, readContent, readHeader, skip, walk } from '../der/reader.js'
import { extensionName, extensionOids as oids } from './extension-oids.js'
import { keyUsageNames } from './key-usage-names.js'
import { purposeNames } from './purpose-names.js'
import { readGeneralNames, readGeneralNamesSequence } from './read-general-names.js'
import { type NameConstraints, readNameConstraints } from './read-name-constraints.js'

/** What extensions say. An extension that is not there leaves its lists empty and its values undefined. */
export interface Extensions {
  names: GeneralName[]
  otherNames: string[]
  keyUsages: string[]
  extendedKeyUsages: string[]
  isCa: boolean
  pathLength: number | undefined
  subjectKeyIdentifier: string | undefined
  authorityKeyIdentifier: string | undefined
  mustStaple: boolean
  crlUrls: string[]
  ocspUrls: string[]
  caIssuerUrls: string[]
  policies: string[]
  nameConstraints: NameConstraints | undefined
  hasTimestamps: boolean
  /** Every extension, in order, by object identifier. */
  present: string[]
  /** Critical ones that we do not interpret. */
  unknownCritical: string[]
}

export function noExtensions(): Extensions {
  return {
    names: [],
    otherNames: [],
    keyUsages: [],
    extendedKeyUsages: [],
    isCa: false,
    pathLength: undefined,
    subjectKeyIdentifier: undefined,
    authorityKeyIdentifier: undefined,
    mustStaple: false,
    crlUrls: [],
    ocspUrls: [],
    caIssuerUrls: [],
    policies: [],
    nameConstraints: undefined,
    hasTimestamps: false,
    present: [],
    unknownCritical: [],
  }
}

/** Reads Extensions (RFC 5280 §4.1.2.9): at least one, none twice. */
export function readExtensions(reader: DerReader): Extensions {
  const found = noExtensions()
  const outer = enter(reader, tags.sequence, 'the extensions')
  if (reader.at === reader.end) throw malformed(reader, 'the list of extensions is empty')
  while (reader.at < reader.end) readExtension(reader, found)
  leave(reader, outer, 'the extensions')
  return found
}

function readExtension(reader: DerReader, found: Extensions): void {
  const outer = enter(reader, tags.sequence, 'an extension')
  const oid = readOid(reader, 'an extension')
  // DER omits `FALSE`, which is the default; enough issuers write it that refusing would lose their certificates.
  const isCritical = peekTag(reader) === tags.boolean && readBoolean(reader, 'the critical mark')
  // Each new one is compared with those before it, so their number is bounded.
  if (found.present.length >= 64) throw malformed(reader, 'it has more than 64 extensions')
  if (found.present.includes(oid)) throw malformed(reader, `the extension ${extensionName(oid)} is there twice`)
  found.present.push(oid)
  const inner = enter(reader, tags.octetString, extensionName(oid))
  const read = readers[oid]
  if (read !== undefined) read(reader, found)
  else passOver(reader, oid, isCritical, found)
  leave(reader, inner, extensionName(oid))
  leave(reader, outer, 'an extension')
}

const acknowledged = new Set<string>([
  oids.policyConstraints,
  oids.policyMappings,
  oids.inhibitAnyPolicy,
  oids.issuerAltName,
  oids.sctPoison,
])

function passOver(reader: DerReader, oid: string, isCritical: boolean, found: Extensions): void {
  if (oid === oids.sctList) found.hasTimestamps = true
  if (isCritical && !acknowledged.has(oid)) found.unknownCritical.push(oid)
  reader.at = reader.end
}

type ReadInto = (reader: DerReader, found: Extensions) => void

const readers: Readonly<Record<string, ReadInto>> = {
  [oids.subjectAltName]: readAltNames,
  [oids.keyUsage]: readKeyUsage,
  [oids.extendedKeyUsage]: readPurposes,
  [oids.basicConstraints]: readBasicConstraints,
  [oids.subjectKeyIdentifier]: readSubjectKey,
  [oids.authorityKeyIdentifier]: readAuthorityKey,
  [oids.tlsFeature]: readTlsFeature,
  [oids.crlDistributionPoints]: readCrlPoints,
  [oids.authorityInfoAccess]: readAuthorityInfo,
  [oids.certificatePolicies]: readPolicies,
  [oids.nameConstraints]: (reader, found) => {
    found.nameConstraints = readNameConstraints(reader)
  },
}

function readAltNames(reader: DerReader, found: Extensions): void {
  readGeneralNamesSequence(reader, { names: found.names, others: found.otherNames })
}

function readKeyUsage(reader: DerReader, found: Extensions): void {
  for (const bit of readNamedBits(reader, 'the key usage')) {
    const name = keyUsageNames[bit]
    if (name !== undefined) found.keyUsages.push(name)
  }
}

function readPurposes(reader: DerReader, found: Extensions): void {
  const outer = enter(reader, tags.sequence, 'the extended key usage')
  if (reader.at === reader.end) throw malformed(reader, 'the extended key usage is empty')
  while (reader.at < reader.end) {
    const oid = readOid(reader, 'an extended key usage')
    found.extendedKeyUsages.push(purposeNames[oid] ?? oid)
  }
  leave(reader, outer, 'the extended key usage')
}

function readBasicConstraints(reader: DerReader, found: Extensions): void {
  const outer = enter(reader, tags.sequence, 'the basic constraints')
  found.isCa = peekTag(reader) === tags.boolean && readBoolean(reader, 'the CA mark')
  if (reader.at < reader.end) found.pathLength = readSmallInteger(reader, 'the path length')
  leave(reader, outer, 'the basic constraints')
}

function readSubjectKey(reader: DerReader, found: Extensions): void {
  found.subjectKeyIdentifier = readContent(reader, tags.octetString, 'the subject key identifier').toString('hex')
}

function readAuthorityKey(reader: DerReader, found: Extensions): void {
  const outer = enter(reader, tags.sequence, 'the authority key identifier')
  if (peekTag(reader) === 0x80)
    found.authorityKeyIdentifier = readContent(reader, 0x80, 'the authority key identifier').toString('hex')
  while (reader.at < reader.end) skip(reader, 'the authority key identifier')
  leave(reader, outer, 'the authority key identifier')
}

// RFC 7633: 5 is status_request, "must staple".
function readTlsFeature(reader: DerReader, found: Extensions): void {
  const outer = enter(reader, tags.sequence, 'the TLS features')
  while (reader.at < reader.end) {
    if (readSmallInteger(reader, 'a TLS feature') === 5) found.mustStaple = true
  }
  leave(reader, outer, 'the TLS features')
}

function readCrlPoints(reader: DerReader, found: Extensions): void {
  const outer = enter(reader, tags.sequence, 'the CRL distribution points')
  while (reader.at < reader.end) readCrlPoint(reader, found)
  leave(reader, outer, 'the CRL distribution points')
}

function readCrlPoint(reader: DerReader, found: Extensions): void {
  const point = enter(reader, tags.sequence, 'a CRL distribution point')
  if (peekTag(reader) === 0xa0) {
    const name = enter(reader, 0xa0, 'a CRL distribution point')
    if (peekTag(reader) === 0xa0) readFullName(reader, found)
    while (reader.at < reader.end) walk(reader, 'a CRL distribution point')
    leave(reader, name, 'a CRL distribution point')
  }
  while (reader.at < reader.end) walk(reader, 'a CRL distribution point')
  leave(reader, point, 'a CRL distribution point')
}

function readFullName(reader: DerReader, found: Extensions): void {
  const outer = enter(reader, 0xa0, 'a CRL address')
  const names: GeneralName[] = []
  readGeneralNames(reader, { names, others: [] })
  for (const { type, value } of names) if (type === 'uri') found.crlUrls.push(value)
  leave(reader, outer, 'a CRL address')
}

function readAuthorityInfo(reader: DerReader, found: Extensions): void {
  const outer = enter(reader, tags.sequence, 'the authority information')
  while (reader.at < reader.end) readAccess(reader, found)
  leave(reader, outer, 'the authority information')
}

function readAccess(reader: DerReader, found: Extensions): void {
  const outer = enter(reader, tags.sequence, 'an authority information entry')
  const method = readOid(reader, 'an access method')
  const urls = method === oids.ocsp ? found.ocspUrls : method === oids.caIssuers ? found.caIssuerUrls : undefined
  if (urls !== undefined && peekTag(reader) === 0x86) urls.push(readAscii(reader, 0x86, 'an authority information URL'))
  else walk(reader, 'an authority information entry')
  leave(reader, outer, 'an authority information entry')
}

function readPolicies(reader: DerReader, found: Extensions): void {
  const outer = enter(reader, tags.sequence, 'the certificate policies')
  while (reader.at < reader.end) {
    const stop = readHeader(reader, tags.sequence, 'a certificate policy')
    found.policies.push(readOid(reader, 'a certificate policy'))
    reader.at = stop
  }
  leave(reader, outer, 'the certificate policies')
}
