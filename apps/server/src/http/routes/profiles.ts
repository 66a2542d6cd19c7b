import { profileSchema } from '@certctl/api'
import { profileNoun } from '../../inventory/nouns/profile-noun.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'
import { nounRoutes } from '../noun-routes.js'

type Ids = 'listProfiles' | 'createProfile' | 'getProfile' | 'updateProfile' | 'deleteProfile'

export function profileRoutes(services: Services): Handlers<Ids> {
  const routes = nounRoutes(services, { noun: profileNoun, schema: profileSchema, list: 'listProfiles' })
  return {
    listProfiles: routes.list,
    createProfile: routes.create,
    getProfile: routes.get,
    updateProfile: routes.update,
    deleteProfile: routes.remove,
  }
}
