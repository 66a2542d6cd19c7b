import { type RawBuilder, type SqlBool, sql } from 'kysely'

/** In the words of the old server. */
export type CertificateStatus =
  | 'Pending'
  | 'RenewalInProgress'
  | 'Active'
  | 'Expiring'
  | 'Expired'
  | 'Revoked'
  | 'Archived'
  | 'Failed'

export interface CertificateFilter {
  now: Date
  status?: CertificateStatus | undefined
  environment?: string | undefined
  ownerId?: string | undefined
  teamId?: string | undefined
  issuerId?: string | undefined
  agentId?: string | undefined
  profileId?: string | undefined
  targetId?: string | undefined
  /** One of its names, or the certificate's own. */
  name?: string | undefined
  /** Part of one of its names. */
  text?: string | undefined
  /** One of its names is this one, or below it. */
  domain?: string | undefined
  /** Very many names have the text, or are below the domain (`tooMany`, `commonDomainQuery`): walking the list finds a page of them sooner than gathering all. */
  common?: boolean | undefined
  /** It carries all of them. */
  tags?: readonly { key: string; value: string }[] | undefined
  expiresBefore?: Date | undefined
  expiresAfter?: Date | undefined
  createdAfter?: Date | undefined
  updatedAfter?: Date | undefined
  /** Only these, archived ones too. */
  ids?: readonly string[] | undefined
  source?: string | undefined
}

type Condition = RawBuilder<SqlBool>

/** `expired` and the like are comparisons with now, never stored: the word for a row of `listed_certificates` called `l`. */
export function statusWord(now: Date): RawBuilder<CertificateStatus> {
  return sql`case
    when l.standing = 'archived' then 'Archived'
    when l.standing = 'revoked' then 'Revoked'
    when l.standing in ('issued', 'renewing') and l.expires_at <= ${now} then 'Expired'
    when l.standing = 'renewing' then 'RenewalInProgress'
    when l.standing = 'issued' and l.expiring_at <= ${now} then 'Expiring'
    when l.standing = 'issued' then 'Active'
    when l.standing = 'failed' then 'Failed'
    else 'Pending'
  end`
}

/** The reverse: what to ask the rows for, in terms that an index has. */
export const statusConditions: Readonly<Record<CertificateStatus, (now: Date) => Condition>> = {
  Active: (now) => sql`l.standing = 'issued' and l.expires_at > ${now} and l.expiring_at > ${now}`,
  Archived: () => sql`l.standing = 'archived'`,
  Expired: (now) => sql`l.standing in ('issued', 'renewing') and l.expires_at <= ${now}`,
  Expiring: (now) => sql`l.standing = 'issued' and l.expires_at > ${now} and l.expiring_at <= ${now}`,
  Failed: () => sql`l.standing = 'failed'`,
  Pending: () => sql`l.standing = 'pending'`,
  RenewalInProgress: (now) => sql`l.standing = 'renewing' and l.expires_at > ${now}`,
  Revoked: () => sql`l.standing = 'revoked'`,
}

/** Of the tag rows beside a listed one: what both know, so that the index on tags alone can tell. */
const tagStandings: Partial<Record<CertificateStatus, string>> = {
  Active: 'issued',
  Expiring: 'issued',
  RenewalInProgress: 'renewing',
  Revoked: 'revoked',
  Archived: 'archived',
  Failed: 'failed',
  Pending: 'pending',
}

export interface Matching {
  from: RawBuilder<unknown>
  where: Condition
  /** Which table has `expires_at` in an order that the rest can follow, and what it calls a certificate's id. */
  expiry: { table: string; id: string }
}

/** The rows of `listed_certificates l` that match, as `from … where …`, with `gathering` in front. Archived ones only where they are asked for. */
export function matching(filter: CertificateFilter): Matching {
  const joined = [...tagJoins(filter), ...searchJoins(filter)]
  const conditions = [...statusParts(filter), ...plainParts(filter), ...relatedParts(filter)]
  return {
    from: sql`listed_certificates l ${sql.join(joined, sql` `)}`,
    where: conditions.length === 0 ? sql`true` : sql`${sql.join(conditions, sql` and `)}`,
    expiry: expiryOf(filter),
  }
}

/** A side table that knows when certificates end has fewer rows to sort, or has them sorted: they are asked in its order. */
function expiryOf({ tags = [], domain, text, common = false }: CertificateFilter): Matching['expiry'] {
  if (tags.length > 0) return { table: 'tag0', id: 'certificate_id' }
  if (domain !== undefined && !common) return { table: 'ended', id: 'certificate_id' }
  if (text !== undefined && !common) return { table: 'searched', id: 'certificate_id' }
  return { table: 'l', id: 'id' }
}

function statusParts({ status, ids, now }: CertificateFilter): Condition[] {
  if (status !== undefined && status !== 'Archived')
    return [sql`l.standing <> 'archived'`, statusConditions[status](now)]
  if (status === 'Archived') return [statusConditions.Archived(now)]
  return ids === undefined ? [sql`l.standing <> 'archived'`] : []
}

function plainParts(filter: CertificateFilter): Condition[] {
  const { environment, ownerId, teamId, issuerId, profileId, ids } = filter
  const { expiresBefore, expiresAfter, createdAfter, updatedAfter } = filter
  return [
    ...given(environment, (value) => sql`l.environment = ${value}`),
    ...given(ownerId, (value) => sql`l.owner_id = ${value}`),
    ...given(teamId, (value) => sql`l.team_id = ${value}`),
    ...given(issuerId, (value) => sql`l.issuer_id = ${value}`),
    ...given(profileId, (value) => sql`l.certificate_profile_id = ${value}`),
    ...given(expiresBefore, (value) => sql`l.expires_at < ${value}`),
    // What was never issued does not end.
    ...given(expiresAfter, (value) => sql`l.expires_at > ${value}`),
    ...given(createdAfter, (value) => sql`l.created_at > ${value}`),
    ...given(updatedAfter, (value) => sql`l.updated_at > ${value}`),
    ...given(ids, (value) => sql`l.id = any(${[...value]}::text[])`),
  ]
}

function relatedParts(filter: CertificateFilter): Condition[] {
  const { agentId, targetId, name, source, status, domain, common = false } = filter
  const live = status === 'Archived' ? sql`` : sql`and archived_at is null`
  return [
    ...given(
      agentId,
      (value) => sql`l.id in (select certificate_id from holders where agent_id = ${value} and closed_at is null)`,
    ),
    ...given(
      targetId,
      (value) => sql`l.id in (select certificate_id from placements where target_id = ${value} and removed_at is null)`,
    ),
    ...given(
      name?.toLowerCase(),
      (value) => sql`l.id in (select certificate_id from certificate_names where value = ${value}
        union select id from certificates where lower(name) = ${value} ${live})`,
    ),
    // With its offset it is asked row by row, and not turned into a join of all.
    ...given(
      common ? domain : undefined,
      (value) =>
        sql`exists (select 1 from certificate_names where certificate_id = l.id and ${endsWith(value)} offset 0)`,
    ),
    ...given(
      source,
      (value) => sql`exists (select 1 from certificates where certificates.id = l.id and source = ${value})`,
    ),
  ]
}

function tagJoins({ tags = [], teamId, status }: CertificateFilter): Condition[] {
  const standing = status === undefined ? undefined : tagStandings[status]
  return tags.map(({ key, value }, index) => {
    const tag = sql.ref(`tag${index}`)
    const also = [
      ...given(teamId, (id) => sql`and ${tag}.team_id = ${id}`),
      ...given(standing, (word) => sql`and ${tag}.standing = ${word}`),
    ]
    return sql`join certificate_tags as ${tag} on ${tag}.certificate_id = l.id
      and ${tag}.key = ${key} and ${tag}.value = ${value} ${sql.join(also, sql` `)}`
  })
}

/** What was gathered is joined in the order of its ends, so that a page by it looks up no more rows than it shows. */
function searchJoins({ text, domain, common = false }: CertificateFilter): Condition[] {
  if (common)
    return given(
      text,
      (value) => sql`join searched_names as searched on searched.certificate_id = l.id and ${has('searched', value)}`,
    )
  const inOrder = (names: RawBuilder<unknown>) => sql`(${names} order by expires_at, certificate_id)`
  const gathered = sql`select certificate_id, expires_at from gathered`
  return [
    ...given(text, () => sql`join ${inOrder(gathered)} as searched on searched.certificate_id = l.id`),
    ...given(domain, (value) => sql`join ${inOrder(namesBelow(value))} as ended on ended.certificate_id = l.id`),
  ]
}

/** More names than these are better not gathered. */
const mostGathered = 10_000

/**
 * In front of a statement with `matching`: those of whose names one has the text, looked for once in that statement. `isBounded`: none
 * where they are too many to be gathered, which `tooMany` says in it.
 */
export function gathering(
  { text, common = false }: CertificateFilter,
  { isBounded = false } = {},
): RawBuilder<unknown> {
  if (text === undefined || common) return sql``
  if (!isBounded) return sql`with gathered as materialized (${namesWith(text)}) `
  return sql`with bounded as materialized (${namesWith(text)} limit ${sql.lit(mostGathered + 1)}),
    gathered as (select * from bounded where not ${tooMany({ text })}) `
}

/** Of a statement with bounded `gathering`. */
export function tooMany({ text, common = false }: Pick<CertificateFilter, 'text' | 'common'>): Condition {
  return text === undefined || common ? sql`false` : sql`(select count(*) > ${sql.lit(mostGathered)} from bounded)`
}

/** Whether too many names are below the domain: counting them from the index is quick. */
export function commonDomainQuery(domain: string): RawBuilder<{ common: boolean }> {
  return sql`select count(*) > ${sql.lit(mostGathered)} as common from (
    select 1 from certificate_names where reversed like ${`${likeLiteral(reversedOf(domain))}.%`} limit ${sql.lit(mostGathered + 1)}) as found`
}

function has(table: string, text: string): Condition {
  return sql`${sql.ref(`${table}.text`)} like ${`%${likeLiteral(text.toLowerCase())}%`}`
}

function namesWith(text: string): Condition {
  return sql`select certificate_id, expires_at from searched_names where ${has('searched_names', text)}`
}

/** Each half by itself is answered from the index alone. */
function namesBelow(domain: string): Condition {
  const reversed = reversedOf(domain)
  return sql`select distinct certificate_id, expires_at from (
    select certificate_id, expires_at from certificate_names where reversed = ${reversed}
    union all select certificate_id, expires_at from certificate_names where reversed like ${`${likeLiteral(reversed)}.%`}
  ) as names`
}

/** In words that the index of names does not know: of one certificate it would be asked for all names there are. */
function endsWith(domain: string): Condition {
  return sql`reversed || '.' like ${`${likeLiteral(reversedOf(domain))}.%`}`
}

function reversedOf(domain: string): string {
  return [...domain.toLowerCase()].toReversed().join('')
}

function likeLiteral(text: string): string {
  return text.replaceAll(/[\\%_]/g, (character) => `\\${character}`)
}

function given<T>(value: T | undefined, make: (value: T) => Condition): Condition[] {
  return value === undefined ? [] : [make(value)]
}
