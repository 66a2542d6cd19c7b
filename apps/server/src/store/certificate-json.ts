import { type RawBuilder, sql } from 'kysely'
import { statusWord } from './certificate-filter.js'

type Expression = RawBuilder<unknown>

/** The same text as `Date.toISOString`. */
const time = (column: string): Expression =>
  sql`'"' || to_char(${sql.ref(column)} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"'`
const text = (column: string): Expression => sql`to_json(${sql.ref(column)})::text`
const textOrEmpty = (column: string): Expression => sql`to_json(coalesce(${sql.ref(column)}, ''))::text`
/** Of a revoked certificate only. */
const ifRevoked = (value: Expression): Expression => sql`case when l.standing = 'revoked' then ${value} end`

/**
 * A certificate of a list as the wire has it (`inventory/certificate-view.ts`), made by the database: `l` is its row of
 * `listed_certificates`, `c` of `certificates`. What is null is absent.
 */
function fieldsOf(now: Date): Readonly<Record<string, Expression>> {
  return {
    name: text('l.name'),
    common_name: text('l.common_name'),
    sans: sql`'[' || coalesce((select string_agg(to_json(written_name(n ->> 'type', n ->> 'value'))::text, ',' order by place)
      from jsonb_array_elements(c.names) with ordinality as named (n, place)), '') || ']'`,
    environment: text('l.environment'),
    owner_id: textOrEmpty('l.owner_id'),
    team_id: textOrEmpty('l.team_id'),
    issuer_id: text('l.issuer_id'),
    target_ids: sql`to_json(l.target_ids)::text`,
    renewal_policy_id: textOrEmpty('c.renewal_policy_id'),
    certificate_profile_id: text('l.certificate_profile_id'),
    status: sql`'"' || ${statusWord(now)} || '"'`,
    expires_at: sql`case when l.expires_at < 'infinity' then ${time('l.expires_at')} end`,
    tags: sql`c.tags::text`,
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
    generation: sql`c.generation::text`,
  }
}

/** The object's text; with `wanted` only those fields, and always the id. */
export function certificateJson(now: Date, wanted: readonly string[] | undefined): Expression {
  const entries = Object.entries(fieldsOf(now)).filter(
    ([name]) => wanted === undefined || wanted.length === 0 || wanted.includes(name),
  )
  const members = entries.map(([name, value]) => sql`coalesce(${sql.lit(`,"${name}":`)} || ${value}, '')`)
  return sql`'{"id":' || to_json(l.id)::text || ${sql.join([...members, sql`'}'`], sql` || `)}`
}
