import type { CertificateRow } from '../../store/certificates.js'
import { createId } from '../../store/create-id.js'
import type { Tx } from '../../store/store.js'
import { raiseAlert } from '../raise-alert.js'
import { resolveAlert } from '../resolve-alert.js'
import { evaluateRules, type Rule, type RuleSubject, type Violation } from './evaluate-rules.js'

export interface JudgedCertificate {
  certificate: CertificateRow
  subject: RuleSubject
  rules: readonly Rule[]
  /** Whether people are told of each; a sweep of one rule tells them once of all. */
  tells: boolean
}

/** Writes what a certificate violates of these rules and resolves what it violates no more. What is violated still stays one violation. Returns how many there are. */
export async function recordViolations(tx: Tx, judged: JudgedCertificate): Promise<number> {
  const { certificate, rules } = judged
  const found = evaluateRules(rules, judged.subject)
  const open = await tx.policyViolations.listOpenOfCertificate(certificate.id)
  const known = new Map(open.map((row) => [row.rule_id, row]))
  for (const violation of found) {
    const row = known.get(violation.rule.id)
    const { message, rule } = violation
    if (row === undefined) await openViolation(tx, judged, violation)
    else if (row.message !== message || row.severity !== rule.severity)
      await tx.policyViolations.restate(row.id, { message, severity: rule.severity })
  }
  const judgedIds = new Set(rules.map(({ id }) => id))
  const violated = new Set(found.map(({ rule }) => rule.id))
  const gone = open.filter(({ rule_id: id }) => judgedIds.has(id) && !violated.has(id))
  await tx.policyViolations.resolve(
    gone.map(({ id }) => id),
    tx.now,
  )
  for (const { rule_id: ruleId } of gone)
    await resolveAlert(tx, {
      subject: subjectOfViolation(certificate.id, ruleId),
      type: 'policy.satisfied',
      title: `${certificate.name} violates the rule ${ruleId} no more`,
      certificateId: certificate.id,
    })
  return found.length
}

async function openViolation(
  tx: Tx,
  { certificate, tells }: JudgedCertificate,
  { rule, message }: Violation,
): Promise<void> {
  const written = await tx.policyViolations.insert({
    id: createId('violation', tx.now),
    certificate_id: certificate.id,
    rule_id: rule.id,
    message,
    severity: rule.severity,
    created_at: tx.now,
  })
  if (!written || !tells) return
  await raiseAlert(tx, {
    subject: subjectOfViolation(certificate.id, rule.id),
    type: 'policy.violated',
    severity: rule.severity === 'Critical' ? 'critical' : 'warning',
    title: `${certificate.name} violates the rule ${rule.name}: ${message}`,
    command: `certctl certificates show ${certificate.id}`,
    data: { rule_id: rule.id, rule_name: rule.name, mode: rule.mode },
    certificateId: certificate.id,
  })
}

export function subjectOfViolation(certificateId: string, ruleId: string): string {
  return `policy:${certificateId}:${ruleId}`
}
