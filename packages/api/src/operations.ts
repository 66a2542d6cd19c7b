import { adminOperations } from './admin.js'
import { agentGroupOperations } from './agent-groups.js'
import { agentWorkOperations } from './agent-work.js'
import { agentOperations } from './agents.js'
import { apiKeyOperations } from './api-keys.js'
import { approvalOperations } from './approvals.js'
import { auditOperations } from './audit.js'
import { authOperations } from './auth.js'
import { bulkOperations } from './bulk.js'
import { certificateOperations } from './certificates.js'
import { connectorTypeOperations } from './connector-types.js'
import { dnsProviderOperations } from './dns-providers.js'
import { doctorOperations } from './doctor.js'
import { eventOperations } from './events.js'
import { exportOperations } from './exports.js'
import { healthOperations } from './health.js'
import { healthCheckOperations } from './health-checks.js'
import { issuerOperations } from './issuers.js'
import { jobOperations } from './jobs.js'
import { joinTokenOperations } from './join-tokens.js'
import { notifierOperations } from './notifiers.js'
import { ownerOperations } from './owners.js'
import { planOperations } from './plan.js'
import { policyOperations } from './policies.js'
import { profileOperations } from './profiles.js'
import { renewalPolicyOperations } from './renewal-policies.js'
import { revocationOperations } from './revocations.js'
import { statsOperations } from './stats.js'
import { statusOperations } from './status.js'
import { targetOperations } from './targets.js'
import { teamOperations } from './teams.js'

/** Every route there is, by operation id. */
export const operations = {
  ...healthOperations,
  ...healthCheckOperations,
  ...authOperations,
  ...adminOperations,
  ...apiKeyOperations,
  ...joinTokenOperations,
  ...certificateOperations,
  ...bulkOperations,
  ...exportOperations,
  ...revocationOperations,
  ...issuerOperations,
  ...targetOperations,
  ...notifierOperations,
  ...dnsProviderOperations,
  ...teamOperations,
  ...ownerOperations,
  ...agentGroupOperations,
  ...profileOperations,
  ...renewalPolicyOperations,
  ...policyOperations,
  ...agentOperations,
  ...agentWorkOperations,
  ...connectorTypeOperations,
  ...jobOperations,
  ...approvalOperations,
  ...eventOperations,
  ...auditOperations,
  ...doctorOperations,
  ...planOperations,
  ...statsOperations,
  ...statusOperations,
}
