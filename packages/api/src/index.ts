export { adminOperations, type EncryptionKeyStatus, encryptionKeyStatusSchema } from './admin.js'
export { type AgentGroup, agentGroupOperations, agentGroupSchema } from './agent-groups.js'
export {
  agentWorkOperations,
  generalNameSchema,
  heldSchema,
  type JobReport,
  jobReportSchema,
  type Observations,
  observationsSchema,
  reportedConnectorSchema,
  servedSchema,
  type WorkAnswer,
  type WorkItem,
  wireEndpointSchema,
  workAnswerSchema,
  workItemSchema,
} from './agent-work.js'
export {
  type Agent,
  agentOperations,
  agentSchema,
  agentStatuses,
  blockedByDependenciesSchema,
  dependencyCountsSchema,
} from './agents.js'
export { type ApiKey, apiKeyOperations, apiKeyRoles, apiKeySchema, createdApiKeySchema } from './api-keys.js'
export {
  type Approval,
  approvalOperations,
  approvalSchema,
  approvalStates,
  approvalSubjectSchema,
} from './approvals.js'
export { type AuditEntry, auditEntrySchema, auditOperations } from './audit.js'
export {
  type AuditCheckpointRecord,
  type AuditFault,
  type AuditRecord,
  type AuditVerdict,
  auditCheckpointSchema,
  auditFaultSchema,
  auditRecordSchema,
  auditVerdictSchema,
  emptyHead,
  headHash,
  hexOf,
  leafHash,
  merkleRoot,
  parseAuditRecord,
  type Sha256,
} from './audit-proof.js'
export { authOperations } from './auth.js'
export {
  type Binding,
  bind,
  type HandlerOf,
  type HandlerRequest,
  type HandlersOf,
  type JsonReply,
  parseRequest,
  type RawReply,
  type RawRequest,
  type Reply,
  type ReplyOf,
  type Route,
  reply,
  replyJson,
} from './bind.js'
export {
  type BulkItem,
  bulkAcceptedSchema,
  bulkItemSchema,
  bulkItemStates,
  bulkOperations,
  bulkReassignedSchema,
  bulkRenewedSchema,
  bulkRevokedSchema,
  reasonTextSchema,
  revocationReasonSchema,
  revocationReasons,
  type WireRevocationReason,
} from './bulk.js'
export {
  type Certificate,
  type CertificateListItem,
  type CertificateSort,
  type CertificateVersion,
  certificateListItemSchema,
  certificateOperations,
  certificateSchema,
  certificateStatuses,
  holderSchema,
  versionSchema,
} from './certificates.js'
export {
  type AnswerOf,
  type CallOf,
  type ClientOf,
  createClient,
  type Send,
  type WireAnswer,
  type WireRequest,
} from './client.js'
export { type ConnectorType, connectorTypeOperations, connectorTypeSchema } from './connector-types.js'
export { type DiscoveryReport, discoveryReportSchema, discoveryScanSchema } from './discoveries.js'
export { type DnsProvider, dnsProviderOperations } from './dns-providers.js'
export { type DoctorReport, doctorOperations, doctorReportSchema } from './doctor.js'
export { type Event, eventOperations, eventSchema } from './events.js'
export { exportOperations } from './exports.js'
export { healthOperations } from './health.js'
export {
  type HealthCheck,
  type HealthHistoryEntry,
  healthCheckOperations,
  healthCheckSchema,
  healthHistorySchema,
  healthStatuses,
} from './health-checks.js'
export { type Issuer, issuerOperations, issuerSchema } from './issuers.js'
export { type Job, jobOperations, jobSchema, jobStatuses, jobTypes, verificationStatuses } from './jobs.js'
export { createdJoinTokenSchema, type JoinToken, joinTokenOperations, joinTokenSchema } from './join-tokens.js'
export { type Notifier, notifierOperations, notifierSchema } from './notifiers.js'
export {
  expressPath,
  type Given,
  type Method,
  type Operation,
  type Operations,
  op,
  type Parsed,
} from './op.js'
export { openApi } from './open-api.js'
export { operations } from './operations.js'
export { type Owner, ownerOperations, ownerSchema } from './owners.js'
export { listQuery, maxOffset, maxPageSize, type Paging, pageOf, pagingOf } from './page.js'
export { allows, type Permission, permissions, type Role, rolePermissions, roles } from './permission.js'
export { type Placement, type PlacementState, placementSchema, placementStates } from './placement.js'
export { type Plan, planOperations, planSchema, planWarnings } from './plan.js'
export { type Policy, type PolicyViolation, policyOperations, policySchema, policyViolationSchema } from './policies.js'
export { type PolicyConfig, type PolicyType, policyConfigSchemas, policyTypes } from './policy-config.js'
export {
  type ApiError,
  apiError,
  errorOfAnswer,
  type FieldFault,
  faultsOf,
  fieldFaultSchema,
  type Problem,
  problemMediaType,
  problemSchema,
} from './problem.js'
export { type Profile, profileOperations, profileSchema } from './profiles.js'
export {
  alertChannels,
  alertTiers,
  type RenewalPolicy,
  renewalPolicyOperations,
  renewalPolicySchema,
} from './renewal-policies.js'
export { replyFaults } from './reply-faults.js'
export { type Revocation, revocationOperations, revocationSchema, revocationStates } from './revocations.js'
export { causeSchema, idSchema, sha256Schema, timeSchema } from './scalars.js'
export {
  type JobTrend,
  jobTrendSchema,
  type Metrics,
  metricsSchema,
  type StatsSummary,
  statsOperations,
  statsSummarySchema,
} from './stats.js'
export { type Status, statusOperations, statusSchema } from './status.js'
export { type Target, targetOperations, targetSchema } from './targets.js'
export { type Team, teamOperations, teamSchema } from './teams.js'
export { type AuditTools, verifyAudit, verifyExport } from './verify-audit.js'
