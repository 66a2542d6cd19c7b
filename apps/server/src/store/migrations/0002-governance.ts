/** Who may ask for what, when it is renewed and who agrees. Only adds; the code before and after it runs on both shapes. */
export const governance = {
  name: '0002-governance',
  sql: `
create table teams (
  id text primary key,
  name text not null,
  description text not null default '',
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index teams_name on teams (lower(name));

create table owners (
  id text primary key,
  name text not null,
  email text not null default '',
  team_id text references teams (id),
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index owners_name on owners (lower(name));
create index owners_team on owners (team_id) where team_id is not null;

create table agent_groups (
  id text primary key,
  name text not null,
  description text not null default '',
  match_os text not null default '',
  match_architecture text not null default '',
  match_ip_cidr text not null default '',
  match_version text not null default '',
  include_agent_ids text[] not null default '{}',
  exclude_agent_ids text[] not null default '{}',
  enabled boolean not null default true,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index agent_groups_name on agent_groups (lower(name));

create table profiles (
  id text primary key,
  name text not null,
  description text not null default '',
  allowed_key_algorithms jsonb not null default '[]',
  min_ttl_seconds integer,
  max_ttl_seconds integer,
  allowed_ekus text[] not null default '{serverAuth,clientAuth}',
  allowed_key_usages text[] not null default '{}',
  required_san_patterns text[] not null default '{}',
  spiffe_uri_pattern text not null default '',
  allow_wildcards boolean not null default true,
  allow_ip_addresses boolean not null default true,
  allow_email_addresses boolean not null default true,
  allowed_issuer_ids text[] not null default '{}',
  allowed_key_custody text[] not null default '{agent,outside}',
  allow_key_reuse boolean not null default true,
  allow_short_lived boolean not null default false,
  must_staple boolean not null default false,
  required_csr_attributes text[] not null default '{}',
  acme_auth_mode text not null default '',
  requires_approval boolean not null default false,
  enabled boolean not null default true,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index profiles_name on profiles (lower(name));

create table renewal_policies (
  id text primary key,
  name text not null,
  renewal_window_days integer not null default 30,
  auto_renew boolean not null default true,
  max_retries integer not null default 3,
  retry_interval_seconds integer not null default 3600,
  alert_thresholds_days jsonb not null default '[30, 14, 7, 0]',
  certificate_profile_id text,
  alert_channels jsonb not null default '{}',
  alert_severity_map jsonb not null default '{}',
  created_at timestamptz not null,
  updated_at timestamptz not null,
  applied_at timestamptz
);
create unique index renewal_policies_name on renewal_policies (lower(name));

create table policy_rules (
  id text primary key,
  name text not null,
  type text not null,
  config jsonb not null default '{}',
  enabled boolean not null default true,
  severity text not null default 'Warning' check (severity in ('Warning', 'Error', 'Critical')),
  mode text not null default 'warn' check (mode in ('warn', 'enforce')),
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index policy_rules_name on policy_rules (lower(name));

create table policy_violations (
  id text primary key,
  certificate_id text not null references certificates (id),
  rule_id text not null references policy_rules (id) on delete cascade,
  message text not null,
  severity text not null,
  created_at timestamptz not null,
  resolved_at timestamptz
);
create unique index policy_violations_open on policy_violations (certificate_id, rule_id) where resolved_at is null;
create index policy_violations_rule on policy_violations (rule_id, created_at, id);

create table policy_sweeps (
  rule_id text primary key references policy_rules (id) on delete cascade,
  rule_updated_at timestamptz not null,
  swept_to text not null default '',
  done_at timestamptz
);

create table approvals (
  id text primary key,
  certificate_id text not null references certificates (id),
  job_id text not null,
  order_id text not null,
  profile_id text not null,
  requested_by text not null,
  requested_by_person text not null,
  state text not null check (state in ('pending', 'approved', 'rejected', 'expired')),
  barred_persons text[] not null default '{}',
  shown jsonb not null default '{}',
  bound text not null,
  decided_by text,
  decided_by_person text,
  decided_at timestamptz,
  decision_note text,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index approvals_pending on approvals (job_id) where state = 'pending';
create index approvals_order on approvals (order_id, created_at);
create index approvals_certificate on approvals (certificate_id, created_at, id);
create index approvals_created on approvals (created_at, id);
create index approvals_expiry on approvals (expires_at) where state = 'pending';

alter table holders
  add column renewal_window_start timestamptz,
  add column renewal_window_end timestamptz,
  add column renewal_info_url text,
  add column renewal_info_at timestamptz,
  add column renew_at_reason text,
  add column renewal_requested_by_person text[],
  add column renewal_draw integer;
create index certificates_policy on certificates (renewal_policy_id, id) where archived_at is null;
create index holders_renewal_info on holders (renewal_info_at, id) where closed_at is null and renewal_info_at is not null;

create table expiry_alerts (
  version_id text not null references versions (id),
  threshold_days integer not null,
  told_at timestamptz not null,
  primary key (version_id, threshold_days)
);

alter table targets add column windows jsonb not null default '[]';
alter table placements add column window_at timestamptz;

alter table notifications add column channel text;
alter table notifications alter column connection_id drop not null;

alter table certificates add column requested_by_people jsonb not null default '[]';
alter table jobs add column requested_by_person text[];

-- Clients of older installations know these rules by their ids and change them by PUT. Nothing ever came of them there, so they are
-- here, but count for nothing until somebody enables them.
insert into policy_rules (id, name, type, config, enabled, severity, created_at, updated_at)
select id, name, type, config::jsonb, false, severity, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'
from (values
  ('pr-require-owner', 'Require owner', 'RequiredMetadata', '{"required_keys":["owner"]}', 'Warning'),
  ('pr-allowed-environments', 'Allowed environments', 'AllowedEnvironments', '{"allowed":["production","staging","development"]}', 'Error'),
  ('pr-max-certificate-lifetime', 'Maximum certificate lifetime', 'CertificateLifetime', '{"max_days":90}', 'Critical'),
  ('pr-min-renewal-window', 'Minimum renewal window', 'RenewalLeadTime', '{"lead_time_days":14}', 'Warning')
) as rules (id, name, type, config, severity);
`,
}
