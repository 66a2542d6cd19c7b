import type { Target } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { checkShape } from '../connectors/check-shape.js'
import { type Config, type ConfigSchema, markedTexts } from '../connectors/marked-schema.js'
import { mergeConfig, sealConfig } from '../connectors/sealed-config.js'
import type { WindowRule } from '../lifecycle/placement/next-window.js'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import { createId } from '../store/create-id.js'
import type { Tx } from '../store/store.js'
import { checkWindows } from './check-windows.js'
import { claimPlaces } from './claims.js'
import { fieldFault } from './field-fault.js'
import { placeOfTarget } from './target-config.js'
import { targetTypeOf } from './target-type.js'
import { targetView } from './target-view.js'

export interface NewTarget {
  id?: string | undefined
  name: string
  type: string
  agentId: string
  config: Readonly<Record<string, unknown>>
  enabled: boolean
  windows?: readonly WindowRule[] | undefined
  actor: Actor
}

/** Adds a target of an agent and takes the places it writes; a place that another target has is refused, naming that one (`conflict`). */
export async function createTarget(services: Services, input: NewTarget): Promise<Target> {
  return await services.store.transaction(async (tx) => {
    const { name, agentId, enabled, windows = [], actor } = input
    checkWindows(windows, tx.now)
    await requireLivingAgent(tx, agentId)
    const type = await targetTypeOf(tx, { agentId, type: input.type })
    const config = checkedConfig(type, mergeConfig(type?.schema, {}, input.config))
    const id = input.id ?? createId('target', tx.now)
    await requireFreeTarget(tx, { id, agentId, name })
    const stored = sealConfig(services.sealing, { schema: type?.schema, config }, placeOfTarget(id))
    await tx.targets.insert({
      id,
      name,
      type: type?.type ?? input.type,
      agent_id: agentId,
      config: JSON.stringify(stored.config),
      secrets: stored.secrets,
      enabled,
      windows: JSON.stringify(windows),
      created_at: tx.now,
      updated_at: tx.now,
    })
    await claimPlaces(tx, { id, agent_id: agentId }, placesOf(type?.schema, config))
    tx.audit.append({
      actor,
      action: 'target.created',
      resource_type: 'target',
      resource_id: id,
      details: { name, type: type?.type ?? input.type, agent_id: agentId, enabled, windows },
    })
    return await viewOf(services, tx, id)
  })
}

/** 400, naming the field, for an agent that does not exist or was retired; held so until the transaction ends. */
export async function requireLivingAgent(tx: Tx, agentId: string): Promise<void> {
  const agent = await tx.agents.share(agentId)
  if (agent === undefined) throw fieldFault('agent_id', `there is no agent "${agentId}"`)
  if (agent.retired_at !== null) throw fieldFault('agent_id', `the agent "${agentId}" was retired`)
}

export async function requireFreeTarget(
  tx: Tx,
  { id, agentId, name }: { id?: string | undefined; agentId: string; name: string },
): Promise<void> {
  if (id !== undefined && (await tx.targets.get(id)) !== undefined)
    throw new CertctlError('conflict', `There is, or was, a target "${id}"; choose another id`)
  const namesake = await tx.targets.findLiveByName(agentId, name)
  if (namesake !== undefined)
    throw new CertctlError('conflict', `The agent has a target named "${name}" (${namesake.id}); choose another name`)
}

/** The shape by what the agent reported; the agent itself has the last word. */
export function checkedConfig(type: { type: string; schema: ConfigSchema } | undefined, config: Config): Config {
  // Connectors list windows among what every target understands. Here nothing would ever read them.
  if (config.windows !== undefined)
    throw fieldFault('config.windows', 'is given beside config, as windows: --window "0 2 * * SAT 4h Europe/Berlin"')
  if (type !== undefined) checkShape(type.schema, config, type.type)
  return config
}

/** The files that deployments to it write. */
export function placesOf(schema: ConfigSchema | undefined, config: Config): string[] {
  return schema === undefined ? [] : markedTexts({ schema, mark: 'file' }, config)
}

export async function viewOf(services: Services, tx: Tx, id: string): Promise<Target> {
  const row = await tx.targets.get(id)
  if (row === undefined) throw new CertctlError('internal', `The target ${id} vanished while it was written`)
  const type = await targetTypeOf(tx, { agentId: row.agent_id, type: row.type })
  return targetView(services, row, type?.schema)
}
