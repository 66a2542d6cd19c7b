type Statement = (count: number, seed: number, now: Date) => string

/** A pseudo-random whole number of 62 bits for row `i`, another one for each `salt`. */
const draw = (salt: string, seed: number): string => `(hashtextextended('${salt}' || i, ${seed}) & 4611686018427387903)`
/** The same as a fraction. */
const part = (salt: string, seed: number): string => `(${draw(salt, seed)} / 4611686018427387904.0)`
const hex = (salt: string, seed: number): string => `lpad(to_hex(${draw(salt, seed)}), 16, '0')`
const pick = (words: readonly string[], salt: string, seed: number): string =>
  `(array['${words.join("','")}'])[1 + ${draw(salt, seed)} % ${words.length}]`
const at = (now: Date): string => `timestamptz '${now.toISOString()}'`

export const teamCount = 40
export const ownerCount = 200
const issuerCount = 5
const agentCount = 50
const targetCount = 500

const services = ['api', 'www', 'mail', 'login', 'shop', 'db', 'queue', 'cache', 'admin', 'metrics', 'cdn', 'vpn']
const suffixes = ['example.com', 'example.net', 'example.org', 'internal.test']

const people: Statement = (_count, _seed, now) => `
insert into connections (id, kind, type, name, config, enabled, source, created_at, updated_at)
select 'iss-' || i, 'issuer', 'local', 'CA ' || i, '{}', true, 'api', ${at(now)}, ${at(now)} from generate_series(1, ${issuerCount}) as i;
insert into teams (id, name, created_at, updated_at)
select 't-' || i, 'Team ' || i, ${at(now)}, ${at(now)} from generate_series(1, ${teamCount}) as i;
insert into owners (id, name, email, team_id, created_at, updated_at)
select 'o-' || i, 'Owner ' || i, 'owner-' || i || '@example.com', 't-' || (1 + i % ${teamCount}), ${at(now)}, ${at(now)}
from generate_series(1, ${ownerCount}) as i;
insert into agents (id, name, key_hash, last_heartbeat_at, registered_at)
select 'ag-' || i, 'agent-' || i, sha256(('key' || i)::bytea), ${at(now)}, ${at(now)} from generate_series(1, ${agentCount}) as i;
insert into targets (id, name, type, agent_id, created_at, updated_at)
select 'tg-' || i, 'target-' || i, 'nginx', 'ag-' || (1 + i % ${agentCount}), ${at(now)}, ${at(now)} from generate_series(1, ${targetCount}) as i`

/**
 * Lifetimes of 47, 90 and 398 days, each certificate somewhere between its start and its renewal at two thirds; one in 200 is due, one in 500
 * has ended. One in 100 was never issued, one in 100 is revoked, one in 50 archived. A domain has one in 200, a team one in 40.
 */
const drawn: Statement = (count, seed, now) => `
create temporary table drawn as
select *, received_at + lifetime as not_after from (
  select *, ${at(now)} - lifetime * age + (number % 1000) * interval '1 millisecond' as received_at from (
    select i as number, 'mc-' || lpad(i::text, 8, '0') as id,
      ${pick(services, 'service', seed)} || '-' || ${hex('name', seed)} || '.corp-' || (${draw('domain', seed)} % 200) || '.'
        || ${pick(suffixes, 'suffix', seed)} as name,
      ${pick(['production', 'production', 'staging', 'development'], 'environment', seed)} as environment,
      'o-' || (1 + ${draw('owner', seed)} % ${ownerCount}) as owner_id,
      't-' || (1 + ${draw('team', seed)} % ${teamCount}) as team_id,
      'iss-' || (1 + ${draw('issuer', seed)} % ${issuerCount}) as issuer_id,
      (array[interval '47 days', '90 days', '398 days', '398 days'])[1 + ${draw('lifetime', seed)} % 4] as lifetime,
      case
        when ${part('due', seed)} < 0.002 then 1 + ${part('age', seed)} * 0.02
        when ${part('due', seed)} < 0.007 then 0.6667 + ${part('age', seed)} * 0.3
        else ${part('age', seed)} * 0.6666
      end as age,
      ${part('unissued', seed)} >= 0.01 as issued, ${part('revoked', seed)} < 0.01 as revoked, ${part('archived', seed)} < 0.02 as archived,
      ${part('alternative', seed)} < 0.5 as has_alternative, ${part('outside', seed)} < 0.2 as outside,
      ${part('placed', seed)} < 0.5 as placed, ${part('working', seed)} < 0.002 as working,
      case when ${part('gold', seed)} < 0.1 then 'gold' else 'silver' end as tier, 'cc-' || (${draw('centre', seed)} % 5000) as cost_centre,
      ${at(now)} - interval '3 years' * ((${count} - i + ${part('created', seed)}) / ${count + 1}.0) as created_at,
      ${hex('serial', seed)} || ${hex('serial2', seed)} as serial_number, md5(i || 'f${seed}') || md5(i || 'g${seed}') as fingerprint
    from generate_series(1, ${count}) as i
  ) as random
) as dated;
create index on drawn (number)`

const certificates: Statement = (_count, _seed, now) => `
insert into certificates (id, name, common_name, names, issuer_id, environment, owner_id, team_id, tags, created_at, updated_at, archived_at)
select id, name, name,
  case when has_alternative
    then jsonb_build_array(jsonb_build_object('type', 'dns', 'value', name), jsonb_build_object('type', 'dns', 'value', 'alt.' || name))
    else jsonb_build_array(jsonb_build_object('type', 'dns', 'value', name)) end,
  issuer_id, environment, owner_id, team_id, jsonb_build_object('tier', tier, 'cost-centre', cost_centre), created_at,
  greatest(created_at, received_at), case when archived then ${at(now)} - interval '1 day' end
from drawn order by number;
insert into certificate_names (certificate_id, type, value, reversed)
select id, 'dns', name, reverse(name) from drawn order by number;
insert into certificate_names (certificate_id, type, value, reversed)
select id, 'dns', 'alt.' || name, reverse('alt.' || name) from drawn where has_alternative order by number`

const holders: Statement = (_count, seed) => `
insert into holders (id, certificate_id, kind, agent_id, current_version_id, renew_at, created_at)
select 'hold-' || number, id, case when outside then 'outside' else 'agent' end,
  case when not outside then 'ag-' || (1 + (1 + number % ${targetCount}) % ${agentCount}) end,
  case when issued then 'ver-' || number end, case when issued and not revoked then received_at + lifetime * 0.6667 end, created_at
from drawn order by number;
insert into orders (id, holder_id, certificate_id, issuer_id, state, generation, csr_pem, spki_sha256, deadline, created_at, closed_at, close_reason)
select 'ord-' || number, 'hold-' || number, id, issuer_id, 'valid', 1, '', md5(number || 's${seed}') || md5(number || 'k${seed}'),
  received_at, received_at, received_at, 'issued'
from drawn where issued order by number;
insert into versions (id, certificate_id, holder_id, order_id, issuer_id, standing, generation, serial_number, fingerprint, spki_sha256,
  key_algorithm, key_size, issuer_name, not_before, not_after, received_at, revoked_at, revocation_reason)
select 'ver-' || number, id, 'hold-' || number, 'ord-' || number, issuer_id, 'current', 1, serial_number, fingerprint,
  md5(number || 's${seed}') || md5(number || 'k${seed}'), 'EC', 256, 'CN=CA', received_at, not_after, received_at,
  case when revoked then received_at + interval '1 day' end, case when revoked then 'superseded' end
from drawn where issued order by number`

const work: Statement = (_count, _seed, now) => `
insert into placements (id, certificate_id, target_id, state, desired_version_id, desired_at, deployed_fingerprint, deployed_at, created_at, updated_at)
select 'plc-' || number, id, 'tg-' || (1 + number % ${targetCount}), case when issued then 'served' else 'pending' end,
  case when issued then 'ver-' || number end, case when issued then received_at end, case when issued then fingerprint end,
  case when issued then received_at end, created_at, created_at
from drawn where placed and not outside and not archived order by number;
insert into jobs (id, kind, state, outcome, certificate_id, holder_id, run_at, requested_by, created_at, completed_at)
select 'job-' || number, 'issue', 'ready', null, id, 'hold-' || number, ${at(now)}, 'System', ${at(now)}, null
from drawn where working and not archived;
insert into jobs (id, kind, state, outcome, certificate_id, holder_id, run_at, requested_by, created_at, completed_at)
select 'job-done-' || number, 'issue', 'done', case when number % 50 = 0 then 'failed' else 'done' end, id, 'hold-' || number, received_at,
  'System', received_at, received_at
from drawn where received_at > ${at(now)} - interval '29 days' and number % 10 = 0`

/** In this order; each may be several statements. */
export const inventoryStatements: readonly Statement[] = [people, drawn, certificates, holders, work]

/** $1 is how many certificates there shall be. */
export const degenerateChecks: readonly { what: string; sql: string }[] = [
  { what: 'names', sql: `select count(distinct name) as found, $1::int as wanted from certificates` },
  {
    what: 'fingerprints',
    sql: `select count(distinct fingerprint) as found, count(*) as wanted from versions where $1 > 0`,
  },
  {
    what: 'serial numbers',
    sql: `select count(distinct serial_number) as found, count(*) as wanted from versions where $1 > 0`,
  },
  { what: 'ends', sql: `select count(distinct not_after) as found, $1::int / 2 as wanted from versions` },
  {
    what: 'domains',
    sql: `select count(distinct substring(name from 'corp-[0-9]+')) as found, least(200, $1::int / 20) as wanted from certificates`,
  },
  {
    what: 'tags',
    sql: `select count(distinct tags ->> 'cost-centre') as found, least(4900, $1::int / 10) as wanted from certificates`,
  },
]

/** What `refresh_listed_certificates` writes, for all certificates of an inventory that has none of it yet. */
export const listStatements: readonly string[] = [
  `insert into listed_certificates (id, name, common_name, environment, owner_id, team_id, issuer_id, certificate_profile_id, standing,
    expires_at, expiring_at, renew_at, last_renewal_at, last_deployment_at, revoked_at, revocation_reason, serial_number, fingerprint,
    holder_count, target_ids, created_at, updated_at, item)
  select f.*, certificate_item(f, c) from certificate_facts f join certificates c on c.id = f.id`,
  `analyze listed_certificates`,
  `create table renamed_names as select n.certificate_id, n.type, n.value, n.reversed, l.expires_at
  from certificate_names n join listed_certificates l on l.id = n.certificate_id order by n.certificate_id`,
  `truncate certificate_names`,
  `insert into certificate_names (certificate_id, type, value, reversed, expires_at)
  select certificate_id, type, value, reversed, expires_at from renamed_names`,
  `drop table renamed_names`,
  `insert into searched_names (certificate_id, text, expires_at)
  select l.id, string_agg(distinct n.value, E'\\n'), l.expires_at
  from listed_certificates l join certificate_names n on n.certificate_id = l.id group by l.id`,
  `insert into certificate_tags (certificate_id, key, value, expires_at, standing, team_id)
  select l.id, tag.key, tag.value, l.expires_at, l.standing, l.team_id
  from listed_certificates l join certificates c on c.id = l.id cross join lateral jsonb_each_text(c.tags) as tag`,
]
