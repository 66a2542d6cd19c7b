import { reply } from '@certctl/api'
import { listCaCertificates } from '../../inventory/list-ca-certificates.js'
import type { Services } from '../../services.js'
import { connectionRoutes } from '../connection-routes.js'
import type { Handlers } from '../handlers.js'

type Ids =
  | 'listIssuers'
  | 'createIssuer'
  | 'getIssuer'
  | 'updateIssuer'
  | 'deleteIssuer'
  | 'testIssuer'
  | 'listCaCertificates'

export function issuerRoutes(services: Services): Handlers<Ids> {
  const routes = connectionRoutes(services, { kind: 'issuer', list: 'listIssuers' })
  return {
    listIssuers: routes.list,
    createIssuer: routes.create,
    getIssuer: routes.get,
    updateIssuer: routes.update,
    deleteIssuer: routes.remove,
    testIssuer: routes.test,
    listCaCertificates: async ({ params, signal }) => reply(200, await listCaCertificates(services, params.id, signal)),
  }
}
