import { CertctlError, type GeneralName } from '@certctl/core'
import type { Profile } from './default-profile.js'
import type { Passed } from './stage.js'
import type { ValidCsr } from './validate-csr.js'

/** What the CA may be asked for, and nothing more. */
export type ApprovedRequest = Passed<
  'approved',
  {
    csr: ValidCsr
    commonName: string | undefined
    names: readonly GeneralName[]
    subject: readonly { type: string; value: string }[]
    extendedKeyUsages: readonly string[]
    mustStaple: boolean
    /** The end to ask for. */
    notAfter: Date | undefined
    /** The end beyond which what a CA returns is refused. */
    latestEnd: Date | undefined
  }
>

export interface WantedCertificate {
  commonName: string | undefined
  names: readonly GeneralName[]
  subject: readonly { type: string; value: string }[]
  extendedKeyUsages: readonly string[]
  mustStaple: boolean
  validitySeconds: number | undefined
}

/** Throws `policy_denied`. */
export function applyPolicy(
  csr: ValidCsr,
  { wanted, profile, now }: { wanted: WantedCertificate; profile: Profile; now: Date },
): ApprovedRequest {
  if (csr.requested.isCa)
    throw new CertctlError('policy_denied', 'The CSR asks to be a CA; profiles give leaf certificates only')
  const usages = [...wanted.extendedKeyUsages, ...csr.requested.extendedKeyUsages]
  const stranger = usages.find((usage) => !profile.allowedExtendedKeyUsages.includes(usage))
  if (stranger !== undefined)
    throw new CertctlError(
      'policy_denied',
      `The extended key usage ${stranger} is not allowed by profile ${profile.id}; it allows ${profile.allowedExtendedKeyUsages.join(', ')}`,
    )
  const { maxTtlSeconds } = profile
  const ttlSeconds = Math.min(
    wanted.validitySeconds ?? Number.POSITIVE_INFINITY,
    maxTtlSeconds ?? Number.POSITIVE_INFINITY,
  )
  return {
    csr,
    commonName: wanted.commonName,
    names: wanted.names,
    subject: wanted.subject,
    extendedKeyUsages: wanted.extendedKeyUsages,
    mustStaple: wanted.mustStaple,
    notAfter: Number.isFinite(ttlSeconds) ? after(now, ttlSeconds) : undefined,
    latestEnd: maxTtlSeconds === undefined ? undefined : after(now, maxTtlSeconds),
  } as ApprovedRequest
}

function after(now: Date, seconds: number): Date {
  return new Date(now.getTime() + seconds * 1000)
}
