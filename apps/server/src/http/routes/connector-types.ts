import { reply } from '@certctl/api'
import { listConnectorTypes } from '../../inventory/connector-type-list.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'

export function connectorTypeRoutes(services: Services): Handlers<'listConnectorTypes'> {
  return {
    async listConnectorTypes({ query }) {
      const data = await listConnectorTypes(services, query.kind)
      return reply(200, { data, total: data.length })
    },
  }
}
