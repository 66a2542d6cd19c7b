/** One wish for many certificates, certificate by certificate; open orders by key. Only adds. */
export const bulk = {
  name: '0004-bulk',
  sql: `
create table bulk_operations (
  job_id text primary key references jobs (id) on delete cascade,
  action text not null check (action in ('renew', 'revoke', 'reassign')),
  criteria jsonb not null,
  arguments jsonb not null default '{}',
  actor jsonb not null,
  total integer not null default 0,
  done integer not null default 0,
  skipped integer not null default 0,
  failed integer not null default 0,
  created_at timestamptz not null
);

create table bulk_items (
  id text generated always as (job_id || ' ' || certificate_id) stored primary key,
  job_id text not null references bulk_operations (job_id) on delete cascade,
  certificate_id text not null,
  state text not null check (state in ('pending', 'done', 'skipped', 'failed')),
  code text,
  message text,
  result_job_id text,
  unique (job_id, certificate_id)
);
create index bulk_items_state on bulk_items (job_id, state, certificate_id);

create index orders_open_key on orders (spki_sha256) where state = 'open';
`,
} as const
