/** Keys that come from the environment; whose an unfinished call is; which of several encryption keys seals. Only adds. */
export const servers = {
  name: '0009-servers',
  sql: `
alter table api_keys add column source text not null default 'api' check (source in ('api', 'env'));
alter table idempotency_keys add column server_id text;
alter table sealing_keys add column sealing_since timestamptz;
`,
}
