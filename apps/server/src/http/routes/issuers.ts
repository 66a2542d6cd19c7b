import { reply } from '@certctl/api'
import { actorOf } from '../../access/principal.js'
import { connectionView } from '../../inventory/connection-view.js'
import { createConnection } from '../../inventory/create-connection.js'
import { deleteConnection } from '../../inventory/delete-connection.js'
import { listCaCertificates } from '../../inventory/list-ca-certificates.js'
import { getConnection, listConnections } from '../../inventory/list-connections.js'
import { testConnection } from '../../inventory/test-connection.js'
import { updateConnection } from '../../inventory/update-connection.js'
import type { Services } from '../../services.js'
import type { ConnectionRow } from '../../store/connections.js'
import { matchCheck } from '../etag.js'
import type { Handlers } from '../handlers.js'
import { listingOf } from '../page.js'

type Ids =
  | 'listIssuers'
  | 'createIssuer'
  | 'getIssuer'
  | 'updateIssuer'
  | 'deleteIssuer'
  | 'testIssuer'
  | 'listCaCertificates'

export function issuerRoutes(services: Services): Handlers<Ids> {
  const viewOf = (row: ConnectionRow) => connectionView(services, row)
  return {
    async listIssuers({ query }) {
      const { request, envelope } = listingOf(services.sealing, 'listIssuers', query)
      return reply(200, envelope(await listConnections(services, { kind: 'issuer', ...query }, request), viewOf))
    },
    createIssuer: async ({ body, principal }) =>
      reply(201, viewOf(await createConnection(services, 'issuer', { ...body, actor: actorOf(principal) }))),
    getIssuer: async ({ params }) => reply(200, viewOf(await getConnection(services, 'issuer', params.id))),
    async updateIssuer({ params, body, principal, raw }) {
      const match = matchCheck(raw)
      const check = (row: ConnectionRow): void => match(viewOf(row))
      const changes = { id: params.id, ...body, actor: actorOf(principal), check }
      return reply(200, viewOf(await updateConnection(services, 'issuer', changes)))
    },
    async deleteIssuer({ params, principal }) {
      await deleteConnection(services, 'issuer', { id: params.id, actor: actorOf(principal) })
      return reply(204, undefined)
    },
    listCaCertificates: async ({ params, signal }) => reply(200, await listCaCertificates(services, params.id, signal)),
    async testIssuer({ params, principal, signal }) {
      const { detail } = await testConnection(services, 'issuer', { id: params.id, actor: actorOf(principal), signal })
      return reply(200, { status: 'connection_successful', detail })
    },
  }
}
