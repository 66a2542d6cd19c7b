import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { isCertctlError } from '@certctl/core'
import { type Certificate, checkIssuedBy, parseCertificate } from '@certctl/pki'
import type { Anchors } from './known-anchors.js'

/** What one handshake showed, or why none came about. */
export type EndpointSight = { chain: readonly Uint8Array[] } | { silent: string }

export interface EndpointExpectation {
  /** The host, or the name sent as SNI. */
  name: string
  /** Leaves of which one must answer; empty: whichever does is judged by itself. */
  fingerprints: readonly string[]
  anchors: Anchors
  /** When what answers was revoked, as far as is known here. */
  revokedAt?: Date | undefined
  now: Date
}

export type EndpointVerdict =
  | { outcome: 'healthy' }
  /** Clients are refused for certain, however often one looks. */
  | { outcome: 'bad'; reason: string }
  | { outcome: 'mismatch'; reason: string }
  | { outcome: 'silent'; reason: string }

/** Says whether clients would be content with what an endpoint shows. */
export function judgeEndpoint(sight: EndpointSight, expected: EndpointExpectation): EndpointVerdict {
  if ('silent' in sight) return { outcome: 'silent', reason: sight.silent }
  const [first, ...rest] = sight.chain
  const leaf = first === undefined ? undefined : readCertificate(first)
  if (leaf === undefined) return { outcome: 'bad', reason: 'It sends a certificate that cannot be read' }
  if (expected.fingerprints.length > 0 && !expected.fingerprints.includes(leaf.fingerprint))
    return { outcome: 'mismatch', reason: mismatchText(leaf, expected) }
  const reason =
    validityFault(leaf, expected.now) ??
    revocationFault(expected) ??
    nameFault(leaf, expected.name) ??
    chainFault(leaf, rest, expected)
  return reason === undefined ? { outcome: 'healthy' } : { outcome: 'bad', reason }
}

/** What cannot be read is undefined: whoever sent it is a stranger. */
export function readCertificate(der: Uint8Array): Certificate | undefined {
  try {
    return parseCertificate(der)
  } catch (error) {
    if (isCertctlError(error)) return undefined
    throw error
  }
}

function mismatchText({ fingerprint, subjectText }: Certificate, { fingerprints }: EndpointExpectation): string {
  const wanted = fingerprints.map((one) => `${one.slice(0, 16)}…`).join(' or ')
  return `It serves ${fingerprint.slice(0, 16)}… (${subjectText}) instead of ${wanted}`
}

function validityFault({ notBefore, notAfter }: Certificate, now: Date): string | undefined {
  if (notAfter.getTime() <= now.getTime()) return `Its certificate ended at ${notAfter.toISOString()}`
  if (notBefore.getTime() > now.getTime()) return `Its certificate is valid only from ${notBefore.toISOString()}`
  return undefined
}

function revocationFault({ revokedAt }: EndpointExpectation): string | undefined {
  return revokedAt === undefined ? undefined : `Its certificate was revoked at ${revokedAt.toISOString()}`
}

function nameFault(leaf: Certificate, name: string): string | undefined {
  const certificate = new X509Certificate(leaf.der)
  const isNamed = isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)
  return isNamed === undefined ? `Its certificate is not for ${name}` : undefined
}

const longestChain = 8

/** Follows issuers through what was sent until a CA that is trusted or known signed; each on the way must be valid itself. */
function chainFault(
  leaf: Certificate,
  sent: readonly Uint8Array[],
  { anchors, now }: EndpointExpectation,
): string | undefined {
  const others = sent.flatMap((der) => readCertificate(der) ?? [])
  let current = leaf
  for (let step = 0; step < longestChain; step += 1) {
    if (anchors.signs(current)) return undefined
    const next = others.find((candidate) => candidate !== current && checkIssuedBy(current, candidate))
    if (next === undefined || next.fingerprint === current.fingerprint) break
    const fault = validityFault(next, now)
    if (fault !== undefined) return fault.replace('Its certificate', `The CA certificate ${next.subjectText}`)
    current = next
  }
  return `Its chain leads to no CA that is trusted or known here: ${current.subjectText} was signed by ${current.issuerText}`
}
