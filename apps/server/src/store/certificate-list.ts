import { CertctlError } from '@certctl/core'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import {
  type CertificateFilter,
  type CertificateStatus,
  commonDomainQuery,
  gathering,
  matching,
  statusConditions,
  statusWord,
  tooMany,
} from './certificate-filter.js'
import { certificateJson, withFields } from './certificate-json.js'
import type { CertificateRow } from './certificates.js'
import { isStatementTimeout } from './database-error.js'
import { plannedAnew } from './kept-plans.js'
import { largestTotal, type PageRequest, type PageStart } from './page.js'
import type { Schema } from './schema.js'

export const certificateSorts = [
  'created_at',
  'updated_at',
  'name',
  'common_name',
  'environment',
  'status',
  'expires_at',
] as const
export type CertificateSortColumn = (typeof certificateSorts)[number]

/** A certificate with what its holders, versions, jobs and placements make of it at one moment. */
export interface ListedCertificate extends Omit<CertificateRow, 'common_name' | 'requested_by_people'> {
  common_name: string
  status: CertificateStatus
  /** Of the version that ends first; `infinity` where none was issued, so that it sorts last. */
  expires_at: Date | number
  last_renewal_at: Date | null
  last_deployment_at: Date | null
  revoked_at: Date | null
  revocation_reason: string | null
  serial_number: string | null
  fingerprint: string | null
  renew_at: Date | null
  target_ids: string[]
  holder_count: number
}

export interface CertificateOrder {
  by: CertificateSortColumn
  descending: boolean
}

/** A page as the database wrote it. */
export interface JsonPage {
  /** The items' objects, commas between them. */
  items: string
  total?: number | undefined
  totalCapped?: boolean | undefined
  /** Present when there are more rows. */
  next?: PageStart | undefined
}

export interface CertificateQuestion {
  filter: CertificateFilter
  order: CertificateOrder
  request: PageRequest
  /** Only these; all where not given. */
  fields?: readonly string[] | undefined
}

const searchSeconds = 5

/** The read side of certificates. */
export function certificateListTable(db: Kysely<Schema>) {
  return {
    /** Archived ones too. From the rows themselves: within a transaction it sees what that did. */
    async get(id: string, now: Date): Promise<ListedCertificate | undefined> {
      const { rows } = await sql<ListedCertificate>`
        select l.id, l.name, l.common_name, c.names, c.subject, c.key_algorithm, c.extended_key_usages, c.must_staple,
          c.validity_seconds, l.issuer_id, l.environment, l.owner_id, l.team_id, c.renewal_policy_id, l.certificate_profile_id,
          c.tags, c.source, c.generation, l.created_at, l.updated_at, c.archived_at, l.expires_at, l.last_renewal_at,
          l.last_deployment_at, l.revoked_at, l.revocation_reason, l.serial_number, l.fingerprint, l.renew_at, l.target_ids,
          l.holder_count, ${statusWord(now)} as status
        from certificate_facts l join certificates c on c.id = l.id where l.id = ${id}`.execute(db)
      return rows[0]
    },

    async page(question: CertificateQuestion): Promise<JsonPage> {
      if (question.filter.text !== undefined) return await searched(db, question)
      const { request } = question
      const filter = { ...question.filter, common: await isCommonDomain(db, question.filter) }
      const [written, total] = await Promise.all([
        writtenPage(db, { ...question, filter }),
        request.count ? countUpTo(db, filter) : undefined,
      ])
      return { ...pageOf(written, question), ...total }
    },
  }
}

/** The ids of all that match, in no order: for statements that work on them where they are. */
export function matchingCertificateIds(db: Kysely<Schema>, filter: CertificateFilter) {
  const { from, where } = matching(filter)
  return db
    .selectFrom(sql<{ id: string }>`(${gathering(filter)}select l.id from ${from} where ${where})`.as('listed'))
    .select('id')
}

async function isCommonDomain(db: Kysely<Schema>, { domain }: CertificateFilter): Promise<boolean> {
  if (domain === undefined) return false
  const { rows } = await commonDomainQuery(domain).execute(db)
  return rows[0]?.common === true
}

/** Where a search finds too much to be gathered, the list is walked instead. */
async function searchedPage(db: Kysely<Schema>, question: CertificateQuestion): Promise<JsonPage> {
  const gathered = await writtenPage(db, question)
  const walked = { ...question, filter: { ...question.filter, common: true } }
  const page = pageOf(gathered.too_many ? await writtenPage(db, walked) : gathered, question)
  if (!question.request.count) return page
  return { ...page, ...(await countUpTo(db, gathered.too_many ? walked.filter : question.filter)) }
}

interface WrittenPage {
  items: string
  /** Rows of the page, and one where there are more. */
  found: number
  id: string | null
  value: string | null
  /** The search ended at its bound, and the page is of no use. */
  too_many: boolean
}

async function writtenPage(db: Kysely<Schema>, question: CertificateQuestion): Promise<WrittenPage> {
  const { filter, request } = question
  const { rows } =
    await sql<WrittenPage>`${sql.raw(isPlain(question) ? '' : plannedAnew)}${gathering(filter, { isBounded: true })}
    select coalesce(string_agg(item, ',' order by n) filter (where n <= ${request.limit}), '') as items, count(*)::integer as found,
      max(id) filter (where n = ${request.limit}) as id, max(value) filter (where n = ${request.limit}) as value,
      ${tooMany(filter)} as too_many
    from (
      select page.n, l.id, page.sort_value::text as value, ${certificateJson(filter.now)} as item
      from (${rowsOf(question)}) page join listed_certificates l on l.id = page.id
    ) as written`.execute(db)
  // An aggregate has a row, whatever it is of.
  return rows[0] as WrittenPage
}

function pageOf({ items, found, id, value }: WrittenPage, { request, fields }: CertificateQuestion): JsonPage {
  const shown = fields === undefined ? items : withFields(items, fields)
  return found <= request.limit || id === null ? { items: shown } : { items: shown, next: { value, id } }
}

/** Whether there are few enough questions of its form to keep a plan for it, and the values in it do not decide which plan is good. */
function isPlain({ filter, request }: CertificateQuestion): boolean {
  return (request.offset ?? 0) === 0 && filter.domain === undefined && filter.text === undefined
}

/** The ids of one page and one more, numbered in their order: what is sorted or passed over is not carried along. */
function rowsOf(question: CertificateQuestion): RawBuilder<unknown> {
  const { order, request } = question
  const rows = order.by === 'status' ? rowsByStatus(question) : rowsByColumn(question, order.by)
  // Literals: a plan made for any limit would be one for a tenth of all rows.
  const part = sql`limit ${sql.lit(request.limit + 1)} offset ${sql.lit(request.offset ?? 0)}`
  return sql`select row_number() over (${sortedBy(order)}) as n, page.* from (${rows} ${part}) as page`
}

function sortedBy({ descending }: CertificateOrder): RawBuilder<unknown> {
  const direction = sql.raw(descending ? 'desc' : 'asc')
  return sql`order by sort_value ${direction}, id ${direction}`
}

function rowsByColumn(
  { filter, order, request: { after } }: CertificateQuestion,
  by: Exclude<CertificateSortColumn, 'status'>,
): RawBuilder<unknown> {
  const { from, where, expiry } = matching(filter)
  const byExpiry = by === 'expires_at'
  const column = sql.ref(`${byExpiry ? expiry.table : 'l'}.${by}`)
  const id = byExpiry ? sql.ref(`${expiry.table}.${expiry.id}`) : sql.ref('l.id')
  const type = sql.raw(by.endsWith('_at') ? 'timestamptz' : 'text')
  const beyond = sql.raw(order.descending ? '<' : '>')
  const keyset =
    after === undefined ? sql`` : sql`and (${column}, ${id}) ${beyond} (${after.value}::${type}, ${after.id})`
  const direction = sql.raw(order.descending ? 'desc' : 'asc')
  return sql`select l.id, ${column} as sort_value from ${from} where ${where} ${keyset}
    order by ${column} ${direction}, ${id} ${direction}`
}

/** The word depends on the moment, so no index has its order: each word in turn brings what a page can need of it. */
function rowsByStatus(question: CertificateQuestion): RawBuilder<unknown> {
  const { filter, order, request } = question
  const words = Object.keys(statusConditions) as CertificateStatus[]
  const most = request.limit + 1 + (request.offset ?? 0)
  const direction = sql.raw(order.descending ? 'desc' : 'asc')
  const parts = words.filter(isWanted(question)).map((word) => {
    const { from, where } = matching({ ...filter, status: word })
    const keyset =
      request.after?.value === word ? sql`and l.id ${sql.raw(order.descending ? '<' : '>')} ${request.after.id}` : sql``
    return sql`(select l.id, ${word}::text as sort_value from ${from} where ${where} ${keyset} order by l.id ${direction} limit ${sql.lit(most)})`
  })
  return sql`select l.* from (${sql.join(parts, sql` union all `)}) as l ${sortedBy(order)}`
}

function isWanted({ filter, order, request: { after } }: CertificateQuestion): (word: CertificateStatus) => boolean {
  return (word) => {
    if (filter.status !== undefined) return word === filter.status
    if (word === 'Archived' && filter.ids === undefined) return false
    if (typeof after?.value !== 'string') return true
    return order.descending ? word <= after.value : word >= after.value
  }
}

async function countUpTo(
  db: Kysely<Schema>,
  filter: CertificateFilter,
): Promise<Pick<JsonPage, 'total' | 'totalCapped'>> {
  const { from, where } = matching(filter)
  const { rows } = await sql<{ count: number }>`
    ${gathering(filter)}select count(*)::integer as count from (select 1 from ${from} where ${where} limit ${largestTotal + 1}) as counted`.execute(
    db,
  )
  const count = rows[0]?.count ?? 0
  return { total: Math.min(count, largestTotal), totalCapped: count > largestTotal }
}

/** Letters that stand in very many names, or in hardly any and are few, can take as long as reading all of them. */
async function searched(db: Kysely<Schema>, question: CertificateQuestion): Promise<JsonPage> {
  try {
    return await db.transaction().execute(async (connection) => {
      await sql`set local statement_timeout = ${sql.lit(searchSeconds * 1000)}`.execute(connection)
      return await searchedPage(connection, question)
    })
  } catch (cause) {
    if (!isStatementTimeout(cause)) throw cause
    throw new CertctlError(
      'upstream_unavailable',
      `q: looking for “${question.filter.text}” in all names took longer than ${searchSeconds} seconds; give more letters, another filter, or a whole domain with domain=`,
      { cause, errors: [{ field: 'q', message: 'takes too long; give more letters' }] },
    )
  }
}
