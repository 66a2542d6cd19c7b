import { type RawBuilder, sql } from 'kysely'
import { statusWord } from './certificate-filter.js'

/** The same text as `Date.toISOString`. */
const time = (column: string): string =>
  `'"' || to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"'`
const text = (column: string): string => `to_json(${column})::text`
const textOrEmpty = (column: string): string => `to_json(coalesce(${column}, ''))::text`
/** Of a revoked certificate only. */
const ifRevoked = (value: string): string => `case when l.standing = 'revoked' then ${value} end`

/**
 * A certificate of a list as the wire has it (`inventory/certificate-view.ts`), made by the database: `l` is its row of
 * `listed_certificates`, `c` of `certificates`. What is null is absent. The status, which depends on the moment, comes beside them.
 */
const fields: Readonly<Record<string, string>> = {
  name: text('l.name'),
  common_name: text('l.common_name'),
  sans: `'[' || coalesce((select string_agg(to_json(written_name(n ->> 'type', n ->> 'value'))::text, ',' order by place)
    from jsonb_array_elements(c.names) with ordinality as named (n, place)), '') || ']'`,
  environment: text('l.environment'),
  owner_id: textOrEmpty('l.owner_id'),
  team_id: textOrEmpty('l.team_id'),
  issuer_id: text('l.issuer_id'),
  target_ids: `to_json(l.target_ids)::text`,
  renewal_policy_id: textOrEmpty('c.renewal_policy_id'),
  certificate_profile_id: text('l.certificate_profile_id'),
  expires_at: `case when l.expires_at < 'infinity' then ${time('l.expires_at')} end`,
  tags: `c.tags::text`,
  last_renewal_at: time('l.last_renewal_at'),
  last_deployment_at: time('l.last_deployment_at'),
  revoked_at: ifRevoked(time('l.revoked_at')),
  revocation_reason: ifRevoked(text('l.revocation_reason')),
  created_at: time('l.created_at'),
  updated_at: time('l.updated_at'),
  source: text('c.source'),
  serial_number: text('l.serial_number'),
  fingerprint_sha256: text('l.fingerprint'),
  key_algorithm: text('c.key_algorithm'),
  renew_at: time('l.renew_at'),
  generation: `c.generation::text`,
}

/** Without their values: made once, since taking a statement apart costs more than sending it. */
const whole = membersOf(Object.entries(fields))

function membersOf(entries: readonly (readonly [name: string, value: string])[]): string {
  return entries.map(([name, value]) => ` || coalesce(',"${name}":' || ${value}, '')`).join('')
}

/** The object's text; with `wanted` only those fields, and always the id. */
export function certificateJson(now: Date, wanted: readonly string[] = []): RawBuilder<unknown> {
  const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name)
  const members = wanted.length === 0 ? whole : membersOf(Object.entries(fields).filter(([name]) => isWanted(name)))
  const status = isWanted('status') ? sql`|| ',"status":"' || ${statusWord(now)} || '"'` : sql``
  return sql`'{"id":' || to_json(l.id)::text ${status} ${sql.raw(members)} || '}'`
}
