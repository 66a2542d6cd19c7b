import { CertctlError } from '@certctl/core'
import { createToken, hashToken } from '../access/token.js'
import type { Services } from '../services.js'
import type { AgentRow } from '../store/agents.js'
import type { Actor } from '../store/audit-entry.js'
import { createId } from '../store/create-id.js'
import type { Tx } from '../store/store.js'

/** What the old server ran scans under; nobody else may be called so. */
export const reservedAgents: readonly string[] = ['server-scanner', 'cloud-aws-sm', 'cloud-azure-kv', 'cloud-gcp-sm']

export interface AgentDescription {
  name: string
  hostname: string
  os?: string | undefined
  architecture?: string | undefined
  ip_address?: string | undefined
  version?: string | undefined
}

/** Registers an agent by hand. Its key is in this answer and nowhere else. */
export async function createAgent(
  services: Services,
  input: { id?: string | undefined; description: AgentDescription; actor: Actor },
): Promise<{ row: AgentRow; apiKey: string }> {
  return await services.store.transaction(async (tx) => await insertAgent(tx, input))
}

/** Throws `conflict` where a living agent has the name, or any had the id. */
export async function insertAgent(
  tx: Tx,
  input: { id?: string | undefined; description: AgentDescription; actor: Actor },
): Promise<{ row: AgentRow; apiKey: string }> {
  const { description, actor } = input
  const id = input.id ?? createId('agent', tx.now)
  if (reservedAgents.includes(id)) throw new CertctlError('conflict', `"${id}" is reserved; choose another id`)
  if ((await tx.agents.get(id)) !== undefined)
    throw new CertctlError('conflict', `There is, or was, an agent "${id}"; choose another id`)
  await requireFreeName(tx, description.name)
  const apiKey = createToken('cca')
  await tx.agents.insert({ id, ...definedOf(description), key_hash: hashToken(apiKey), registered_at: tx.now })
  tx.audit.append({
    actor,
    action: 'agent.created',
    resource_type: 'agent',
    resource_id: id,
    details: { name: description.name, hostname: description.hostname },
  })
  const row = await tx.agents.get(id)
  if (row === undefined) throw new CertctlError('internal', `The agent ${id} vanished while it was written`)
  return { row, apiKey }
}

export async function requireFreeName(tx: Tx, name: string, except?: string): Promise<void> {
  const namesake = await tx.agents.findLiveByName(name)
  if (namesake === undefined || namesake.id === except) return
  throw new CertctlError(
    'conflict',
    `There is already an agent named "${name}" (${namesake.id}); retire it first or choose another name`,
  )
}

function definedOf(description: AgentDescription): AgentDescription {
  const given = Object.entries(description).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as unknown as AgentDescription
}
