import { adminEncryptionKey } from './commands/admin/encryption-key.js'
import { adminRotateEncryptionKey } from './commands/admin/rotate-encryption-key.js'
import { agentGroupVerbs } from './commands/agent-groups.js'
import { agentsJoinToken } from './commands/agents/join-token.js'
import { agentsList } from './commands/agents/list.js'
import { agentsRetire } from './commands/agents/retire.js'
import { agentsShow } from './commands/agents/show.js'
import { apiKeysCreate } from './commands/api-keys/create.js'
import { apiKeysDelete } from './commands/api-keys/delete.js'
import { apiKeysList } from './commands/api-keys/list.js'
import { approvalsApprove } from './commands/approvals/approve.js'
import { approvalsList } from './commands/approvals/list.js'
import { approvalsReject } from './commands/approvals/reject.js'
import { approvalsShow } from './commands/approvals/show.js'
import { auditExport } from './commands/audit/export.js'
import { auditVerify } from './commands/audit/verify.js'
import { issuersCaCertificate } from './commands/ca-certificate.js'
import { certificatesAddTarget } from './commands/certificates/add-target.js'
import { certificatesArchive } from './commands/certificates/archive.js'
import { certificatesBulkReassign } from './commands/certificates/bulk/bulk-reassign.js'
import { certificatesBulkRenew } from './commands/certificates/bulk/bulk-renew.js'
import { certificatesBulkRevoke } from './commands/certificates/bulk/bulk-revoke.js'
import { certificatesDeploy } from './commands/certificates/deploy.js'
import { certificatesExport } from './commands/certificates/export.js'
import { certificatesImport } from './commands/certificates/import.js'
import { certificatesList } from './commands/certificates/list.js'
import { certificatesPlacements } from './commands/certificates/placements.js'
import { certificatesRemoveTarget } from './commands/certificates/remove-target.js'
import { certificatesRenew } from './commands/certificates/renew.js'
import { certificatesRequest } from './commands/certificates/request.js'
import { certificatesRevocations } from './commands/certificates/revocations.js'
import { certificatesRevoke } from './commands/certificates/revoke.js'
import { certificatesShow } from './commands/certificates/show.js'
import { certificatesUpdate } from './commands/certificates/update.js'
import { certificatesVersions } from './commands/certificates/versions.js'
import { configExplain } from './commands/config/explain.js'
import { connectorTypesList } from './commands/connector-types/list.js'
import { connectorTypesShow } from './commands/connector-types/show.js'
import { dnsProviderVerbs } from './commands/dns-providers.js'
import { doctor } from './commands/doctor.js'
import { eventsList } from './commands/events/list.js'
import { healthChecksAcknowledge } from './commands/health-checks/acknowledge.js'
import { healthChecksCreate } from './commands/health-checks/create.js'
import { healthChecksDelete } from './commands/health-checks/delete.js'
import { healthChecksHistory } from './commands/health-checks/history.js'
import { healthChecksList } from './commands/health-checks/list.js'
import { healthChecksShow } from './commands/health-checks/show.js'
import { healthChecksUpdate } from './commands/health-checks/update.js'
import { issuerVerbs } from './commands/issuers.js'
import { jobsCancel } from './commands/jobs/cancel.js'
import { jobsItems } from './commands/jobs/items.js'
import { jobsList } from './commands/jobs/list.js'
import { jobsShow } from './commands/jobs/show.js'
import { login } from './commands/login.js'
import { logout } from './commands/logout.js'
import { notifierVerbs } from './commands/notifiers.js'
import { ownerVerbs } from './commands/owners.js'
import { plan } from './commands/plan.js'
import { policyVerbs } from './commands/policies.js'
import { profileVerbs } from './commands/profiles.js'
import { renewalPolicyVerbs } from './commands/renewal-policies.js'
import { stats } from './commands/stats.js'
import { status } from './commands/status.js'
import { targetVerbs } from './commands/targets.js'
import { teamVerbs } from './commands/teams.js'
import { version } from './commands/version.js'
import type { Verb } from './verb.js'

export interface Noun {
  readonly name: string
  readonly aliases: readonly string[]
  readonly summary: string
  readonly verbs: readonly Verb[]
}

/** Verbs that stand alone. */
export const topVerbs: readonly Verb[] = [login, logout, status, plan, doctor, stats, version]

/** The one table of commands. */
export const nouns: readonly Noun[] = [
  {
    name: 'certificates',
    aliases: ['certificate', 'certs', 'cert'],
    summary: 'Managed certificates: ask for, watch, renew, deploy',
    verbs: [
      certificatesRequest,
      certificatesList,
      certificatesShow,
      certificatesPlacements,
      certificatesVersions,
      certificatesUpdate,
      certificatesRenew,
      certificatesDeploy,
      certificatesAddTarget,
      certificatesRemoveTarget,
      certificatesExport,
      certificatesImport,
      certificatesRevoke,
      certificatesRevocations,
      certificatesArchive,
      certificatesBulkRenew,
      certificatesBulkRevoke,
      certificatesBulkReassign,
    ],
  },
  {
    name: 'issuers',
    aliases: ['issuer'],
    summary: 'Configured connections to CAs',
    verbs: [...issuerVerbs, issuersCaCertificate],
  },
  { name: 'targets', aliases: ['target'], summary: 'Places that certificates go to', verbs: targetVerbs },
  { name: 'notifiers', aliases: ['notifier'], summary: 'Ways to tell people', verbs: notifierVerbs },
  {
    name: 'dns-providers',
    aliases: ['dns-provider'],
    summary: 'Ways to write TXT records, for issuers that prove names by DNS',
    verbs: dnsProviderVerbs,
  },
  {
    name: 'connector-types',
    aliases: ['connectors'],
    summary: 'What issuers, targets, notifiers and DNS providers can be',
    verbs: [connectorTypesList, connectorTypesShow],
  },
  {
    name: 'agents',
    aliases: ['agent'],
    summary: 'Programs that hold the keys and write to the targets',
    verbs: [agentsJoinToken, agentsList, agentsShow, agentsRetire],
  },
  { name: 'agent-groups', aliases: ['agent-group'], summary: 'Agents by what they are', verbs: agentGroupVerbs },
  { name: 'teams', aliases: ['team'], summary: 'Teams that own certificates', verbs: teamVerbs },
  { name: 'owners', aliases: ['owner'], summary: 'Who answers for certificates', verbs: ownerVerbs },
  { name: 'profiles', aliases: ['profile'], summary: 'What certificates may be asked for', verbs: profileVerbs },
  {
    name: 'renewal-policies',
    aliases: ['renewal-policy'],
    summary: 'When certificates are renewed and who is told before they end',
    verbs: renewalPolicyVerbs,
  },
  { name: 'policies', aliases: ['policy'], summary: 'Rules that certificates are held to', verbs: policyVerbs },
  { name: 'jobs', aliases: ['job'], summary: 'Work under way', verbs: [jobsList, jobsShow, jobsItems, jobsCancel] },
  {
    name: 'approvals',
    aliases: ['approval'],
    summary: 'What waits for a second person',
    verbs: [approvalsList, approvalsShow, approvalsApprove, approvalsReject],
  },
  {
    name: 'health-checks',
    aliases: ['health-check'],
    summary: 'Endpoints the server shakes hands with itself',
    verbs: [
      healthChecksList,
      healthChecksShow,
      healthChecksCreate,
      healthChecksUpdate,
      healthChecksDelete,
      healthChecksHistory,
      healthChecksAcknowledge,
    ],
  },
  { name: 'events', aliases: ['event'], summary: 'What happened', verbs: [eventsList] },
  { name: 'audit', aliases: [], summary: 'The record nobody can quietly change', verbs: [auditVerify, auditExport] },
  {
    name: 'api-keys',
    aliases: ['api-key'],
    summary: 'Keys for people and programs',
    verbs: [apiKeysCreate, apiKeysList, apiKeysDelete],
  },
  {
    name: 'admin',
    aliases: [],
    summary: 'What administrators do to the server itself',
    verbs: [adminEncryptionKey, adminRotateEncryptionKey],
  },
  { name: 'config', aliases: [], summary: "This program's own settings", verbs: [configExplain] },
]
