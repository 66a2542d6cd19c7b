import { CertctlError } from '@certctl/core'
import { encodeJoinToken } from '../access/join-token.js'
import { createToken, hashToken } from '../access/token.js'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import { createId } from '../store/create-id.js'
import type { JoinTokenRow } from '../store/join-tokens.js'
import type { Page, PageRequest } from '../store/page.js'
import { fieldFault } from './field-fault.js'

export interface NewJoinToken {
  agentName?: string | undefined
  expiresInSeconds: number
  /** Pin of the CA that signs the listener's certificate; absent where the operator supplied that certificate. */
  caSpkiSha256?: string | undefined
  actor: Actor
}

/** Makes a token with which one agent may join once; its text is in this answer and nowhere else. */
export async function createJoinToken(
  services: Services,
  input: NewJoinToken,
): Promise<{ row: JoinTokenRow; token: string }> {
  const { agentName, expiresInSeconds, caSpkiSha256, actor } = input
  const secret = createToken('ccj')
  return await services.store.transaction(async (tx) => {
    if (agentName !== undefined && (await tx.agents.findLiveByName(agentName)) !== undefined)
      throw fieldFault(
        'agent_name',
        `there is already an agent named "${agentName}"; retire it first or choose another`,
      )
    const row: JoinTokenRow = {
      id: createId('join', tx.now),
      name: agentName ?? null,
      created_by: actor.id,
      created_at: tx.now,
      expires_at: new Date(tx.now.getTime() + expiresInSeconds * 1000),
      agent_id: null,
      joined_at: null,
      used_at: null,
    }
    await tx.joinTokens.insert({ ...row, token_hash: hashToken(secret) })
    tx.audit.append({
      actor,
      action: 'join_token.created',
      resource_type: 'join_token',
      resource_id: row.id,
      details: { agent_name: agentName, expires_at: row.expires_at },
    })
    return { row, token: encodeJoinToken({ serverUrl: services.server.publicUrl, caSpkiSha256, secret }) }
  })
}

/** Ends a token that nobody joined with. */
export async function deleteJoinToken(services: Services, { id, actor }: { id: string; actor: Actor }): Promise<void> {
  await services.store.transaction(async (tx) => {
    const row = await tx.joinTokens.get(id)
    if (row === undefined)
      throw new CertctlError('not_found', `No join token "${id}"; list them with GET /api/v1/join-tokens`)
    if (row.agent_id !== null || !(await tx.joinTokens.remove(id)))
      throw new CertctlError('conflict', 'An agent joined with this token; retire the agent instead')
    tx.audit.append({ actor, action: 'join_token.deleted', resource_type: 'join_token', resource_id: id })
  })
}

export async function listJoinTokens(
  { store }: Pick<Services, 'store'>,
  request: PageRequest,
): Promise<Page<JoinTokenRow>> {
  return await store.joinTokens.page(request)
}
