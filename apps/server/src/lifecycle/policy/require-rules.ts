import { CertctlError } from '@certctl/core'
import type { CertificateRow } from '../../store/certificates.js'
import type { Tx } from '../../store/store.js'
import { evaluateRules } from './evaluate-rules.js'
import { noteViolations } from './note-violations.js'

/**
 * Judges a certificate by all rules: writes what it violates, and throws `policy_denied` where an enforced rule forbids what would be
 * issued next. What it serves today stops nothing: only a new issuance can put that right.
 */
export async function requireRules(tx: Tx, certificate: CertificateRow): Promise<void> {
  const judged = await noteViolations(tx, certificate)
  if (judged === undefined) return
  const enforced = judged.rules.filter(({ mode }) => mode === 'enforce')
  const denied = evaluateRules(enforced, { ...judged.subject, serving: [] })
  if (denied.length === 0) return
  const faults = denied.map(({ rule, message }) => `the rule ${rule.name} (${rule.id}) says: ${message}`)
  throw new CertctlError(
    'policy_denied',
    `${certificate.name} is not issued: ${faults.join('; ')}. Change the certificate, or the rule`,
    {
      errors: denied.map(({ rule, message }) => ({ field: fieldOf(rule.type), message })),
    },
  )
}

function fieldOf(type: string): string {
  const fields: Readonly<Record<string, string>> = {
    AllowedIssuers: 'issuer_id',
    AllowedProfiles: 'certificate_profile_id',
    AllowedDomains: 'sans',
    RequiredMetadata: 'tags',
    AllowedEnvironments: 'environment',
    RenewalLeadTime: 'renewal_policy_id',
    CertificateLifetime: 'validity_seconds',
  }
  return fields[type] ?? 'certificate'
}
