/**
 * What lists sort and filter by, on narrow rows, and daily counts for the dashboard: both made from certificates, holders, versions, jobs
 * and placements by `refresh_listed_certificates` when a transaction that touched one of them commits. Triggers see to it, so that copies
 * of an older version keep them right as well (ADR 0014). Only adds.
 */
export const inventory = {
  name: '0005-inventory',
  sql: `
create table listed_certificates (
  id text primary key,
  name text not null,
  common_name text not null,
  environment text not null,
  owner_id text,
  team_id text,
  issuer_id text not null,
  certificate_profile_id text,
  standing text not null check (standing in ('pending', 'failed', 'issued', 'renewing', 'revoked', 'archived')),
  expires_at timestamptz not null,
  expiring_at timestamptz not null,
  renew_at timestamptz,
  last_renewal_at timestamptz,
  last_deployment_at timestamptz,
  revoked_at timestamptz,
  revocation_reason text,
  serial_number text,
  fingerprint text,
  holder_count integer not null,
  target_ids text[] not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
) with (fillfactor = 85);
create index listed_expires on listed_certificates (expires_at, id) where standing <> 'archived';
create index listed_created on listed_certificates (created_at, id) where standing <> 'archived';
create index listed_updated on listed_certificates (updated_at, id) where standing <> 'archived';
create index listed_name on listed_certificates (name, id) where standing <> 'archived';
create index listed_common_name on listed_certificates (common_name, id) where standing <> 'archived';
create index listed_environment on listed_certificates (environment, id) where standing <> 'archived';
create index listed_environment_expires on listed_certificates (environment, expires_at, id) where standing <> 'archived';
create index listed_standing on listed_certificates (standing, id);
create index listed_standing_expires on listed_certificates (standing, expires_at, id, expiring_at);
create index listed_expiring on listed_certificates (standing, expiring_at) where standing in ('issued', 'renewing');
create index listed_owner_expires on listed_certificates (owner_id, expires_at, id) where standing <> 'archived';
create index listed_owner_created on listed_certificates (owner_id, created_at, id) where standing <> 'archived';
create index listed_team_expires on listed_certificates (team_id, expires_at, id) where standing <> 'archived';
create index listed_team_created on listed_certificates (team_id, created_at, id) where standing <> 'archived';
create index listed_team_standing on listed_certificates (team_id, standing, expires_at, id, expiring_at);
create index listed_issuer_expires on listed_certificates (issuer_id, expires_at, id) where standing <> 'archived';
create index listed_profile_expires on listed_certificates (certificate_profile_id, expires_at, id) where certificate_profile_id is not null and standing <> 'archived';

create table certificate_tags (
  certificate_id text not null,
  key text not null,
  value text not null,
  expires_at timestamptz not null,
  standing text not null,
  team_id text,
  primary key (certificate_id, key)
);
create index certificate_tags_value on certificate_tags (key, value, expires_at, certificate_id) include (standing, team_id);

create table searched_names (
  certificate_id text primary key,
  text text not null,
  expires_at timestamptz not null
) with (fillfactor = 85);

alter table certificate_names add column expires_at timestamptz not null default 'infinity';
create index certificate_names_ends on certificate_names (reversed text_pattern_ops, expires_at, certificate_id);

create index holders_of_certificate on holders (certificate_id) where closed_at is null;
create index holders_unissued on holders (certificate_id) where closed_at is null and current_version_id is null;
create index holders_asked on holders (certificate_id) where closed_at is null and renewal_requested_at is not null;

create table daily_counts (
  question text not null,
  day date not null,
  word text not null,
  subject text not null,
  n bigint not null,
  primary key (question, day, word, subject)
);
create table count_changes (
  question text not null,
  day date not null,
  word text not null,
  subject text not null,
  n bigint not null
);

create function ensure_search_index() returns boolean language plpgsql as $$
begin
  create extension if not exists pg_trgm;
  create index if not exists searched_names_text on searched_names using gin (text gin_trgm_ops);
  return true;
exception when undefined_file or insufficient_privilege or feature_not_supported then
  return false;
end $$;
select ensure_search_index();

create function utc_day(at timestamptz) returns date language sql immutable parallel safe as
$$ select (at at time zone 'utc')::date $$;

-- As people write a name: pki's formatGeneralName.
create function written_name(type text, value text) returns text language sql immutable parallel safe as $$
  select case
    when value !~* '^(dns|ip|email|uri):' and type = case
      when value ~ '^(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])([.](25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}$' then 'ip'
      when value ~ '^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$' then 'ip'
      when value ~* '^[a-z][a-z0-9+.-]*:' then 'uri'
      when value like '%@%' then 'email'
      else 'dns' end then value
    else case when type in ('dns', 'ip', 'uri') then upper(type) else type end || ':' || value
  end
$$;

create view certificate_facts as
select c.id, c.name, coalesce(c.common_name, '') as common_name, c.environment, c.owner_id, c.team_id, c.issuer_id,
  c.certificate_profile_id,
  case
    when c.archived_at is not null then 'archived'
    when held.issued > 0 and held.usable = 0 then 'revoked'
    when held.issued > 0 and exists (select 1 from jobs where jobs.certificate_id = c.id and jobs.kind = 'issue'
      and jobs.state not in ('done', 'cancelled')) then 'renewing'
    when held.issued > 0 then 'issued'
    when held.failing then 'failed'
    else 'pending'
  end as standing,
  coalesce(held.expires_at, 'infinity') as expires_at, coalesce(held.expiring_at, 'infinity') as expiring_at,
  held.renew_at, held.last_renewal_at, placed.last_deployment_at, held.revoked_at, held.revocation_reason,
  held.serial_number, held.fingerprint, held.holder_count, coalesce(placed.target_ids, '{}') as target_ids,
  c.created_at, c.updated_at
from certificates c
left join lateral (
  select count(v.id)::int as issued, count(v.id) filter (where v.revoked_at is null)::int as usable,
    count(h.id)::int as holder_count,
    coalesce(min(v.not_after) filter (where v.revoked_at is null), min(v.not_after)) as expires_at,
    min(v.not_after - least(interval '31 days', greatest((v.not_after - v.received_at) / 3, interval '0'))) filter (where v.revoked_at is null) as expiring_at,
    max(v.received_at) as last_renewal_at, max(v.revoked_at) as revoked_at, max(v.revocation_reason) as revocation_reason,
    (array_agg(v.serial_number order by h.created_at, h.id) filter (where v.id is not null))[1] as serial_number,
    (array_agg(v.fingerprint order by h.created_at, h.id) filter (where v.id is not null))[1] as fingerprint,
    min(h.renew_at) as renew_at,
    coalesce(bool_or(h.blocked_code is not null or h.failures > 0), false) as failing
  from holders h left join versions v on v.id = h.current_version_id
  where h.certificate_id = c.id and h.closed_at is null
) held on true
left join lateral (
  select array_agg(p.target_id order by p.created_at, p.id) as target_ids, max(p.deployed_at) as last_deployment_at
  from placements p where p.certificate_id = c.id and p.removed_at is null
) placed on true;

create function count_keys(standing text, expires_at timestamptz, expiring_at timestamptz, team_id text, issuer_id text)
returns table (question text, day date, word text, subject text) language sql immutable as $$
  values ('expires', utc_day(expires_at), standing, ''),
    ('expiring', utc_day(expiring_at), standing, ''),
    ('expires.team', utc_day(expires_at), standing, coalesce(team_id, '')),
    ('expires.issuer', utc_day(expires_at), standing, issuer_id)
$$;

create function refresh_listed_certificates(ids text[]) returns integer language plpgsql as $$
declare
  changed text[];
begin
  -- Whoever comes second waits here, and reads what is the case only afterwards.
  perform 1 from listed_certificates where id = any (ids) order by id for update;
  with fresh as materialized (select * from certificate_facts where id = any (ids)),
  before as materialized (select id, standing, expires_at, expiring_at, team_id, issuer_id from listed_certificates where id = any (ids)),
  written as (
    insert into listed_certificates as listed (id, name, common_name, environment, owner_id, team_id, issuer_id,
      certificate_profile_id, standing, expires_at, expiring_at, renew_at, last_renewal_at, last_deployment_at, revoked_at,
      revocation_reason, serial_number, fingerprint, holder_count, target_ids, created_at, updated_at)
    select id, name, common_name, environment, owner_id, team_id, issuer_id,
      certificate_profile_id, standing, expires_at, expiring_at, renew_at, last_renewal_at, last_deployment_at, revoked_at,
      revocation_reason, serial_number, fingerprint, holder_count, target_ids, created_at, updated_at from fresh
    on conflict (id) do update set name = excluded.name, common_name = excluded.common_name, environment = excluded.environment,
      owner_id = excluded.owner_id, team_id = excluded.team_id, issuer_id = excluded.issuer_id,
      certificate_profile_id = excluded.certificate_profile_id, standing = excluded.standing, expires_at = excluded.expires_at,
      expiring_at = excluded.expiring_at, renew_at = excluded.renew_at, last_renewal_at = excluded.last_renewal_at,
      last_deployment_at = excluded.last_deployment_at, revoked_at = excluded.revoked_at,
      revocation_reason = excluded.revocation_reason, serial_number = excluded.serial_number, fingerprint = excluded.fingerprint,
      holder_count = excluded.holder_count, target_ids = excluded.target_ids, created_at = excluded.created_at,
      updated_at = excluded.updated_at
    where (listed.*) is distinct from (excluded.*)
    returning id
  ),
  gone as (
    delete from listed_certificates where id = any (ids) and not exists (select 1 from certificates c where c.id = listed_certificates.id)
    returning id
  ),
  counted as (
    insert into count_changes (question, day, word, subject, n)
    select question, day, word, subject, sum(n) from (
      select k.*, -1 as n from before b, count_keys(b.standing, b.expires_at, b.expiring_at, b.team_id, b.issuer_id) k
      union all
      select k.*, 1 from fresh f, count_keys(f.standing, f.expires_at, f.expiring_at, f.team_id, f.issuer_id) k
    ) as changes group by question, day, word, subject having sum(n) <> 0
  )
  select array_agg(id) into changed from (select id from written union all select id from gone) as touched;
  if changed is null then
    return 0;
  end if;

  update certificate_names n set expires_at = l.expires_at from listed_certificates l
  where l.id = any (changed) and n.certificate_id = l.id and n.expires_at <> l.expires_at;

  insert into searched_names as known (certificate_id, text, expires_at)
  select l.id, (select string_agg(distinct lower(known), E'\\n') from (
      select l.name as known union all select l.common_name union all
      select n.value from certificate_names n where n.certificate_id = l.id
    ) as names where known <> ''), l.expires_at
  from listed_certificates l where l.id = any (changed)
  on conflict (certificate_id) do update set text = excluded.text, expires_at = excluded.expires_at
  where (known.text, known.expires_at) is distinct from (excluded.text, excluded.expires_at);

  delete from certificate_tags t where t.certificate_id = any (changed)
    and not exists (select 1 from certificates c where c.id = t.certificate_id and c.tags ->> t.key = t.value);
  insert into certificate_tags as known (certificate_id, key, value, expires_at, standing, team_id)
  select l.id, tag.key, tag.value, l.expires_at, l.standing, l.team_id
  from listed_certificates l join certificates c on c.id = l.id cross join lateral jsonb_each_text(c.tags) as tag
  where l.id = any (changed)
  on conflict (certificate_id, key) do update set value = excluded.value, expires_at = excluded.expires_at,
    standing = excluded.standing, team_id = excluded.team_id
  where (known.value, known.expires_at, known.standing, known.team_id)
    is distinct from (excluded.value, excluded.expires_at, excluded.standing, excluded.team_id);

  delete from searched_names s where s.certificate_id = any (changed)
    and not exists (select 1 from listed_certificates l where l.id = s.certificate_id);
  return cardinality(changed);
end $$;

create function refresh_touched() returns void language plpgsql as $$
declare
  touched text := coalesce(current_setting('certctl.touched', true), '');
begin
  if touched = '' then
    return;
  end if;
  perform set_config('certctl.touched', '', true);
  perform refresh_listed_certificates(string_to_array(rtrim(touched, ','), ','));
end $$;

create function touch_certificate() returns trigger language plpgsql as $$
declare
  touched text := coalesce(current_setting('certctl.touched', true), '');
  touched_id text;
begin
  if tg_table_name = 'certificates' then
    touched_id := case when tg_op = 'DELETE' then old.id else new.id end;
  else
    touched_id := new.certificate_id;
  end if;
  if touched_id is null or strpos(',' || touched, ',' || touched_id || ',') > 0 then
    return null;
  end if;
  perform set_config('certctl.touched', touched || touched_id || ',', true);
  -- A text that grows with every row of a large statement would cost more than doing these now.
  if length(touched) > 30000 then
    perform refresh_touched();
  end if;
  return null;
end $$;

create function settle_certificates() returns trigger language plpgsql as $$
begin
  perform refresh_touched();
  return null;
end $$;

create trigger certificates_touch after insert or update or delete on certificates for each row execute function touch_certificate();
create constraint trigger certificates_settle after insert or update or delete on certificates
  deferrable initially deferred for each row execute function settle_certificates();
create trigger holders_touch_new after insert on holders for each row execute function touch_certificate();
create constraint trigger holders_settle_new after insert on holders
  deferrable initially deferred for each row execute function settle_certificates();
create trigger holders_touch after update on holders for each row
  when ((old.current_version_id, old.renew_at, old.closed_at, old.blocked_code is null, old.failures > 0)
    is distinct from (new.current_version_id, new.renew_at, new.closed_at, new.blocked_code is null, new.failures > 0))
  execute function touch_certificate();
create constraint trigger holders_settle after update on holders deferrable initially deferred for each row
  when ((old.current_version_id, old.renew_at, old.closed_at, old.blocked_code is null, old.failures > 0)
    is distinct from (new.current_version_id, new.renew_at, new.closed_at, new.blocked_code is null, new.failures > 0))
  execute function settle_certificates();
create trigger versions_touch after update on versions for each row
  when ((old.revoked_at, old.revocation_reason, old.not_after, old.received_at)
    is distinct from (new.revoked_at, new.revocation_reason, new.not_after, new.received_at))
  execute function touch_certificate();
create constraint trigger versions_settle after update on versions deferrable initially deferred for each row
  when ((old.revoked_at, old.revocation_reason, old.not_after, old.received_at)
    is distinct from (new.revoked_at, new.revocation_reason, new.not_after, new.received_at))
  execute function settle_certificates();
create trigger placements_touch_new after insert on placements for each row execute function touch_certificate();
create constraint trigger placements_settle_new after insert on placements
  deferrable initially deferred for each row execute function settle_certificates();
create trigger placements_touch after update on placements for each row
  when ((old.deployed_at, old.removed_at, old.target_id) is distinct from (new.deployed_at, new.removed_at, new.target_id))
  execute function touch_certificate();
create constraint trigger placements_settle after update on placements deferrable initially deferred for each row
  when ((old.deployed_at, old.removed_at, old.target_id) is distinct from (new.deployed_at, new.removed_at, new.target_id))
  execute function settle_certificates();
create trigger jobs_touch_new after insert on jobs for each row
  when (new.kind = 'issue' and new.state not in ('done', 'cancelled')) execute function touch_certificate();
create constraint trigger jobs_settle_new after insert on jobs deferrable initially deferred for each row
  when (new.kind = 'issue' and new.state not in ('done', 'cancelled')) execute function settle_certificates();
create trigger jobs_touch after update on jobs for each row
  when (new.kind = 'issue' and (old.state in ('done', 'cancelled')) <> (new.state in ('done', 'cancelled')))
  execute function touch_certificate();
create constraint trigger jobs_settle after update on jobs deferrable initially deferred for each row
  when (new.kind = 'issue' and (old.state in ('done', 'cancelled')) <> (new.state in ('done', 'cancelled')))
  execute function settle_certificates();

create function count_placement() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if old.removed_at is null then
      insert into count_changes (question, day, word, subject, n) values ('placements', '-infinity', old.state, '', -1);
    end if;
  end if;
  if new.removed_at is null then
    insert into count_changes (question, day, word, subject, n) values ('placements', '-infinity', new.state, '', 1);
  end if;
  return null;
end $$;
create trigger placements_count_new after insert on placements for each row execute function count_placement();
create trigger placements_count after update on placements for each row
  when ((old.state, old.removed_at is null) is distinct from (new.state, new.removed_at is null))
  execute function count_placement();

create function count_job() returns trigger language plpgsql as $$
begin
  insert into count_changes (question, day, word, subject, n)
  values ('jobs', utc_day(new.completed_at), coalesce(new.outcome, new.state), new.kind, 1);
  return null;
end $$;
create trigger jobs_count after update on jobs for each row
  when (old.state not in ('done', 'cancelled') and new.state in ('done', 'cancelled') and new.completed_at is not null)
  execute function count_job();

create function count_version() returns trigger language plpgsql as $$
begin
  insert into count_changes (question, day, word, subject, n)
  values ('issued', utc_day(new.received_at), '', new.issuer_id, 1);
  return null;
end $$;
create trigger versions_count after insert on versions for each row execute function count_version();

create function fold_counts(today date) returns integer language plpgsql as $$
declare
  folded integer;
begin
  if not pg_try_advisory_xact_lock(4201340) then
    return 0;
  end if;
  with moved as (delete from count_changes returning question, day, word, subject, n),
  written as (
    insert into daily_counts as known (question, day, word, subject, n)
    select question, kept, word, subject, sum(n) from (
      select question, case when day < today - 400 then '-infinity' else day end as kept, word, subject, n from moved
    ) as dated group by question, kept, word, subject having sum(n) <> 0
    on conflict (question, day, word, subject) do update set n = known.n + excluded.n
    returning 1
  )
  select count(*) into folded from moved;
  return folded;
end $$;

create function reconcile_counts(today date) returns integer language plpgsql as $$
declare
  corrected integer;
begin
  with counted as (
    select question, case when day < today - 400 then '-infinity' else day end as kept, word, subject, sum(n) as n from (
      select k.question, k.day, k.word, k.subject, l.n
      from (select standing, utc_day(expires_at) as expires, utc_day(expiring_at) as expiring, team_id, issuer_id, count(*) as n
        from listed_certificates group by 1, 2, 3, 4, 5) as l
      cross join lateral (values ('expires', l.expires, l.standing, ''), ('expiring', l.expiring, l.standing, ''),
        ('expires.team', l.expires, l.standing, coalesce(l.team_id, '')), ('expires.issuer', l.expires, l.standing, l.issuer_id)
      ) as k (question, day, word, subject)
      union all
      select 'placements', '-infinity', state, '', 1 from placements where removed_at is null
      union all
      select 'issued', utc_day(received_at), '', issuer_id, 1 from versions
      union all
      select 'jobs', utc_day(completed_at), coalesce(outcome, state), kind, 1 from jobs
      where state in ('done', 'cancelled') and utc_day(completed_at) > today - 28
      union all
      select question, day, word, subject, -n from daily_counts where question <> 'jobs' or day > today - 28
      union all
      select question, day, word, subject, -n from count_changes where question <> 'jobs' or day > today - 28
    ) as both_sides (question, day, word, subject, n)
    group by question, kept, word, subject having sum(n) <> 0
  ),
  written as (
    insert into count_changes (question, day, word, subject, n) select question, kept, word, subject, n from counted
    returning 1
  )
  select count(*) into corrected from written;
  with old as (
    delete from daily_counts where n = 0 or (day < today - 400 and day <> '-infinity') returning question, day, word, subject, n
  )
  insert into count_changes (question, day, word, subject, n) select question, day, word, subject, n from old where n <> 0;
  return corrected;
end $$;

do $$
declare
  slice text[];
begin
  for slice in
    select array_agg(id) from (select id, row_number() over (order by id) / 5000 as part from certificates) as numbered group by part
  loop
    perform refresh_listed_certificates(slice);
  end loop;
  perform reconcile_counts(utc_day(now()));
end $$;
`,
} as const
