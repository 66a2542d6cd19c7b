import type { GeneralName } from '@certctl/core'
import type { Generated, GeneratedAlways, JSONColumnType } from 'kysely'
import type { Actor } from './audit-entry.js'

/** Rows as PostgreSQL has them; the spelling of a field is the same from column to browser. Made to match the migrations; a test compares both. */

export interface SealingKeysTable {
  id: string
  check_value: Buffer
  created_at: Date
  sealing_since: Date | null
}

/** What the server itself keeps secret and shares with its copies: its CA, its signing keys. */
export interface ServerSecretsTable {
  name: string
  value: Buffer
  created_at: Date
}

export interface ServersTable {
  id: string
  hostname: string
  version: string
  environment: JSONColumnType<object>
  started_at: Date
  heartbeat_at: Date
}

export interface ConnectionsTable {
  id: string
  kind: 'issuer' | 'notifier' | 'dns' | 'discovery'
  type: string
  name: string
  config: JSONColumnType<object>
  secrets: Buffer | null
  enabled: Generated<boolean>
  source: 'env' | 'api'
  generation: Generated<number>
  last_tested_at: Date | null
  test_status: string | null
  test_message: string | null
  created_at: Date
  updated_at: Date
  /** Of issuers. */
  paused_until: Date | null
  maintain_at: Date | null
  maintain_failures: Generated<number>
}

export interface ConnectorStateTable {
  instance: string
  key: string
  value: Buffer
  version: number
  expires_at: Date | null
}

export interface AgentsTable {
  id: string
  name: string
  hostname: Generated<string>
  os: Generated<string>
  architecture: Generated<string>
  ip_address: Generated<string>
  version: Generated<string>
  key_hash: Buffer
  key_used_at: Date | null
  boot_id: string | null
  previous_boot_id: string | null
  boot_changed_at: Date | null
  boot_returns: Generated<number>
  cloned_at: Date | null
  last_heartbeat_at: Date | null
  registered_at: Date
  retired_at: Date | null
  retired_reason: string | null
}

export interface ConnectorTypesTable {
  agent_id: string
  kind: string
  type: string
  aliases: Generated<string[]>
  schema: JSONColumnType<object>
  capabilities: JSONColumnType<object>
  package: string
  version: string
  reported_at: Date
}

export interface JoinTokensTable {
  id: string
  token_hash: Buffer
  name: string | null
  created_by: string
  created_at: Date
  expires_at: Date
  agent_id: string | null
  joined_at: Date | null
  used_at: Date | null
}

export interface ApiKeysTable {
  id: string
  name: string
  key_hash: Buffer
  role: 'admin' | 'operator' | 'viewer' | 'auditor'
  owner: string | null
  created_at: Date
  expires_at: Date | null
  last_used_at: Date | null
  revoked_at: Date | null
  source: Generated<'api' | 'env'>
}

/** One attribute of a subject beyond the common name: `{ type: 'O', value: 'Example' }`. */
export interface SubjectPart {
  type: string
  value: string
}

export interface CertificateTable {
  id: string
  name: string
  common_name: string | null
  names: JSONColumnType<readonly GeneralName[]>
  subject: JSONColumnType<readonly SubjectPart[]>
  key_algorithm: Generated<string>
  extended_key_usages: Generated<string[]>
  must_staple: Generated<boolean>
  validity_seconds: number | null
  issuer_id: string
  environment: Generated<string>
  owner_id: string | null
  team_id: string | null
  renewal_policy_id: string | null
  certificate_profile_id: string | null
  tags: JSONColumnType<Readonly<Record<string, string>>>
  source: Generated<string>
  generation: Generated<number>
  created_at: Date
  updated_at: Date
  archived_at: Date | null
  /** Everybody who asked for it or changed it, the last of them last: no second key of the same person approves it. */
  requested_by_people: JSONColumnType<readonly Requester[], string | undefined, string>
}

/** A person with every way they were written when they asked, and the last moment they did. */
export interface Requester {
  known_as: readonly string[]
  at: string
}

export interface CertificateNamesTable {
  certificate_id: string
  type: string
  value: string
  reversed: string
  /** Of the certificate; kept by the database. */
  expires_at: Generated<Date>
}

/** What lists sort and filter by. Kept by the database: nothing here writes it. */
export interface ListedCertificatesTable {
  id: string
  name: string
  common_name: string
  environment: string
  owner_id: string | null
  team_id: string | null
  issuer_id: string
  certificate_profile_id: string | null
  standing: 'pending' | 'failed' | 'issued' | 'renewing' | 'revoked' | 'archived'
  /** Of the version that ends first; `infinity` where none was issued. */
  expires_at: Date
  /** From when on it counts as expiring. */
  expiring_at: Date
  renew_at: Date | null
  last_renewal_at: Date | null
  last_deployment_at: Date | null
  revoked_at: Date | null
  revocation_reason: string | null
  serial_number: string | null
  fingerprint: string | null
  holder_count: number
  target_ids: string[]
  created_at: Date
  updated_at: Date
  /** Its JSON, without id and status; null until a row of before is refreshed. */
  item: string | null
}

export interface CertificateTagsTable {
  certificate_id: string
  key: string
  value: string
  expires_at: Date
  standing: string
  team_id: string | null
}

/** All names of a certificate, one a line, in lower case. */
export interface SearchedNamesTable {
  certificate_id: string
  text: string
  expires_at: Date
}

/** How many, by day: what was folded in, and what was not yet. The truth is the sum of both. */
export interface DailyCountsTable {
  question: string
  day: Date
  word: string
  subject: string
  n: string
}

export interface CountChangesTable {
  question: string
  day: Date
  word: string
  subject: string
  n: string
}

export interface HolderTable {
  id: string
  certificate_id: string
  kind: 'agent' | 'outside' | 'server'
  agent_id: string | null
  csr_pem: string | null
  current_version_id: string | null
  renew_at: Date | null
  renewal_requested_at: Date | null
  failures: Generated<number>
  next_attempt_at: Date | null
  last_error_code: string | null
  last_error: string | null
  blocked_code: string | null
  blocked_generation: number | null
  created_at: Date
  closed_at: Date | null
  renewal_window_start: Date | null
  renewal_window_end: Date | null
  renewal_info_url: string | null
  renewal_info_at: Date | null
  /** Why `renew_at` is then, or why there is none. */
  renew_at_reason: string | null
  /** Who asked for the renewal that is due since `renewal_requested_at`, by every way they were written then. */
  renewal_requested_by_person: string[] | null
  /** Millionths, drawn once per version: where in its window or spread it lies. */
  renewal_draw: number | null
}

export interface OrderTable {
  id: string
  holder_id: string
  certificate_id: string
  issuer_id: string
  state: 'open' | 'valid' | 'invalid' | 'expired' | 'abandoned'
  generation: number
  csr_pem: string
  spki_sha256: string
  previous_version_id: string | null
  vendor_order_id: string | null
  progress: Buffer | null
  attempts: Generated<number>
  looks: Generated<number>
  first_asked_at: Date | null
  next_look_at: Date | null
  deadline: Date
  waiting_for: string | null
  detail: string | null
  last_error_code: string | null
  last_error: string | null
  created_at: Date
  closed_at: Date | null
  close_reason: string | null
}

export interface VersionTable {
  id: string
  certificate_id: string
  holder_id: string
  order_id: string
  issuer_id: string
  standing: 'current' | 'previous' | 'lost'
  generation: number
  serial_number: string
  fingerprint: string
  spki_sha256: string
  key_algorithm: string
  key_size: number
  issuer_name: string
  not_before: Date
  not_after: Date
  received_at: Date
  vendor_ref: string | null
  revoked_at: Date | null
  revocation_reason: string | null
}

export interface VersionDersTable {
  version_id: string
  der: Buffer
  chain_pem: string
  csr_pem: string
}

export interface BlockedKeysTable {
  spki_sha256: string
  reason: string
  version_id: string | null
  blocked_by: string
  blocked_at: Date
}

export interface RevocationsTable {
  id: string
  version_id: string
  issuer_id: string
  reason: string
  reason_text: string
  state: 'here' | 'requested' | 'confirmed' | 'unconfirmable'
  reference: string | null
  attempts: Generated<number>
  first_asked_at: Date | null
  next_try_at: Date | null
  last_error_code: string | null
  last_error: string | null
  requested_by: string
  created_at: Date
  confirmed_at: Date | null
}

/** When a target may be written to: from each time the cron expression names, for so long. */
export interface MaintenanceWindow {
  cron: string
  duration: string
  time_zone: string
}

export interface TargetsTable {
  id: string
  name: string
  type: string
  agent_id: string
  config: JSONColumnType<object>
  secrets: Buffer | null
  enabled: Generated<boolean>
  generation: Generated<number>
  last_tested_at: Date | null
  test_status: string | null
  test_message: string | null
  created_at: Date
  updated_at: Date
  retired_at: Date | null
  retired_reason: string | null
  windows: JSONColumnType<readonly MaintenanceWindow[], string | undefined, string>
}

export interface ClaimsTable {
  scope: string
  place: string
  target_id: string
}

export interface PlacementTable {
  id: string
  certificate_id: string
  target_id: string
  state: 'pending' | 'deploying' | 'deployed' | 'served' | 'drifted' | 'failed' | 'unverifiable'
  desired_version_id: string | null
  desired_at: Date | null
  deployed_fingerprint: string | null
  deployed_at: Date | null
  served_fingerprint: string | null
  served_at: Date | null
  observed_at: Date | null
  cause_code: string | null
  cause_message: string | null
  failures: Generated<number>
  next_attempt_at: Date | null
  verify_at: Date | null
  blocked_code: string | null
  blocked_generation: number | null
  frozen_at: Date | null
  created_at: Date
  updated_at: Date
  removed_at: Date | null
  /** When the maintenance window opens that its deployment waits for. */
  window_at: Date | null
}

/** What a job learned on its way, for those who ask later. */
export interface JobResult {
  /** The certificate handed to an agent of the first protocol, which reports no fingerprint. */
  offered?: string
  verification?: {
    expected_fingerprint: string
    actual_fingerprint: string
    verified: boolean
    verified_at: string
    error?: string
  }
  /** No handshake can show what was deployed. */
  unverifiable?: true
  version_id?: string
  detail?: string
}

export interface JobsTable {
  id: string
  kind: 'issue' | 'deploy' | 'verify' | 'test' | 'scan' | 'challenge' | 'bulk'
  state: 'waiting_csr' | 'waiting_approval' | 'ready' | 'active' | 'done' | 'cancelled'
  outcome: 'done' | 'failed' | 'superseded' | 'refused' | null
  agent_id: string | null
  certificate_id: string | null
  holder_id: string | null
  order_id: string | null
  placement_id: string | null
  target_id: string | null
  generation: Generated<number>
  priority: Generated<number>
  /** Of issuance: whether the holder had a version before. */
  renewal: Generated<boolean>
  run_at: Date
  lease: string | null
  locked_by: string | null
  locked_until: Date | null
  bound_until: Date | null
  attempts: Generated<number>
  last_error_code: string | null
  last_error: string | null
  result: JSONColumnType<JobResult | null, string | null | undefined, string | null>
  requested_by: string
  created_at: Date
  started_at: Date | null
  completed_at: Date | null
  /** Whoever asked for it, by every way they were written then; null where the schedule did. */
  requested_by_person: string[] | null
  challenge_id: string | null
}

/** An answer to a challenge of an ACME CA: public, for whoever asks. */
export interface ChallengesTable {
  id: string
  instance: string
  served_by: 'server' | 'agents'
  kind: 'http-01' | 'tls-alpn-01'
  name: string
  port: number
  token: string | null
  key_authorization: string
  generation: Generated<number>
  withdrawn_at: Date | null
  expires_at: Date
  created_at: Date
}

export interface EventsTable {
  id: string
  sequence: Generated<string>
  type: string
  severity: 'info' | 'warning' | 'critical'
  certificate_id: string | null
  target_id: string | null
  agent_id: string | null
  issuer_id: string | null
  title: string
  data: JSONColumnType<object>
  alert_key: string | null
  resolves_event_id: string | null
  resolved_at: Date | null
  routed_at: Date | null
  at: Date
}

export interface NotificationsTable {
  id: string
  event_id: string
  /** Absent where a policy names a channel that is no notifier, and where the notifier was deleted. */
  connection_id: string | null
  state: 'pending' | 'sent' | 'failed' | 'dead' | 'read'
  resolves: string | null
  attempts: Generated<number>
  next_try_at: Date | null
  last_error_code: string | null
  last_error: string | null
  reference: string | null
  sent_at: Date | null
  created_at: Date
  /** As a policy names it, where it does; the id of a notifier that was deleted. */
  channel: string | null
}

export interface ScansTable {
  id: string
  agent_id: string | null
  directories: Generated<string[]>
  certificates_found: Generated<number>
  certificates_new: Generated<number>
  errors_count: Generated<number>
  scan_duration_ms: Generated<number>
  complete: Generated<boolean>
  started_at: Date
  completed_at: Date | null
}

export interface DiscoveredCertificatesTable {
  id: string
  fingerprint: string
  common_name: Generated<string>
  sans: Generated<string[]>
  serial_number: Generated<string>
  issuer_name: Generated<string>
  subject_name: Generated<string>
  not_before: Date | null
  not_after: Date | null
  key_algorithm: Generated<string>
  key_size: Generated<number>
  is_ca: Generated<boolean>
  der: Buffer | null
  status: Generated<string>
  first_seen_at: Date
}

export interface SightingsTable {
  discovered_id: string
  agent_id: string
  location: string
  format: Generated<string>
  scan_id: string
  first_seen_at: Date
  last_seen_at: Date
}

export interface IdempotencyKeysTable {
  caller: string
  key: string
  request_hash: Buffer
  answer: Buffer | null
  started_at: Date
  expires_at: Date
  server_id: string | null
}

export interface AuditHeadsTable {
  head: number
  batch: string
  hash: Buffer
}

export interface AuditBatchesTable {
  head: number
  batch: string
  size: number
  root: Buffer
  previous: Buffer
  hash: Buffer
  at: Date
}

export interface AuditEventsTable {
  id: string
  head: number
  batch: string
  leaf: number
  leaf_hash: Buffer
  canonical: string
  actor: string
  actor_type: string
  action: string
  resource_type: string
  resource_id: string
  at: Date
}

export interface AuditCheckpointsTable {
  id: Generated<string>
  canonical: string
  key_id: string
  signature: Buffer
  at: Date
}

export interface ScheduleTable {
  name: string
  next_run_at: Date
  last_run_at: Date | null
}

export interface TeamsTable {
  id: string
  name: string
  description: Generated<string>
  created_at: Date
  updated_at: Date
}

export interface OwnersTable {
  id: string
  name: string
  email: Generated<string>
  team_id: string | null
  created_at: Date
  updated_at: Date
}

export interface AgentGroupsTable {
  id: string
  name: string
  description: Generated<string>
  match_os: Generated<string>
  match_architecture: Generated<string>
  match_ip_cidr: Generated<string>
  match_version: Generated<string>
  include_agent_ids: Generated<string[]>
  exclude_agent_ids: Generated<string[]>
  enabled: Generated<boolean>
  created_at: Date
  updated_at: Date
}

/** `{ algorithm: 'ECDSA', min_size: 256 }`: a key a profile allows. */
export interface AllowedKeyAlgorithm {
  algorithm: 'RSA' | 'ECDSA' | 'Ed25519'
  min_size: number
}

export interface ProfilesTable {
  id: string
  name: string
  description: Generated<string>
  allowed_key_algorithms: JSONColumnType<readonly AllowedKeyAlgorithm[], string | undefined, string>
  min_ttl_seconds: number | null
  max_ttl_seconds: number | null
  allowed_ekus: Generated<string[]>
  allowed_key_usages: Generated<string[]>
  required_san_patterns: Generated<string[]>
  spiffe_uri_pattern: Generated<string>
  allow_wildcards: Generated<boolean>
  allow_ip_addresses: Generated<boolean>
  allow_email_addresses: Generated<boolean>
  allowed_issuer_ids: Generated<string[]>
  allowed_key_custody: Generated<string[]>
  allow_key_reuse: Generated<boolean>
  allow_short_lived: Generated<boolean>
  must_staple: Generated<boolean>
  required_csr_attributes: Generated<string[]>
  acme_auth_mode: Generated<string>
  requires_approval: Generated<boolean>
  enabled: Generated<boolean>
  created_at: Date
  updated_at: Date
}

export interface RenewalPoliciesTable {
  id: string
  name: string
  renewal_window_days: Generated<number>
  auto_renew: Generated<boolean>
  max_retries: Generated<number>
  retry_interval_seconds: Generated<number>
  alert_thresholds_days: JSONColumnType<readonly number[], string | undefined, string>
  certificate_profile_id: string | null
  alert_channels: JSONColumnType<Readonly<Record<string, readonly string[]>>, string | undefined, string>
  alert_severity_map: JSONColumnType<Readonly<Record<string, string>>, string | undefined, string>
  created_at: Date
  updated_at: Date
  /** The `updated_at` that the renewal times of its certificates follow; before that: they are still being computed. */
  applied_at: Date | null
}

export interface PolicyRulesTable {
  id: string
  name: string
  type: string
  config: JSONColumnType<object, string | undefined, string>
  enabled: Generated<boolean>
  severity: Generated<'Warning' | 'Error' | 'Critical'>
  mode: Generated<'warn' | 'enforce'>
  created_at: Date
  updated_at: Date
}

export interface PolicyViolationsTable {
  id: string
  certificate_id: string
  rule_id: string
  message: string
  severity: string
  created_at: Date
  resolved_at: Date | null
}

/** How far the certificates that are there were judged by a rule that is new or was changed. */
export interface PolicySweepsTable {
  rule_id: string
  /** The rule as it stood then; a later change begins anew. */
  rule_updated_at: Date
  /** The last certificate that was judged. */
  swept_to: Generated<string>
  done_at: Date | null
}

export interface ApprovalsTable {
  id: string
  certificate_id: string
  job_id: string
  order_id: string
  profile_id: string
  requested_by: string
  requested_by_person: string
  /** Who may not decide: whoever asked for it, or for something of it that was not issued yet. */
  barred_persons: Generated<string[]>
  state: 'pending' | 'approved' | 'rejected' | 'expired'
  shown: JSONColumnType<object, string | undefined, string>
  /** Hash of what the decision is about: it holds for this and nothing else. */
  bound: string
  decided_by: string | null
  decided_by_person: string | null
  decided_at: Date | null
  decision_note: string | null
  expires_at: Date
  created_at: Date
  updated_at: Date
}

/** Which thresholds of one version were told: a later version is told of anew. */
export interface ExpiryAlertsTable {
  version_id: string
  threshold_days: number
  told_at: Date
}

export interface BulkOperationsTable {
  job_id: string
  action: 'renew' | 'revoke' | 'reassign'
  /** What was asked for, as it was written. */
  criteria: JSONColumnType<object, string, string>
  arguments: JSONColumnType<BulkArguments, string | undefined, string>
  /** Who asked: every item is done in this name. */
  actor: JSONColumnType<Actor, string, string>
  total: Generated<number>
  done: Generated<number>
  skipped: Generated<number>
  failed: Generated<number>
  created_at: Date
}

export interface BulkArguments {
  reason?: string
  reason_text?: string
  owner_id?: string
  team_id?: string
  /** Ended certificates were asked for by name of their status, so that they are not passed over. */
  ended_too?: boolean
}

export interface BulkItemsTable {
  id: GeneratedAlways<string>
  job_id: string
  certificate_id: string
  state: 'pending' | 'done' | 'skipped' | 'failed'
  code: string | null
  message: string | null
  result_job_id: string | null
}

export interface HealthChecksTable {
  id: string
  endpoint: string
  server_name: string | null
  certificate_id: string | null
  target_id: string | null
  network_scan_target_id: string | null
  expected_fingerprint: string | null
  check_interval_seconds: number
  timeout_ms: number
  degraded_threshold: Generated<number>
  down_threshold: Generated<number>
  enabled: Generated<boolean>
  source: Generated<'api' | 'auto'>
  status: Generated<'unknown' | 'healthy' | 'degraded' | 'down' | 'cert_mismatch'>
  failure_reason: Generated<string>
  consecutive_failures: Generated<number>
  response_time_ms: Generated<number>
  observed_fingerprint: string | null
  tls_version: Generated<string>
  cipher_suite: Generated<string>
  cert_subject: Generated<string>
  cert_issuer: Generated<string>
  cert_expiry: Date | null
  last_checked_at: Date | null
  last_success_at: Date | null
  last_failure_at: Date | null
  last_transition_at: Date | null
  next_check_at: Date | null
  claim: string | null
  acknowledged_by: string | null
  acknowledged_at: Date | null
  created_at: Date
  updated_at: Date
  removed_at: Date | null
}

export interface HealthCheckResultsTable {
  id: string
  health_check_id: string
  status: string
  response_time_ms: Generated<number>
  fingerprint: string | null
  failure_reason: Generated<string>
  checked_at: Date
}

export interface Schema {
  sealing_keys: SealingKeysTable
  server_secrets: ServerSecretsTable
  servers: ServersTable
  connections: ConnectionsTable
  connector_state: ConnectorStateTable
  agents: AgentsTable
  connector_types: ConnectorTypesTable
  join_tokens: JoinTokensTable
  api_keys: ApiKeysTable
  certificates: CertificateTable
  certificate_names: CertificateNamesTable
  listed_certificates: ListedCertificatesTable
  certificate_tags: CertificateTagsTable
  searched_names: SearchedNamesTable
  daily_counts: DailyCountsTable
  count_changes: CountChangesTable
  holders: HolderTable
  orders: OrderTable
  versions: VersionTable
  version_ders: VersionDersTable
  blocked_keys: BlockedKeysTable
  revocations: RevocationsTable
  targets: TargetsTable
  claims: ClaimsTable
  placements: PlacementTable
  jobs: JobsTable
  challenges: ChallengesTable
  events: EventsTable
  notifications: NotificationsTable
  scans: ScansTable
  discovered_certificates: DiscoveredCertificatesTable
  sightings: SightingsTable
  idempotency_keys: IdempotencyKeysTable
  audit_heads: AuditHeadsTable
  audit_batches: AuditBatchesTable
  audit_events: AuditEventsTable
  audit_checkpoints: AuditCheckpointsTable
  schedule: ScheduleTable
  teams: TeamsTable
  owners: OwnersTable
  agent_groups: AgentGroupsTable
  profiles: ProfilesTable
  renewal_policies: RenewalPoliciesTable
  policy_rules: PolicyRulesTable
  policy_violations: PolicyViolationsTable
  policy_sweeps: PolicySweepsTable
  approvals: ApprovalsTable
  expiry_alerts: ExpiryAlertsTable
  health_checks: HealthChecksTable
  health_check_results: HealthCheckResultsTable
  bulk_operations: BulkOperationsTable
  bulk_items: BulkItemsTable
}
