import { ownerSchema } from '@certctl/api'
import { ownerNoun } from '../../inventory/nouns/owner-noun.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'
import { nounRoutes } from '../noun-routes.js'

type Ids = 'listOwners' | 'createOwner' | 'getOwner' | 'updateOwner' | 'deleteOwner'

export function ownerRoutes(services: Services): Handlers<Ids> {
  const routes = nounRoutes(services, { noun: ownerNoun, schema: ownerSchema, list: 'listOwners' })
  return {
    listOwners: routes.list,
    createOwner: routes.create,
    getOwner: routes.get,
    updateOwner: routes.update,
    deleteOwner: routes.remove,
  }
}
