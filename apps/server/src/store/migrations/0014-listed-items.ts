/**
 * A page of a list took nine tenths of its time to write fifty certificates as JSON, the same text again and again. It is written when a
 * certificate changes, beside its row. Rows of before have none yet: lists write those themselves, until the next change or the daily look
 * at all rows. Only adds.
 */
export const listedItems = {
  name: '0014-listed-items',
  sql: `
-- Holders that were never issued, or are wanted anew, are looked for in the order of their ids. Before the list: so do copies at work, whose
-- transactions write holders and, at their end, the list.
create index holders_unissued_order on holders (id) where closed_at is null and current_version_id is null;
create index holders_asked_order on holders (id) where closed_at is null and renewal_requested_at is not null;

alter table listed_certificates add column item text;

-- What tags and searches find is looked up here, since archived ones are not listed. PostgreSQL 18 would skip through listed_environment
-- for each of them, at three times the price.
create index listed_live on listed_certificates (id) where standing <> 'archived';

-- As before; what is plainly a DNS name costs one look instead of five.
create or replace function written_name(type text, value text) returns text language sql immutable parallel safe as $$
  select case
    when type = 'dns' and value ~ '^[a-z0-9*._-]*[a-z][a-z0-9*._-]*$' then value
    when value !~* '^(dns|ip|email|uri):' and type = case
      when value ~ '^(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])([.](25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}$' then 'ip'
      when value ~ '^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$' then 'ip'
      when value ~* '^[a-z][a-z0-9+.-]*:' then 'uri'
      when value like '%@%' then 'email'
      else 'dns' end then value
    else case when type in ('dns', 'ip', 'uri') then upper(type) else type end || ':' || value
  end
$$;

-- The same text as JavaScript's toISOString.
create function json_time(at timestamptz) returns text language sql immutable parallel safe as
$$ select '"' || to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"' $$;

-- What a list says of a certificate besides its id and its status, which depends on the moment: members of an object, a comma before
-- each. What is null is absent.
create function certificate_item(l certificate_facts, c certificates) returns text language sql stable as $$
  select ',"name":' || to_json(l.name)::text || ',"common_name":' || to_json(l.common_name)::text
    || ',"sans":[' || coalesce((select string_agg(to_json(written_name(n ->> 'type', n ->> 'value'))::text, ',' order by place)
      from jsonb_array_elements(c.names) with ordinality as named (n, place)), '') || ']'
    || ',"environment":' || to_json(l.environment)::text
    || ',"owner_id":' || to_json(coalesce(l.owner_id, ''))::text || ',"team_id":' || to_json(coalesce(l.team_id, ''))::text
    || ',"issuer_id":' || to_json(l.issuer_id)::text || ',"target_ids":' || to_json(l.target_ids)::text
    || ',"renewal_policy_id":' || to_json(coalesce(c.renewal_policy_id, ''))::text
    || coalesce(',"certificate_profile_id":' || to_json(l.certificate_profile_id)::text, '')
    || case when l.expires_at < 'infinity' then ',"expires_at":' || json_time(l.expires_at) else '' end
    || ',"tags":' || c.tags::text
    || coalesce(',"last_renewal_at":' || json_time(l.last_renewal_at), '')
    || coalesce(',"last_deployment_at":' || json_time(l.last_deployment_at), '')
    || case when l.standing = 'revoked' then coalesce(',"revoked_at":' || json_time(l.revoked_at), '')
      || coalesce(',"revocation_reason":' || to_json(l.revocation_reason)::text, '') else '' end
    || ',"created_at":' || json_time(l.created_at) || ',"updated_at":' || json_time(l.updated_at)
    || ',"source":' || to_json(c.source)::text
    || coalesce(',"serial_number":' || to_json(l.serial_number)::text, '')
    || coalesce(',"fingerprint_sha256":' || to_json(l.fingerprint)::text, '')
    || coalesce(',"key_algorithm":' || to_json(c.key_algorithm)::text, '')
    || coalesce(',"renew_at":' || json_time(l.renew_at), '')
    || ',"generation":' || c.generation::text
$$;

-- For rows that have none yet. No SQL function: it would be planned within every list.
create function missing_item(certificate_id text) returns text language plpgsql stable as $$
begin
  return (select certificate_item(f, c) from certificate_facts f join certificates c on c.id = f.id where f.id = certificate_id);
end $$;

create or replace function refresh_listed_certificates(ids text[]) returns integer language plpgsql
  set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  changed text[];
begin
  -- Whoever comes second waits here, and reads what is the case only afterwards.
  perform 1 from listed_certificates where id = any (ids) order by id for update;
  with fresh as materialized (
    select f.*, certificate_item(f, c) as item from certificate_facts f join certificates c on c.id = f.id where f.id = any (ids)
  ),
  before as materialized (select id, standing, expires_at, expiring_at, team_id, issuer_id from listed_certificates where id = any (ids)),
  written as (
    insert into listed_certificates as listed (id, name, common_name, environment, owner_id, team_id, issuer_id,
      certificate_profile_id, standing, expires_at, expiring_at, renew_at, last_renewal_at, last_deployment_at, revoked_at,
      revocation_reason, serial_number, fingerprint, holder_count, target_ids, created_at, updated_at, item)
    select id, name, common_name, environment, owner_id, team_id, issuer_id,
      certificate_profile_id, standing, expires_at, expiring_at, renew_at, last_renewal_at, last_deployment_at, revoked_at,
      revocation_reason, serial_number, fingerprint, holder_count, target_ids, created_at, updated_at, item from fresh
    on conflict (id) do update set name = excluded.name, common_name = excluded.common_name, environment = excluded.environment,
      owner_id = excluded.owner_id, team_id = excluded.team_id, issuer_id = excluded.issuer_id,
      certificate_profile_id = excluded.certificate_profile_id, standing = excluded.standing, expires_at = excluded.expires_at,
      expiring_at = excluded.expiring_at, renew_at = excluded.renew_at, last_renewal_at = excluded.last_renewal_at,
      last_deployment_at = excluded.last_deployment_at, revoked_at = excluded.revoked_at,
      revocation_reason = excluded.revocation_reason, serial_number = excluded.serial_number, fingerprint = excluded.fingerprint,
      holder_count = excluded.holder_count, target_ids = excluded.target_ids, created_at = excluded.created_at,
      updated_at = excluded.updated_at, item = excluded.item
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
`,
}
