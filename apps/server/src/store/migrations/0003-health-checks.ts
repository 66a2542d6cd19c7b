/** Endpoints the server itself shakes hands with, and what it saw there; what it takes to take old rows away. */
export const healthChecks = {
  name: '0003-health-checks',
  sql: `
create table health_checks (
  id text primary key,
  endpoint text not null,
  server_name text,
  certificate_id text references certificates (id),
  target_id text references targets (id),
  network_scan_target_id text,
  expected_fingerprint text,
  check_interval_seconds integer not null,
  timeout_ms integer not null,
  degraded_threshold integer not null default 2,
  down_threshold integer not null default 5,
  enabled boolean not null default true,
  source text not null default 'api' check (source in ('api', 'auto')),
  status text not null default 'unknown' check (status in ('unknown', 'healthy', 'degraded', 'down', 'cert_mismatch')),
  failure_reason text not null default '',
  consecutive_failures integer not null default 0,
  response_time_ms integer not null default 0,
  observed_fingerprint text,
  tls_version text not null default '',
  cipher_suite text not null default '',
  cert_subject text not null default '',
  cert_issuer text not null default '',
  cert_expiry timestamptz,
  last_checked_at timestamptz,
  last_success_at timestamptz,
  last_failure_at timestamptz,
  last_transition_at timestamptz,
  next_check_at timestamptz,
  claim text,
  acknowledged_by text,
  acknowledged_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  removed_at timestamptz
);
create unique index health_checks_of_target on health_checks (target_id, endpoint) where target_id is not null;
create index health_checks_due on health_checks (next_check_at, id) where removed_at is null and enabled and next_check_at is not null;
create index health_checks_created on health_checks (created_at, id) where removed_at is null;
create index health_checks_certificate on health_checks (certificate_id) where certificate_id is not null;

create table health_check_results (
  id text primary key,
  health_check_id text not null references health_checks (id) on delete cascade,
  status text not null,
  response_time_ms integer not null default 0,
  fingerprint text,
  failure_reason text not null default '',
  checked_at timestamptz not null
);
create index health_check_results_of_check on health_check_results (health_check_id, checked_at, id);
create index health_check_results_age on health_check_results (checked_at);

create index events_resolves on events (resolves_event_id) where resolves_event_id is not null;
create index scans_age on scans (started_at);
create index sightings_age on sightings (last_seen_at);
create index sightings_scan on sightings (scan_id);
`,
}
