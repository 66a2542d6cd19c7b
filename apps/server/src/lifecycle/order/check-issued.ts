import { CertctlError, type IssuerCapabilities, messageOf } from '@certctl/core'
import {
  buildChain,
  type Certificate,
  type Chain,
  formatGeneralName,
  parseCertificate,
  sameNames,
  splitCertificates,
} from '@certctl/pki'
import { isNamed } from '../asking/is-named.js'
import type { ApprovedRequest } from '../policy/apply-policy.js'
import type { Passed } from '../stage.js'
import { besideProfile } from './beside-profile.js'

interface Checked {
  certificate: Certificate
  /** Issuing CA first, trust anchor left out. */
  chainPem: string
  vendorRef: string | undefined
  /** Where the CA did not follow what it never promised to follow. */
  differences: readonly string[]
  /** Where it is not as its profile says, and is used all the same. */
  besideProfile: readonly string[]
}

/** A certificate that is what was approved, with a chain that leads somewhere. */
export type CheckedCertificate = Passed<'checked', Checked>

export interface IssuedAnswer {
  certificatePem: string
  chainPem: string
  vendorRef?: string | undefined
}

export interface IssuedExpectation {
  approved: ApprovedRequest
  now: Date
  honours: IssuerCapabilities['honours']
  /** Certificates of the CA, for answers that leave the issuing one out. */
  anchors?: readonly string[] | undefined
}

// CAs' clocks and ours differ by seconds; rounding up to a full second or minute is common.
const toleranceMs = 60_000
const aheadMs = 300_000
// A turn waits two minutes for an answer, and one that stalls is heard a few minutes later.
const longestTurnMs = 600_000

/** Throws `issued_mismatch`, naming what is not as approved. */
export function checkIssued(answer: IssuedAnswer, expected: IssuedExpectation): CheckedCertificate {
  const certificate = readAnswer(() => parseCertificate(answer.certificatePem))
  checkKeyAndNames(certificate, expected.approved)
  checkValidity(certificate, expected)
  const { fault, notes } = besideProfile(certificate, expected)
  if (fault !== undefined) throw mismatch(fault)
  const checked: Checked = {
    certificate,
    chainPem: chainOf(certificate, answer, expected).chainPem,
    vendorRef: answer.vendorRef,
    differences: differencesOf(certificate, expected),
    besideProfile: notes,
  }
  return checked as CheckedCertificate
}

function readAnswer<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw mismatch(`cannot be read: ${messageOf(cause)}`, cause)
  }
}

function checkKeyAndNames(certificate: Certificate, { csr, names, commonName, profile }: ApprovedRequest): void {
  if (certificate.spkiSha256 !== csr.publicKey.spkiSha256) throw mismatch('has another key than the CSR')
  if (certificate.isCa) throw mismatch('is a CA certificate')
  const { missing, extra } = sameNames(names, certificate.names)
  if (extra.length > 0) throw mismatch(`has names that were not asked for: ${extra.map(formatGeneralName).join(', ')}`)
  if (missing.length > 0) throw mismatch(`lacks ${missing.map(formatGeneralName).join(', ')}`)
  if (certificate.otherNames.length > 0)
    throw mismatch(`has names that were not asked for: ${certificate.otherNames.join(', ')}`)
  const stranger = certificate.subject.find(
    ({ type, value }) =>
      (type === 'CN' && value !== commonName && !isNamed(value, names)) ||
      (type === 'emailAddress' && !profile.isDefault && !isNamed(value, names)),
  )
  if (stranger !== undefined)
    throw mismatch(
      `has the ${stranger.type === 'CN' ? 'common name' : 'e-mail address'} ${stranger.value}, which was not asked for`,
    )
}

function checkValidity({ notBefore, notAfter }: Certificate, expected: IssuedExpectation): void {
  const { approved, now, honours } = expected
  if (notAfter.getTime() <= now.getTime()) throw mismatch(`ended at ${notAfter.toISOString()}`)
  if (notBefore.getTime() > now.getTime() + aheadMs) throw mismatch(`begins only at ${notBefore.toISOString()}`)
  const { latestEnd } = approved
  const bound = latestEnd ?? (honours.includes('notAfter') ? approved.notAfter : undefined)
  if (bound !== undefined && isLater(notAfter, bound, expected))
    throw mismatch(`ends at ${notAfter.toISOString()}, later than ${bound.toISOString()}, which is allowed`)
}

/** Another turn of the order may have asked after this one, and a CA answers both alike: how long it may last counts from the answer. */
function isLater(end: Date, bound: Date, { approved, now }: IssuedExpectation): boolean {
  const sinceMs = Math.min(Math.max(0, now.getTime() - approved.at.getTime()), longestTurnMs)
  return end.getTime() > bound.getTime() + sinceMs + toleranceMs
}

function chainOf(certificate: Certificate, answer: IssuedAnswer, { anchors = [] }: IssuedExpectation): Chain {
  const chain = readAnswer(() => buildChain(certificate.pem, [...splitCertificates(answer.chainPem), ...anchors]))
  const isOrphan = chain.chainPem === '' && (chain.rootPem === undefined || chain.rootPem === certificate.pem)
  if (isOrphan) throw mismatch('came without the certificate of the CA that signed it, so that no chain can be built')
  return chain
}

function differencesOf(certificate: Certificate, expected: IssuedExpectation): string[] {
  const differences: string[] = []
  const { notAfter, extendedKeyUsages, mustStaple } = expected.approved
  if (notAfter !== undefined && isLater(certificate.notAfter, notAfter, expected))
    differences.push(`ends at ${certificate.notAfter.toISOString()} instead of ${notAfter.toISOString()}`)
  const absent = extendedKeyUsages.filter((usage) => !certificate.extendedKeyUsages.includes(usage))
  if (absent.length > 0) differences.push(`lacks the extended key usage ${absent.join(', ')}`)
  if (mustStaple && !certificate.mustStaple) differences.push('lacks must-staple')
  return differences
}

function mismatch(fault: string, cause?: unknown): CertctlError {
  return new CertctlError('issued_mismatch', `The certificate that the CA returned ${fault}; it is not used`, { cause })
}
