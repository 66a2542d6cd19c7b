import { teamSchema } from '@certctl/api'
import { teamNoun } from '../../inventory/nouns/team-noun.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'
import { nounRoutes } from '../noun-routes.js'

type Ids = 'listTeams' | 'createTeam' | 'getTeam' | 'updateTeam' | 'deleteTeam'

export function teamRoutes(services: Services): Handlers<Ids> {
  const routes = nounRoutes(services, { noun: teamNoun, schema: teamSchema, list: 'listTeams' })
  return {
    listTeams: routes.list,
    createTeam: routes.create,
    getTeam: routes.get,
    updateTeam: routes.update,
    deleteTeam: routes.remove,
  }
}
