/** The first shape. Migrations only add; the code before and after each runs on both shapes. */
export const first = {
  name: '0001-first',
  sql: `
create table sealing_keys (
  id text primary key,
  check_value bytea not null,
  created_at timestamptz not null
);

create table server_secrets (
  name text primary key,
  value bytea not null,
  created_at timestamptz not null
);

create table servers (
  id text primary key,
  hostname text not null,
  version text not null,
  environment jsonb not null default '{}',
  started_at timestamptz not null,
  heartbeat_at timestamptz not null
);

create table connections (
  id text primary key,
  kind text not null check (kind in ('issuer', 'notifier', 'dns', 'discovery')),
  type text not null,
  name text not null,
  config jsonb not null default '{}',
  secrets bytea,
  enabled boolean not null default true,
  source text not null check (source in ('env', 'api')),
  generation integer not null default 1,
  last_tested_at timestamptz,
  test_status text,
  test_message text,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index connections_name on connections (kind, lower(name));

create table connector_state (
  instance text not null,
  key text not null,
  value bytea not null,
  version integer not null,
  expires_at timestamptz,
  primary key (instance, key)
);
create index connector_state_expiry on connector_state (expires_at) where expires_at is not null;

create table agents (
  id text primary key,
  name text not null,
  hostname text not null default '',
  os text not null default '',
  architecture text not null default '',
  ip_address text not null default '',
  version text not null default '',
  key_hash bytea not null unique,
  key_used_at timestamptz,
  boot_id text,
  previous_boot_id text,
  boot_changed_at timestamptz,
  boot_returns integer not null default 0,
  cloned_at timestamptz,
  last_heartbeat_at timestamptz,
  registered_at timestamptz not null,
  retired_at timestamptz,
  retired_reason text
);
create unique index agents_name on agents (lower(name)) where retired_at is null;

create table connector_types (
  agent_id text not null references agents (id),
  kind text not null,
  type text not null,
  aliases text[] not null default '{}',
  schema jsonb not null,
  capabilities jsonb not null,
  package text not null,
  version text not null,
  reported_at timestamptz not null,
  primary key (agent_id, kind, type)
);

create table join_tokens (
  id text primary key,
  token_hash bytea not null unique,
  name text,
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  agent_id text references agents (id),
  joined_at timestamptz,
  used_at timestamptz
);

create table api_keys (
  id text primary key,
  name text not null,
  key_hash bytea not null unique,
  role text not null check (role in ('admin', 'operator', 'viewer', 'auditor')),
  owner text,
  created_at timestamptz not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create unique index api_keys_name on api_keys (lower(name)) where revoked_at is null;

create table certificates (
  id text primary key,
  name text not null,
  common_name text,
  names jsonb not null,
  subject jsonb not null default '[]',
  key_algorithm text not null default 'EC-P256',
  extended_key_usages text[] not null default '{serverAuth}',
  must_staple boolean not null default false,
  validity_seconds integer,
  issuer_id text not null references connections (id),
  environment text not null default '',
  owner_id text,
  team_id text,
  renewal_policy_id text,
  certificate_profile_id text,
  tags jsonb not null default '{}',
  source text not null default 'api',
  generation integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz
);
create unique index certificates_name on certificates (lower(name)) where archived_at is null;
create index certificates_created on certificates (created_at, id);
create index certificates_issuer on certificates (issuer_id, id);

create table certificate_names (
  certificate_id text not null references certificates (id),
  type text not null,
  value text not null,
  reversed text not null,
  primary key (certificate_id, type, value)
);
create index certificate_names_value on certificate_names (value);
create index certificate_names_reversed on certificate_names (reversed text_pattern_ops);

create table holders (
  id text primary key,
  certificate_id text not null references certificates (id),
  kind text not null check (kind in ('agent', 'outside', 'server')),
  agent_id text references agents (id),
  csr_pem text,
  current_version_id text,
  renew_at timestamptz,
  renewal_requested_at timestamptz,
  failures integer not null default 0,
  next_attempt_at timestamptz,
  last_error_code text,
  last_error text,
  blocked_code text,
  blocked_generation integer,
  created_at timestamptz not null,
  closed_at timestamptz
);
create unique index holders_agent on holders (certificate_id, agent_id) where kind = 'agent' and closed_at is null;
create unique index holders_single on holders (certificate_id, kind) where kind <> 'agent' and closed_at is null;
create index holders_due on holders (renew_at, id) where closed_at is null;
create index holders_of_agent on holders (agent_id) where closed_at is null;

create table orders (
  id text primary key,
  holder_id text not null references holders (id),
  certificate_id text not null references certificates (id),
  issuer_id text not null references connections (id),
  state text not null check (state in ('open', 'valid', 'invalid', 'expired', 'abandoned')),
  generation integer not null,
  csr_pem text not null,
  spki_sha256 text not null,
  previous_version_id text,
  vendor_order_id text,
  progress bytea,
  attempts integer not null default 0,
  looks integer not null default 0,
  first_asked_at timestamptz,
  next_look_at timestamptz,
  deadline timestamptz not null,
  waiting_for text,
  detail text,
  last_error_code text,
  last_error text,
  created_at timestamptz not null,
  closed_at timestamptz,
  close_reason text
);
create unique index orders_open on orders (holder_id) where state = 'open';
create index orders_csr on orders (holder_id, spki_sha256);
create index orders_issuer_open on orders (issuer_id) where state = 'open';

create table versions (
  id text primary key,
  certificate_id text not null references certificates (id),
  holder_id text not null references holders (id),
  order_id text not null references orders (id),
  issuer_id text not null references connections (id),
  standing text not null check (standing in ('current', 'previous', 'lost')),
  generation integer not null,
  serial_number text not null,
  fingerprint text not null unique,
  spki_sha256 text not null,
  key_algorithm text not null,
  key_size integer not null,
  issuer_name text not null,
  not_before timestamptz not null,
  not_after timestamptz not null,
  received_at timestamptz not null,
  vendor_ref text,
  revoked_at timestamptz,
  revocation_reason text,
  unique (issuer_id, serial_number)
);
create index versions_certificate on versions (certificate_id, received_at, id);
create index versions_holder on versions (holder_id, received_at, id);
create index versions_expiry on versions (not_after, id) where standing = 'current';
create index versions_spki on versions (spki_sha256);

create table version_ders (
  version_id text primary key references versions (id),
  der bytea not null,
  chain_pem text not null,
  csr_pem text not null
);
alter table version_ders alter column der set storage external;

create table blocked_keys (
  spki_sha256 text primary key,
  reason text not null,
  version_id text,
  blocked_by text not null,
  blocked_at timestamptz not null
);

create table revocations (
  id text primary key,
  version_id text not null unique references versions (id),
  issuer_id text not null references connections (id),
  reason text not null,
  reason_text text not null,
  state text not null check (state in ('here', 'requested', 'confirmed', 'unconfirmable')),
  reference text,
  attempts integer not null default 0,
  first_asked_at timestamptz,
  next_try_at timestamptz,
  last_error_code text,
  last_error text,
  requested_by text not null,
  created_at timestamptz not null,
  confirmed_at timestamptz
);
create index revocations_due on revocations (next_try_at) where state in ('here', 'requested');

create table targets (
  id text primary key,
  name text not null,
  type text not null,
  agent_id text not null references agents (id),
  config jsonb not null default '{}',
  secrets bytea,
  enabled boolean not null default true,
  generation integer not null default 1,
  last_tested_at timestamptz,
  test_status text,
  test_message text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  retired_at timestamptz,
  retired_reason text
);
create unique index targets_name on targets (agent_id, lower(name)) where retired_at is null;
create index targets_agent on targets (agent_id) where retired_at is null;

create table claims (
  scope text not null,
  place text not null,
  target_id text not null references targets (id),
  primary key (scope, place)
);
create index claims_target on claims (target_id);

create table placements (
  id text primary key,
  certificate_id text not null references certificates (id),
  target_id text not null references targets (id),
  state text not null check (state in ('pending', 'deploying', 'deployed', 'served', 'drifted', 'failed', 'unverifiable')),
  desired_version_id text references versions (id),
  desired_at timestamptz,
  deployed_fingerprint text,
  deployed_at timestamptz,
  served_fingerprint text,
  served_at timestamptz,
  observed_at timestamptz,
  cause_code text,
  cause_message text,
  failures integer not null default 0,
  next_attempt_at timestamptz,
  verify_at timestamptz,
  blocked_code text,
  blocked_generation integer,
  frozen_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  removed_at timestamptz
);
create unique index placements_pair on placements (certificate_id, target_id) where removed_at is null;
create index placements_target on placements (target_id) where removed_at is null;
create index placements_open on placements (next_attempt_at, id) where removed_at is null and state not in ('served', 'unverifiable');
create index placements_verify on placements (verify_at, id) where removed_at is null and verify_at is not null;

create table jobs (
  id text primary key,
  kind text not null check (kind in ('issue', 'deploy', 'verify', 'test', 'scan', 'challenge', 'bulk')),
  state text not null check (state in ('waiting_csr', 'waiting_approval', 'ready', 'active', 'done', 'cancelled')),
  outcome text check (outcome in ('done', 'failed', 'superseded', 'refused')),
  agent_id text references agents (id),
  certificate_id text references certificates (id),
  holder_id text references holders (id),
  order_id text references orders (id),
  placement_id text references placements (id),
  target_id text references targets (id),
  generation integer not null default 1,
  priority smallint not null default 100,
  renewal boolean not null default false,
  run_at timestamptz not null,
  lease text,
  locked_by text,
  locked_until timestamptz,
  bound_until timestamptz,
  attempts integer not null default 0,
  last_error_code text,
  last_error text,
  result jsonb,
  requested_by text not null,
  created_at timestamptz not null,
  started_at timestamptz,
  completed_at timestamptz
) with (fillfactor = 70);
create unique index jobs_open_holder on jobs (holder_id, kind) where holder_id is not null and placement_id is null and state not in ('done', 'cancelled');
create unique index jobs_open_placement on jobs (placement_id, kind) where placement_id is not null and state not in ('done', 'cancelled');
create index jobs_ready on jobs (kind, priority, run_at, id) where state = 'ready';
create index jobs_active on jobs (kind, locked_until) where state = 'active';
create index jobs_target_bound on jobs (target_id) where target_id is not null and locked_until is not null;
create index jobs_agent on jobs (agent_id, run_at, id) where state not in ('done', 'cancelled');
create index jobs_created on jobs (created_at, id);
create index jobs_certificate on jobs (certificate_id, created_at);
create index jobs_order on jobs (order_id) where order_id is not null;
create index jobs_ended on jobs (completed_at) where state in ('done', 'cancelled');

create table events (
  id text primary key,
  sequence bigint generated always as identity unique,
  type text not null,
  severity text not null check (severity in ('info', 'warning', 'critical')),
  certificate_id text,
  target_id text,
  agent_id text,
  issuer_id text,
  title text not null,
  data jsonb not null default '{}',
  alert_key text,
  resolves_event_id text references events (id),
  resolved_at timestamptz,
  routed_at timestamptz,
  at timestamptz not null
);
create index events_at on events (at, id);
create index events_certificate on events (certificate_id, at, id) where certificate_id is not null;
create index events_unrouted on events (sequence) where routed_at is null;
create unique index events_open_alert on events (alert_key) where alert_key is not null and resolved_at is null;

create table notifications (
  id text primary key,
  event_id text not null references events (id),
  connection_id text not null references connections (id),
  state text not null check (state in ('pending', 'sent', 'failed', 'dead', 'read')),
  resolves text,
  attempts integer not null default 0,
  next_try_at timestamptz,
  last_error_code text,
  last_error text,
  reference text,
  sent_at timestamptz,
  created_at timestamptz not null,
  unique (event_id, connection_id)
);
create index notifications_due on notifications (next_try_at, id) where state in ('pending', 'failed');

create table scans (
  id text primary key,
  agent_id text references agents (id),
  directories text[] not null default '{}',
  certificates_found integer not null default 0,
  certificates_new integer not null default 0,
  errors_count integer not null default 0,
  scan_duration_ms integer not null default 0,
  complete boolean not null default true,
  started_at timestamptz not null,
  completed_at timestamptz
);

create table discovered_certificates (
  id text primary key,
  fingerprint text not null unique,
  common_name text not null default '',
  sans text[] not null default '{}',
  serial_number text not null default '',
  issuer_name text not null default '',
  subject_name text not null default '',
  not_before timestamptz,
  not_after timestamptz,
  key_algorithm text not null default '',
  key_size integer not null default 0,
  is_ca boolean not null default false,
  der bytea,
  status text not null default 'Unmanaged',
  first_seen_at timestamptz not null
);

create table sightings (
  discovered_id text not null references discovered_certificates (id),
  agent_id text not null references agents (id),
  location text not null,
  format text not null default '',
  scan_id text not null references scans (id),
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  primary key (discovered_id, agent_id, location)
);

create table idempotency_keys (
  caller text not null,
  key text not null,
  request_hash bytea not null,
  answer bytea,
  started_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (caller, key)
);
create index idempotency_keys_expiry on idempotency_keys (expires_at);

create table audit_heads (
  head smallint primary key,
  batch bigint not null,
  hash bytea not null
);

insert into audit_heads (head, batch, hash) select head, 0, decode(repeat('00', 32), 'hex') from generate_series(0, 15) as head;

create table audit_batches (
  head smallint not null references audit_heads (head),
  batch bigint not null,
  size integer not null,
  root bytea not null,
  previous bytea not null,
  hash bytea not null,
  at timestamptz not null,
  primary key (head, batch)
);

create table audit_events (
  id text primary key,
  head smallint not null,
  batch bigint not null,
  leaf integer not null,
  leaf_hash bytea not null,
  canonical text not null,
  actor text not null,
  actor_type text not null,
  action text not null,
  resource_type text not null,
  resource_id text not null,
  at timestamptz not null,
  unique (head, batch, leaf),
  foreign key (head, batch) references audit_batches (head, batch) deferrable initially deferred
);
create index audit_events_at on audit_events (at, id);
create index audit_events_resource on audit_events (resource_type, resource_id, at);

create table audit_checkpoints (
  id bigint generated always as identity primary key,
  canonical text not null,
  key_id text not null,
  signature bytea not null,
  at timestamptz not null
);

create table schedule (
  name text primary key,
  next_run_at timestamptz not null,
  last_run_at timestamptz
);
`,
} as const
