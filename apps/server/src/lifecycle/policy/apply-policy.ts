import { CertctlError, type GeneralName } from '@certctl/core'
import { extensionName, extensionOids } from '@certctl/pki'
import { isNamed } from '../asking/is-named.js'
import type { ValidCsr } from '../csr/validate-csr.js'
import type { Passed } from '../stage.js'
import type { Profile } from './default-profile.js'
import { denial } from './denial.js'
import { isKeyAllowed } from './is-key-allowed.js'
import { keyAlgorithmOf } from './key-algorithm-of.js'
import { lifeToAsk } from './life-to-ask.js'
import { requireAllowed, type WantedCertificate } from './require-allowed.js'

/** What the CA may be asked for, and nothing more. */
export type ApprovedRequest = Passed<
  'approved',
  {
    csr: ValidCsr
    /** As it was then. */
    profile: Profile
    commonName: string | undefined
    names: readonly GeneralName[]
    subject: readonly { type: string; value: string }[]
    extendedKeyUsages: readonly string[]
    mustStaple: boolean
    /** When it was approved: both ends count from then. */
    at: Date
    /** The end to ask for. */
    notAfter: Date | undefined
    /** The end beyond which what a CA returns is refused. */
    latestEnd: Date | undefined
  }
>

export interface AppliedPolicy {
  wanted: WantedCertificate
  profile: Profile
  /** The longest life that enforced rules allow. */
  mostSeconds?: number | undefined
  now: Date
}

/** Throws `policy_denied`, naming the field, the fault and the remedy. */
export function applyPolicy(csr: ValidCsr, { wanted, profile, mostSeconds, now }: AppliedPolicy): ApprovedRequest {
  requireAllowed(wanted, profile)
  requireAllowedCsr(csr, { wanted, profile })
  if (!profile.isDefault) {
    requireMailboxes(csr, { wanted, profile })
    requireOffered(csr, profile)
  }
  const { seconds, atMostSeconds } = lifeToAsk(wanted.validitySeconds, { profile, mostSeconds })
  return {
    csr,
    profile,
    commonName: wanted.commonName,
    names: wanted.names,
    subject: wanted.subject,
    extendedKeyUsages: wanted.extendedKeyUsages,
    mustStaple: wanted.mustStaple || profile.forcesMustStaple,
    at: now,
    notAfter: seconds === undefined ? undefined : after(now, seconds),
    latestEnd: atMostSeconds === undefined ? undefined : after(now, atMostSeconds),
  } as ApprovedRequest
}

function requireAllowedCsr(csr: ValidCsr, { wanted, profile }: Pick<AppliedPolicy, 'wanted' | 'profile'>): void {
  const { requested, publicKey } = csr
  if (requested.isCa)
    throw new CertctlError('policy_denied', 'The CSR asks to be a CA; profiles give leaf certificates only')
  const key = keyAlgorithmOf(publicKey)
  if (!isKeyAllowed(key, profile)) throw ofCsr(profile, `its key is ${key}, which is not allowed`, 'make another key')
  const purpose = requested.extendedKeyUsages.find((usage) => !profile.allowedExtendedKeyUsages.includes(usage))
  if (purpose !== undefined)
    throw ofCsr(profile, `its extended key usage ${purpose} is not allowed`, listed(profile.allowedExtendedKeyUsages))
  const { allowedKeyUsages } = profile
  const usage = requested.keyUsages.find((each) => allowedKeyUsages.length > 0 && !allowedKeyUsages.includes(each))
  if (usage !== undefined) throw ofCsr(profile, `its key usage ${usage} is not allowed`, listed(allowedKeyUsages))
  // Agents write no attributes; whoever makes a CSR outside can.
  if (wanted.custody !== 'outside') return
  const missing = profile.requiredCsrAttributes.find((attribute) => !hasAttribute(csr, attribute))
  if (missing !== undefined)
    throw ofCsr(profile, `a CSR without the attribute ${missing} is not allowed`, 'make one that has it')
}

/** Names of mailboxes in its subject are names, too. */
function requireMailboxes({ subject }: ValidCsr, { wanted, profile }: Pick<AppliedPolicy, 'wanted' | 'profile'>): void {
  const stranger = subject.find(({ type, value }) => type === 'emailAddress' && !isNamed(value, wanted.names))
  if (stranger === undefined) return
  const part = `${stranger.type}=${stranger.value.slice(0, 80)}`
  throw ofCsr(profile, `${part} in its subject is not allowed`, 'make a CSR without it, or ask for it as a name')
}

// What is looked at above and before, the key's own hash, and the ciphers of a mailbox, which Windows adds to every CSR and which give no right.
const offeredExtensions: readonly string[] = [
  extensionOids.subjectAltName,
  extensionOids.keyUsage,
  extensionOids.extendedKeyUsage,
  extensionOids.basicConstraints,
  extensionOids.tlsFeature,
  extensionOids.subjectKeyIdentifier,
  extensionOids.smimeCapabilities,
]

/** A CA that takes extensions over would certify what no profile says: policies, constraints, Windows' templates and accounts. */
function requireOffered({ requested, attributes }: ValidCsr, profile: Profile): void {
  const stranger = requested.extensions.find((oid) => !offeredExtensions.includes(oid))
  if (stranger !== undefined)
    throw ofCsr(profile, `its extension ${extensionName(stranger)} is not allowed`, 'make a CSR without it')
  // OpenSSL takes extensions from here too, where we read none.
  const { microsoftExtensionRequest: old, extensionRequest } = extensionOids
  if (attributes.includes(old))
    throw ofCsr(
      profile,
      `its old attribute ${extensionName(old)} is not allowed`,
      `make one that asks for extensions in ${extensionName(extensionRequest)}`,
    )
}

function ofCsr(profile: Profile, fault: string, remedy: string) {
  return denial(profile, { field: 'csr_pem', fault, remedy })
}

function listed(allowed: readonly string[]): string {
  return `it allows ${allowed.join(', ') || 'none'}`
}

// RFC 2985 §5.4, and the Microsoft attributes that domain members send.
const attributeNames: Readonly<Record<string, string>> = {
  challengepassword: '1.2.840.113549.1.9.7',
  unstructuredname: '1.2.840.113549.1.9.2',
  unstructuredaddress: '1.2.840.113549.1.9.8',
  emailaddress: '1.2.840.113549.1.9.1',
  extensionrequest: '1.2.840.113549.1.9.14',
  extendedcertificateattributes: '1.2.840.113549.1.9.9',
  osversion: '1.3.6.1.4.1.311.13.2.3',
  enrollmentcsp: '1.3.6.1.4.1.311.13.2.2',
  requestclientinfo: '1.3.6.1.4.1.311.21.20',
}

/** An attribute of the request, or one of its subject, by object identifier or name. */
function hasAttribute({ attributes, subject }: ValidCsr, wanted: string): boolean {
  const name = wanted.toLowerCase()
  const oid = attributeNames[name] ?? wanted
  return attributes.includes(oid) || subject.some(({ type }) => type.toLowerCase() === name)
}

function after(now: Date, seconds: number): Date {
  return new Date(now.getTime() + seconds * 1000)
}
