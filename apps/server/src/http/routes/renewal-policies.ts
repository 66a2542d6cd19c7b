import { renewalPolicySchema } from '@certctl/api'
import { renewalPolicyNoun } from '../../inventory/nouns/renewal-policy-noun.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'
import { nounRoutes } from '../noun-routes.js'

type Ids =
  | 'listRenewalPolicies'
  | 'createRenewalPolicy'
  | 'getRenewalPolicy'
  | 'updateRenewalPolicy'
  | 'deleteRenewalPolicy'

export function renewalPolicyRoutes(services: Services): Handlers<Ids> {
  const routes = nounRoutes(services, {
    noun: renewalPolicyNoun,
    schema: renewalPolicySchema,
    list: 'listRenewalPolicies',
  })
  return {
    listRenewalPolicies: routes.list,
    createRenewalPolicy: routes.create,
    getRenewalPolicy: routes.get,
    updateRenewalPolicy: routes.update,
    deleteRenewalPolicy: routes.remove,
  }
}
