import type { IssuerCapabilities } from '@certctl/core'
import type { Certificate } from '@certctl/pki'
import type { ApprovedRequest } from '../policy/apply-policy.js'

export interface BesideProfile {
  /** What must not be used. */
  fault: string | undefined
  /** What people are told of. */
  notes: readonly string[]
}

interface Held {
  approved: Pick<ApprovedRequest, 'profile' | 'at' | 'notAfter'>
  honours: IssuerCapabilities['honours']
}

const hourSeconds = 3600
// CAs round.
const toleranceSeconds = 60

// What the templates of private CAs put into every certificate, whatever was asked for: refusing it would refuse such a CA whole.
const usualPurposes: readonly string[] = ['serverAuth', 'clientAuth']

/** Where what a CA returned is not as the profile says, in what CAs decide by themselves. A CA that promised to follow a wish is held to it. */
export function besideProfile(certificate: Certificate, { approved, honours }: Held): BesideProfile {
  const { profile } = approved
  if (profile.isDefault) return { fault: undefined, notes: [] }
  const { extendedKeyUsages: purposes, keyUsages, mustStaple } = certificate
  const others = purposes.filter((purpose) => !profile.allowedExtendedKeyUsages.includes(purpose))
  const mayNot = honours.includes('extendedKeyUsages') ? others : others.filter((each) => !usualPurposes.includes(each))
  if (mayNot.length > 0)
    return {
      fault: `has the extended key usage ${mayNot.join(', ')}, which profile ${profile.id} does not allow`,
      notes: [],
    }
  const lacksStaple = profile.forcesMustStaple && !mustStaple
  if (lacksStaple && honours.includes('mustStaple'))
    return { fault: `lacks must-staple, which profile ${profile.id} wants`, notes: [] }
  const { allowedKeyUsages } = profile
  const usages = keyUsages.filter((usage) => allowedKeyUsages.length > 0 && !allowedKeyUsages.includes(usage))
  const notes = [
    others.length > 0 && `it has the extended key usage ${others.join(', ')}`,
    purposes.length === 0 && 'it has no extended key usage, and so is for everything',
    usages.length > 0 && `it has the key usage ${usages.join(', ')}`,
    lacksStaple && 'it lacks must-staple',
    shortNote(certificate, approved),
  ]
  return { fault: undefined, notes: notes.filter((note) => note !== false) }
}

/** Refusing it would leave nothing in its place: a CA that gives less gives less again. */
function shortNote({ notBefore, notAfter }: Certificate, { profile, at, notAfter: asked }: Held['approved']) {
  const seconds = secondsBetween(notBefore, notAfter)
  const { minTtlSeconds = 0, allowsShortLived } = profile
  // Enforced rules may have had less asked for than the profile wants.
  const least = asked === undefined ? minTtlSeconds : Math.min(minTtlSeconds, secondsBetween(at, asked))
  if (seconds + toleranceSeconds < least) return `it lives ${seconds} s, and at least ${least} s are wanted`
  const isShort = !allowsShortLived && seconds + toleranceSeconds < hourSeconds
  return isShort && `it lives ${seconds} s, which is less than an hour, and allow_short_lived is not set`
}

function secondsBetween(from: Date, to: Date): number {
  return Math.floor((to.getTime() - from.getTime()) / 1000)
}
