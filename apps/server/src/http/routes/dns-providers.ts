import type { Services } from '../../services.js'
import { connectionRoutes } from '../connection-routes.js'
import type { Handlers } from '../handlers.js'

type Ids =
  | 'listDnsProviders'
  | 'createDnsProvider'
  | 'getDnsProvider'
  | 'updateDnsProvider'
  | 'deleteDnsProvider'
  | 'testDnsProvider'

export function dnsProviderRoutes(services: Services): Handlers<Ids> {
  const routes = connectionRoutes(services, { kind: 'dns', list: 'listDnsProviders' })
  return {
    listDnsProviders: routes.list,
    createDnsProvider: routes.create,
    getDnsProvider: routes.get,
    updateDnsProvider: routes.update,
    deleteDnsProvider: routes.remove,
    testDnsProvider: routes.test,
  }
}
