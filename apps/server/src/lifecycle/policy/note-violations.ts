import type { CertificateRow } from '../../store/certificates.js'
import type { Tx } from '../../store/store.js'
import type { Rule, RuleSubject } from './evaluate-rules.js'
import { recordViolations } from './record-violations.js'
import { ruleSubjectOf } from './rule-subject-of.js'

/** Judges a certificate by all rules as it is now and writes what it violates; nothing is refused. Returns what was judged, where there are rules. */
export async function noteViolations(
  tx: Tx,
  certificate: CertificateRow,
): Promise<{ rules: readonly Rule[]; subject: RuleSubject } | undefined> {
  const rules = await tx.policyRules.listEnabled()
  if (rules.length === 0) return undefined
  const subject = await ruleSubjectOf(tx, certificate, rules)
  await recordViolations(tx, { certificate, subject, rules, tells: true })
  return { rules, subject }
}
