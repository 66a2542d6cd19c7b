import { reply } from '@certctl/api'
import { actorOf, type Principal } from '../access/principal.js'
import type { ServerKind } from '../connectors/kind-words.js'
import { connectionView } from '../inventory/connection-view.js'
import { createConnection, type NewConnection } from '../inventory/create-connection.js'
import { deleteConnection } from '../inventory/delete-connection.js'
import { getConnection, listConnections } from '../inventory/list-connections.js'
import { testConnection } from '../inventory/test-connection.js'
import { type ConnectionChanges, updateConnection } from '../inventory/update-connection.js'
import type { Services } from '../services.js'
import type { ConnectionFilter, ConnectionRow } from '../store/connections.js'
import { matchCheck } from './etag.js'
import type { HttpRequest, OperationId } from './handlers.js'
import { listingOf } from './page.js'

interface Asked {
  principal: Principal
}
interface AskedOne extends Asked {
  params: { id: string }
}
type Query = Parameters<typeof listingOf>[2] & Omit<ConnectionFilter, 'kind'>

/** The six handlers that issuers, notifiers and DNS providers have alike. */
export function connectionRoutes(services: Services, { kind, list }: { kind: ServerKind; list: OperationId }) {
  const viewOf = (row: ConnectionRow) => connectionView(services, row)
  return {
    list: async ({ query }: { query: Query }) => {
      const { request, envelope } = listingOf(services.sealing, list, query)
      return reply(200, envelope(await listConnections(services, { kind, ...query }, request), viewOf))
    },
    create: async ({ body, principal }: Asked & { body: Omit<NewConnection, 'actor'> }) =>
      reply(201, viewOf(await createConnection(services, kind, { ...body, actor: actorOf(principal) }))),
    get: async ({ params }: AskedOne) => reply(200, viewOf(await getConnection(services, kind, params.id))),
    update: async ({
      params,
      body,
      principal,
      raw,
    }: AskedOne & { raw: HttpRequest; body: Omit<ConnectionChanges, 'id' | 'actor' | 'check'> }) => {
      const match = matchCheck(raw)
      const check = (row: ConnectionRow): void => match(viewOf(row))
      const changes = { id: params.id, ...body, actor: actorOf(principal), check }
      return reply(200, viewOf(await updateConnection(services, kind, changes)))
    },
    remove: async ({ params, principal }: AskedOne) => {
      await deleteConnection(services, kind, { id: params.id, actor: actorOf(principal) })
      return reply(204, undefined)
    },
    test: async ({ params, principal, signal }: AskedOne & { signal: AbortSignal }) => {
      const asked = { id: params.id, actor: actorOf(principal), signal }
      const { detail } = await testConnection(services, kind, asked)
      return reply(200, { status: 'connection_successful' as const, detail })
    },
  }
}
