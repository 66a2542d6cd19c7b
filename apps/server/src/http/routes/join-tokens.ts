import { type JoinToken, reply } from '@certctl/api'
import { actorOf } from '../../access/principal.js'
import { createJoinToken, deleteJoinToken, listJoinTokens } from '../../inventory/join-tokens.js'
import type { Services } from '../../services.js'
import type { JoinTokenRow } from '../../store/join-tokens.js'
import type { Handlers } from '../handlers.js'
import { listingOf } from '../page.js'
import type { HttpSettings } from '../settings.js'

type Ids = 'listJoinTokens' | 'createJoinToken' | 'deleteJoinToken'

export function joinTokenRoutes(services: Services, settings: Pick<HttpSettings, 'caSpkiSha256'>): Handlers<Ids> {
  return {
    async listJoinTokens({ query }) {
      const { request, envelope } = listingOf(services.sealing, 'listJoinTokens', query)
      return reply(200, envelope(await listJoinTokens(services, request), viewOf))
    },
    async createJoinToken({ body, principal }) {
      const { row, token } = await createJoinToken(services, {
        agentName: body.agent_name,
        expiresInSeconds: body.expires_in_seconds,
        caSpkiSha256: await settings.caSpkiSha256(),
        actor: actorOf(principal),
      })
      return reply(201, { ...viewOf(row), token, command: commandOf(token, body.agent_name) })
    },
    async deleteJoinToken({ params, principal }) {
      await deleteJoinToken(services, { id: params.id, actor: actorOf(principal) })
      return reply(204, undefined)
    },
  }
}

/** What to type on the agent's host. A token that is for one name is of no use without it: the host's own is taken else. */
function commandOf(token: string, agentName: string | undefined): string {
  const join = `certctl-agent join ${token}`
  return agentName === undefined ? join : `${join} --name ${shellWord(agentName)}`
}

function shellWord(text: string): string {
  return /^[\w.-]+$/.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

function viewOf(row: JoinTokenRow): JoinToken {
  return {
    id: row.id,
    ...(row.name === null ? {} : { agent_name: row.name }),
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    ...(row.used_at === null ? {} : { used_at: row.used_at.toISOString() }),
    ...(row.agent_id === null ? {} : { agent_id: row.agent_id }),
  }
}
