/** Answers to challenges of ACME CAs, which every copy of the server or the agents named give. Only adds. */
export const challenges = {
  name: '0011-challenges',
  sql: `
create table challenges (
  id text primary key,
  instance text not null,
  served_by text not null check (served_by in ('server', 'agents')),
  kind text not null check (kind in ('http-01', 'tls-alpn-01')),
  name text not null,
  port integer not null,
  token text,
  key_authorization text not null,
  generation integer not null default 1,
  withdrawn_at timestamptz,
  expires_at timestamptz not null,
  created_at timestamptz not null
);
create unique index challenges_handshake on challenges (served_by, port, name) where kind = 'tls-alpn-01' and withdrawn_at is null;
create index challenges_expiry on challenges (expires_at);

alter table jobs add column challenge_id text;
create index jobs_challenge on jobs (challenge_id, created_at) where challenge_id is not null;
`,
}
