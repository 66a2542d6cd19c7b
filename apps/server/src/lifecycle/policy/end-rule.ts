import type { Tx } from '../../store/store.js'
import { resolveAlert } from '../resolve-alert.js'

/** A rule that is switched off or gone is violated by nothing, and nobody need be told of it any more. */
export async function endRule(tx: Tx, ruleId: string): Promise<void> {
  await tx.policyViolations.resolveOfRule(ruleId, tx.now)
  for (const { alert_key: subject, certificate_id: certificateId } of await tx.events.listOpenOfRule(ruleId))
    await resolveAlert(tx, {
      subject,
      type: 'policy.satisfied',
      title: `The rule ${ruleId} holds no more`,
      certificateId: certificateId ?? undefined,
    })
}
