import type { Operation } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { appendEntry } from '../audit/append.js'
import type { Services } from '../services.js'
import type { AgentRow } from '../store/agents.js'
import type { Principal } from './principal.js'

type Key = Extract<Principal, { kind: 'key' }>

/** Whom a caller stands for on this route. */
export type ActAs = (
  principal: Principal,
  operation: Operation,
  params: Readonly<Record<string, unknown>>,
) => Promise<Principal> | Principal

/**
 * With `CERTCTL_LEGACY_AGENT_KEYS` an operator's key does what agents do, as the agent that the path names: agents of the old server have
 * no key of their own. The record names both, and says for which agents it still happens. Without the setting everybody stays who he is.
 */
export function createLegacyAgents(services: Services): ActAs {
  if (!services.config.legacy_agent_keys) return (principal) => principal
  const told = new Set<string>()
  return async (principal, operation, params) => {
    if (principal.kind !== 'key' || !mayAct(principal) || operation.permission !== 'agent.act') return principal
    const agent = await agentOf(services, operation, String(params.id ?? ''))
    if (agent === undefined) throw new CertctlError('not_found', `There is no agent ${String(params.id)}`)
    if (agent.retired_at !== null) throw new CertctlError('gone', `The agent "${agent.name}" was retired`)
    await tellOnce(services, told, { agent, key: principal })
    return { kind: 'agent', id: agent.id, name: `${agent.name} (with the key "${principal.name}")` }
  }
}

function mayAct({ role }: Key): boolean {
  return role === 'admin' || role === 'operator'
}

/** The first protocol has one path that names a job instead of an agent. */
async function agentOf(
  { store }: Services,
  { path }: Pick<Operation, 'path'>,
  id: string,
): Promise<AgentRow | undefined> {
  if (path.startsWith('/api/v1/agents/{id}')) return await store.agents.get(id)
  const job = await store.jobs.get(id)
  return job?.agent_id == null ? undefined : await store.agents.get(job.agent_id)
}

async function tellOnce(
  services: Services,
  told: Set<string>,
  { agent, key }: { agent: AgentRow; key: Key },
): Promise<void> {
  const pair = `${agent.id} ${key.id}`
  if (told.has(pair)) return
  told.add(pair)
  services.log.warn({ agent: agent.id, key: key.id }, "an agent works with an operator's key; give it one of its own")
  await appendEntry(services, {
    actor: { type: 'User', id: key.id, name: key.name },
    action: 'agent.legacy_key_used',
    resource_type: 'agent',
    resource_id: agent.id,
    details: { key: key.name },
  })
}
