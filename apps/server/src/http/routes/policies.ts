import { policySchema, reply } from '@certctl/api'
import { listPolicyViolations, policyViolationView } from '../../inventory/list-policy-violations.js'
import { policyNoun } from '../../inventory/nouns/policy-noun.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'
import { nounRoutes } from '../noun-routes.js'
import { listingOf } from '../page.js'

type Ids = 'listPolicies' | 'createPolicy' | 'getPolicy' | 'updatePolicy' | 'deletePolicy' | 'listPolicyViolations'

export function policyRoutes(services: Services): Handlers<Ids> {
  const routes = nounRoutes(services, { noun: policyNoun, schema: policySchema, list: 'listPolicies' })
  return {
    listPolicies: routes.list,
    createPolicy: routes.create,
    getPolicy: routes.get,
    updatePolicy: routes.update,
    deletePolicy: routes.remove,
    async listPolicyViolations({ params, query }) {
      const { request, envelope } = listingOf(services.sealing, `violations of ${params.id}`, query)
      const filter = { ruleId: params.id, withResolved: query.resolved }
      return reply(200, envelope(await listPolicyViolations(services, filter, request), policyViolationView))
    },
  }
}
