import type { HandlersOf, operations } from '@certctl/api'
import type { Principal } from '../../access/principal.js'
import type { Heartbeats } from '../../inventory/heartbeats.js'
import type { Services } from '../../services.js'
import type { HttpRequest } from '../handlers.js'
import type { HttpSettings } from '../settings.js'
import { adminRoutes } from './admin.js'
import { agentGroupRoutes } from './agent-groups.js'
import { agentJobRoutes } from './agent-jobs.js'
import { agentSelfRoutes } from './agent-self.js'
import { agentRoutes } from './agents.js'
import { apiKeyRoutes } from './api-keys.js'
import { approvalRoutes } from './approvals.js'
import { auditRoutes } from './audit.js'
import { bulkRoutes } from './bulk.js'
import { certificateRoutes } from './certificates.js'
import { connectorTypeRoutes } from './connector-types.js'
import { dnsProviderRoutes } from './dns-providers.js'
import { doctorRoutes } from './doctor.js'
import { eventRoutes } from './events.js'
import { exportRoutes } from './exports.js'
import { healthRoutes } from './health.js'
import { healthCheckRoutes } from './health-checks.js'
import { importRoutes } from './imports.js'
import { issuerRoutes } from './issuers.js'
import { jobRoutes } from './jobs.js'
import { joinTokenRoutes } from './join-tokens.js'
import { metricsRoutes } from './metrics.js'
import { notifierRoutes } from './notifiers.js'
import { ownerRoutes } from './owners.js'
import { planRoutes } from './plan.js'
import { policyRoutes } from './policies.js'
import { profileRoutes } from './profiles.js'
import { renewalPolicyRoutes } from './renewal-policies.js'
import { revocationRoutes } from './revocations.js'
import { statsRoutes } from './stats.js'
import { targetRoutes } from './targets.js'
import { teamRoutes } from './teams.js'

/** The handlers of all operations. */
export function createHandlers(
  services: Services,
  settings: HttpSettings,
  heartbeats: Heartbeats,
): HandlersOf<typeof operations, Principal, HttpRequest> {
  return {
    ...adminRoutes(services),
    ...agentGroupRoutes(services),
    ...agentJobRoutes(services),
    ...agentRoutes(services),
    ...agentSelfRoutes(services, heartbeats),
    ...apiKeyRoutes(services),
    ...approvalRoutes(services),
    ...auditRoutes(services),
    ...bulkRoutes(services),
    ...exportRoutes(services),
    ...importRoutes(services),
    ...revocationRoutes(services),
    ...certificateRoutes(services),
    ...connectorTypeRoutes(services),
    ...doctorRoutes(services, settings),
    ...eventRoutes(services),
    ...healthRoutes(services, settings),
    ...healthCheckRoutes(services),
    ...issuerRoutes(services),
    ...jobRoutes(services),
    ...joinTokenRoutes(services, settings),
    ...metricsRoutes(services),
    ...notifierRoutes(services),
    ...dnsProviderRoutes(services),
    ...ownerRoutes(services),
    ...planRoutes(services),
    ...policyRoutes(services),
    ...profileRoutes(services),
    ...renewalPolicyRoutes(services),
    ...statsRoutes(services),
    ...targetRoutes(services),
    ...teamRoutes(services),
  }
}
