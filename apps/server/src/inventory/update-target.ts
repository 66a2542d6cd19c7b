import { isDeepStrictEqual } from 'node:util'
import type { Target } from '@certctl/api'
import { looseType } from '@certctl/core'
import type { Config } from '../connectors/marked-schema.js'
import { mergeConfig, sealConfig } from '../connectors/sealed-config.js'
import { lockCertificatesOf } from '../lifecycle/placement/lock-certificates-of.js'
import { moveDeployments } from '../lifecycle/placement/move-deployments.js'
import type { WindowRule } from '../lifecycle/placement/next-window.js'
import { redeployTarget } from '../lifecycle/placement/redeploy-target.js'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import type { Tx } from '../store/store.js'
import type { TargetRow } from '../store/targets.js'
import { checkWindows } from './check-windows.js'
import { claimPlaces } from './claims.js'
import { checkedConfig, placesOf, requireFreeTarget, requireLivingAgent, viewOf } from './create-target.js'
import { lockTarget } from './delete-target.js'
import { fieldFault } from './field-fault.js'
import { openTargetConfig, placeOfTarget, readableTargetConfig } from './target-config.js'
import { targetTypeOf } from './target-type.js'
import { untested } from './untested.js'

export interface TargetChanges {
  id: string
  name?: string | undefined
  type?: string | undefined
  agentId?: string | undefined
  config?: Readonly<Record<string, unknown>> | undefined
  enabled?: boolean | undefined
  windows?: readonly WindowRule[] | undefined
  actor: Actor
  /** Looks at what a GET would answer now, before anything is written. */
  check: (view: Target) => void
}

/**
 * Changes what is given; the rest stays. Whatever matters to a deployment counts the generation up: deployments of the older one end
 * and the certificates are deployed anew.
 */
export async function updateTarget(services: Services, changes: TargetChanges): Promise<Target> {
  return await services.store.transaction(async (tx) => {
    await lockCertificatesOf(tx, changes.id)
    const before = await lockTarget(tx, changes.id)
    changes.check(await viewOf(services, tx, before.id))
    const { windows = before.windows } = changes
    checkWindows(windows, tx.now)
    const after = await resultOf(services, tx, { before, changes })
    await tx.targets.update(before.id, {
      name: after.name,
      agent_id: after.agentId,
      enabled: after.enabled,
      config: JSON.stringify(after.stored.config),
      secrets: after.stored.secrets,
      windows: JSON.stringify(windows),
      ...(after.isOther ? untested : {}),
      generation: before.generation + (after.matters ? 1 : 0),
      updated_at: tx.now,
    })
    if (after.matters) {
      await claimPlaces(tx, { id: before.id, agent_id: after.agentId }, after.places)
      await redeployTarget(services, tx, { targetId: before.id, requestedBy: changes.actor.id })
      for (const agentId of new Set([before.agent_id, after.agentId])) tx.wake('agent', agentId)
    }
    if (changes.windows !== undefined) await moveDeployments(tx, { ...before, agent_id: after.agentId, windows })
    record(tx, changes)
    return await viewOf(services, tx, before.id)
  })
}

async function resultOf(
  services: Services,
  tx: Tx,
  { before, changes }: { before: TargetRow; changes: TargetChanges },
) {
  const { name = before.name, agentId = before.agent_id, enabled = before.enabled } = changes
  await requirePossible(tx, { before, changes, wanted: { name, agentId } })
  const type = await targetTypeOf(tx, { agentId, type: before.type })
  // Without other secrets in their place, those that cannot be opened are left as they are.
  const held =
    changes.config === undefined ? openTargetConfig(services, before) : readableTargetConfig(services, before)
  const moved = agentId !== before.agent_id
  const config: Config = changes.config === undefined ? held : mergeConfig(type?.schema, held, changes.config)
  if (changes.config !== undefined || moved) checkedConfig(type, config)
  const isSame = isDeepStrictEqual(config, held)
  return {
    name,
    agentId,
    enabled,
    isOther: moved || !isSame,
    matters: moved || enabled !== before.enabled || !isSame,
    places: placesOf(type?.schema, config),
    stored: sealConfig(services.sealing, { schema: type?.schema, config }, placeOfTarget(before.id)),
  }
}

async function requirePossible(
  tx: Tx,
  { before, changes, wanted }: { before: TargetRow; changes: TargetChanges; wanted: { name: string; agentId: string } },
): Promise<void> {
  const { type } = changes
  if (type !== undefined && looseType(type) !== looseType(before.type) && !(await isAlias(tx, before, type)))
    throw fieldFault('type', `is ${before.type} and stays so; add another target instead`)
  const moved = wanted.agentId !== before.agent_id
  if (moved) await requireLivingAgent(tx, wanted.agentId)
  if (moved || wanted.name.toLowerCase() !== before.name.toLowerCase()) await requireFreeTarget(tx, wanted)
}

async function isAlias(tx: Tx, before: TargetRow, type: string): Promise<boolean> {
  const known = await targetTypeOf(tx, { agentId: before.agent_id, type })
  return known !== undefined && looseType(known.type) === looseType(before.type)
}

function record(tx: Tx, changes: TargetChanges): void {
  const { id, name, agentId, enabled, windows, config = {}, actor } = changes
  tx.audit.append({
    actor,
    action: 'target.updated',
    resource_type: 'target',
    resource_id: id,
    details: { name, agent_id: agentId, enabled, windows, config_fields: Object.keys(config) },
  })
}
