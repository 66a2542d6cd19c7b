import { retireTarget } from '../lifecycle/placement/retire-target.js'
import type { Actor } from '../store/audit-entry.js'
import type { Tx } from '../store/store.js'
import type { TargetRow } from '../store/targets.js'

/** Retires a target whose row is locked: nothing goes there any more, its places are free, and what is there stays there. */
export async function endTarget(
  tx: Tx,
  { target, reason, actor }: { target: TargetRow; reason: string | undefined; actor: Actor },
): Promise<void> {
  await retireTarget(tx, target.id)
  await tx.targets.update(target.id, {
    retired_at: tx.now,
    retired_reason: reason ?? null,
    updated_at: tx.now,
    generation: target.generation + 1,
  })
  tx.audit.append({
    actor,
    action: 'target.deleted',
    resource_type: 'target',
    resource_id: target.id,
    details: { name: target.name, type: target.type, agent_id: target.agent_id, reason },
  })
  tx.wake('agent', target.agent_id)
}
