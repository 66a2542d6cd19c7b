import { CertctlError } from '@certctl/core'
import { decodeJoinToken } from '../access/join-token.js'
import { createToken, hashToken } from '../access/token.js'
import { emitEvent } from '../notify/emit-event.js'
import type { Services } from '../services.js'
import type { AgentRow } from '../store/agents.js'
import type { JoinTokenRow } from '../store/join-tokens.js'
import type { Tx } from '../store/store.js'
import { type AgentDescription, insertAgent, requireFreeName } from './create-agent.js'

/**
 * Exchanges a join token for an agent's own key. Until that key was used for the first time the same token gives another key for the
 * same agent: the answer may have been lost. Afterwards it is spent.
 */
export async function joinAgent(
  services: Services,
  input: { token: string; description: AgentDescription },
): Promise<{ row: AgentRow; apiKey: string }> {
  const { description } = input
  const hash = hashToken(decodeJoinToken(input.token).secret)
  return await services.store.transaction(async (tx) => {
    const token = await tx.joinTokens.lockByHash(hash)
    requireUsable(token, { name: description.name, now: tx.now })
    if (token.agent_id !== null) return await joinAgain(tx, { token, agentId: token.agent_id, description })
    const actor = { type: 'User' as const, id: token.created_by, name: `join token ${token.id}` }
    const joined = await insertAgent(tx, { description, actor })
    await tx.joinTokens.bind(token.id, joined.row.id, tx.now)
    await emitEvent(tx, {
      type: 'agent.joined',
      severity: 'info',
      title: `The agent ${description.name} joined from ${description.hostname}`,
      agentId: joined.row.id,
      data: { name: description.name, hostname: description.hostname },
    })
    return joined
  })
}

function requireUsable(
  token: JoinTokenRow | undefined,
  { name, now }: { name: string; now: Date },
): asserts token is JoinTokenRow {
  const again = 'make another one with: certctl agents join-token'
  if (token === undefined) throw new CertctlError('unauthenticated', `This join token is not known here; ${again}`)
  if (token.used_at !== null) throw new CertctlError('unauthenticated', `This join token was used; ${again}`)
  if (token.expires_at <= now) throw new CertctlError('unauthenticated', `This join token has expired; ${again}`)
  if (token.name !== null && token.name.toLowerCase() !== name.toLowerCase())
    throw new CertctlError(
      'unauthenticated',
      `This join token is for an agent named "${token.name}", not "${name}"; join with --name ${token.name} or CERTCTL_AGENT_NAME=${token.name}`,
    )
}

async function joinAgain(
  tx: Tx,
  { token, agentId, description }: { token: JoinTokenRow; agentId: string; description: AgentDescription },
): Promise<{ row: AgentRow; apiKey: string }> {
  const agent = await tx.agents.lock(agentId)
  if (agent === undefined || agent.retired_at !== null || agent.key_used_at !== null)
    throw new CertctlError(
      'unauthenticated',
      'This join token was used; make another one with: certctl agents join-token',
    )
  await requireFreeName(tx, description.name, agentId)
  const apiKey = createToken('cca')
  const { name, hostname, os = '', architecture = '', version = '' } = description
  await tx.agents.update(agentId, { key_hash: hashToken(apiKey), name, hostname, os, architecture, version })
  tx.audit.append({
    actor: { type: 'User', id: token.created_by, name: `join token ${token.id}` },
    action: 'agent.joined_again',
    resource_type: 'agent',
    resource_id: agentId,
    details: { name, hostname },
  })
  tx.wake('agent', agentId)
  return { row: { ...agent, name, hostname, os, architecture, version }, apiKey }
}
