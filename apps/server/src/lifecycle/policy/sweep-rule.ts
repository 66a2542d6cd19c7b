import { emitEvent } from '../../notify/emit-event.js'
import type { Services } from '../../services.js'
import type { PolicyRuleRow } from '../../store/policy-rules.js'
import type { DueSweep } from '../../store/policy-sweeps.js'
import { endRule } from './end-rule.js'
import { recordViolations } from './record-violations.js'
import { ruleSubjectOf } from './rule-subject-of.js'

const batchSize = 200

/**
 * Judges every certificate by one rule as it stands now, in batches, from where the last run stopped; a disabled rule is violated by
 * nothing. Certificates that change meanwhile are judged by their change; when a profile or renewal policy does, it is begun anew by the
 * next run. Of two copies that sweep at once one goes on.
 */
export async function sweepRule({ store }: Pick<Services, 'store'>, due: DueSweep, signal: AbortSignal): Promise<void> {
  let sweep = due
  if (sweep.swept_to === '') await store.policySweeps.begin(sweep)
  while (!signal.aborted) {
    const { swept_to: after } = sweep
    const rule = await store.policyRules.get(sweep.rule_id)
    if (rule === undefined || rule.updated_at.getTime() !== sweep.rule_updated_at.getTime()) return
    if (!rule.enabled) return await finish({ store }, rule, sweep)
    const ids = await store.policySweeps.listCertificates({ after, limit: batchSize })
    for (const id of ids) {
      if (signal.aborted) return
      await judge({ store }, rule, id)
    }
    const last = ids.at(-1)
    if (last === undefined) return await finish({ store }, rule, sweep)
    if (!(await store.policySweeps.advance(sweep, { swept_to: last }))) return
    sweep = { ...sweep, swept_to: last }
  }
}

async function judge({ store }: Pick<Services, 'store'>, rule: PolicyRuleRow, certificateId: string): Promise<void> {
  await store.transaction(async (tx) => {
    const certificate = await tx.certificates.lock(certificateId)
    if (certificate === undefined || certificate.archived_at !== null) return
    const subject = await ruleSubjectOf(tx, certificate, await tx.policyRules.listEnabled())
    await recordViolations(tx, { certificate, subject, rules: [rule], tells: false })
  })
}

async function finish({ store }: Pick<Services, 'store'>, rule: PolicyRuleRow, sweep: DueSweep): Promise<void> {
  await store.transaction(async (tx) => {
    if (!(await tx.policySweeps.advance(sweep, { done_at: tx.now }))) return
    if (!rule.enabled) await endRule(tx, rule.id)
    const violated = await tx.policyViolations.countOpenOfRule(rule.id)
    if (violated === 0) return
    await emitEvent(tx, {
      type: 'policy.applied',
      severity: rule.severity === 'Critical' ? 'critical' : 'warning',
      title: `The rule ${rule.name} is violated by ${violated} ${violated === 1 ? 'certificate' : 'certificates'}`,
      data: { rule_id: rule.id, violations: violated, mode: rule.mode },
    })
  })
}
