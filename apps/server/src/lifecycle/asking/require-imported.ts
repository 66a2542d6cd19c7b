import { CertctlError, type GeneralName, isCertctlError } from '@certctl/core'
import { type Certificate, checkKeyPolicy, type PublicKeyInfo } from '@certctl/pki'
import type { Profile } from '../policy/default-profile.js'
import { keyAlgorithmOf } from '../policy/key-algorithm-of.js'
import { requireAllowed } from '../policy/require-allowed.js'
import { isNamed } from './is-named.js'

const daySeconds = 86_400
// CAs date back by up to an hour, and round.
const spareSeconds = 3660

interface Imported {
  profile: Profile
  issuerId: string
  /** What it would be asked for again with. */
  names: readonly GeneralName[]
}

/** Whoever imports a certificate under a profile says that it is what the profile gives: keys, names, usages, life. Throws `policy_denied`. */
export function requireImported(issued: Certificate, { profile, issuerId, names }: Imported): void {
  if (profile.isDefault) return
  requireKey(issued, profile)
  requireLife(issued, profile)
  try {
    requireAllowed({ ...wantedOf(issued, names), issuerId }, profile)
  } catch (error) {
    const [fault] = isCertctlError(error) ? (error.errors ?? []) : []
    if (fault === undefined || fault.field === 'issuer_id') throw error
    throw refused(fault.message, error)
  }
}

/** As if it were asked for. Who holds the key is not: the next one is judged when its CSR comes. */
function wantedOf(issued: Certificate, names: readonly GeneralName[]) {
  const { subject, extendedKeyUsages, mustStaple } = issued
  const stranger = subject.find(
    ({ type, value }) => (type === 'CN' || type === 'emailAddress') && !isNamed(value, names),
  )
  return {
    commonName: stranger?.value,
    names,
    subject: [],
    extendedKeyUsages,
    mustStaple,
    validitySeconds: undefined,
    keyAlgorithm: keyAlgorithmOf(issued.publicKey as PublicKeyInfo),
    custody: undefined,
  }
}

function requireKey({ publicKey }: Certificate, { id }: Profile): void {
  try {
    checkKeyPolicy(publicKey as PublicKeyInfo)
  } catch (cause) {
    throw refused(`its ${keyAlgorithmOf(publicKey as PublicKeyInfo)} key is none that profile ${id} allows`, cause)
  }
}

function requireLife({ notBefore, notAfter }: Certificate, { id, maxTtlSeconds }: Profile): void {
  const seconds = (notAfter.getTime() - notBefore.getTime()) / 1000
  if (maxTtlSeconds === undefined || seconds <= maxTtlSeconds + spareSeconds) return
  throw refused(`it lives ${inDays(seconds)}, and profile ${id} allows at most ${inDays(maxTtlSeconds)}`)
}

function inDays(seconds: number): string {
  return seconds < 2 * daySeconds ? `${Math.round(seconds)} s` : `${Math.floor(seconds / daySeconds)} days`
}

function refused(fault: string, cause?: unknown): CertctlError {
  const message = `${fault}; import it under another profile, or under none`
  return new CertctlError('policy_denied', `certificate_pem: ${message}`, {
    cause,
    errors: [{ field: 'certificate_pem', message }],
  })
}
