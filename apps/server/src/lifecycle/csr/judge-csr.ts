import { CertctlError } from '@certctl/core'
import type { CertificateRow } from '../../store/certificates.js'
import type { Tables } from '../../store/tables.js'
import { askedOf } from '../asking/asked-of.js'
import { type ApprovedRequest, applyPolicy } from '../policy/apply-policy.js'
import type { KeyCustody } from '../policy/default-profile.js'
import { longestLife } from '../policy/longest-life.js'
import { profileOf } from '../policy/profile-of.js'
import { validateCsr } from './validate-csr.js'

/**
 * What every CSR goes through, from whichever way it came and again before the CA is asked: `validate-csr`, blocked keys, and
 * `apply-policy` with the profile and the enforced lifetimes as they are now. Throws what they throw.
 */
export async function judgeCsr(
  tables: Pick<Tables, 'profiles' | 'blockedKeys' | 'policyRules'>,
  {
    certificate,
    csrPem,
    custody,
    now,
  }: { certificate: CertificateRow; csrPem: string; custody: KeyCustody | undefined; now: Date },
): Promise<ApprovedRequest> {
  const profile = await profileOf(tables, certificate.certificate_profile_id)
  const { wanted, ...asked } = askedOf(certificate, { profile, custody })
  const csr = validateCsr(csrPem, asked)
  const [isBlocked, rules] = await Promise.all([
    tables.blockedKeys.has(csr.publicKey.spkiSha256),
    tables.policyRules.listEnabled(),
  ])
  if (isBlocked) throw new CertctlError('csr_rejected', 'The key of this CSR was reported compromised; make a new one')
  const mostSeconds = longestLife(rules)
  return applyPolicy(csr, { wanted, profile, mostSeconds, now })
}
