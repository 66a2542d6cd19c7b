import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { CertificateRow } from './certificates.js'
import { type Page, type PageRequest, readPage } from './page.js'
import type { Schema } from './schema.js'

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
export interface ListedCertificate extends Omit<CertificateRow, 'common_name'> {
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
  expiresBefore?: Date | undefined
  expiresAfter?: Date | undefined
  createdAfter?: Date | undefined
  updatedAfter?: Date | undefined
  /** Only these, archived ones too. */
  ids?: readonly string[] | undefined
  source?: string | undefined
}

export interface CertificateOrder {
  by: CertificateSortColumn
  descending: boolean
}

export interface CertificateCounts {
  total: number
  active: number
  expiring: number
  expired: number
}

/** The read side of certificates. */
export function certificateListTable(db: Kysely<Schema>) {
  return {
    /** Archived ones too. */
    async get(id: string, now: Date): Promise<ListedCertificate | undefined> {
      return await from(db, sql`c.id = ${id}`, now).selectAll().executeTakeFirst()
    },

    async page(
      filter: CertificateFilter,
      order: CertificateOrder,
      request: PageRequest,
    ): Promise<Page<ListedCertificate>> {
      const { now, status, expiresBefore, expiresAfter } = filter
      const query = from(db, conditionOf(filter), now)
        .selectAll()
        .$if(status !== undefined, (narrowed) => narrowed.where('status', '=', status as CertificateStatus))
        .$if(expiresBefore !== undefined, (narrowed) => narrowed.where('expires_at', '<', expiresBefore as Date))
        .$if(expiresAfter !== undefined, (narrowed) => narrowed.where('expires_at', '>', expiresAfter as Date))
      const startOf = (row: ListedCertificate) => ({ value: textOf(row[order.by]), id: row.id })
      return await readPage(query, { columns: [order.by, 'id'], descending: order.descending, startOf }, request)
    },

    async count(now: Date): Promise<CertificateCounts> {
      const rows = await from(db, sql`c.archived_at is null`, now)
        .select(({ fn }) => ['status', fn.countAll<string>().as('count')])
        .groupBy('status')
        .execute()
      const of = (...statuses: CertificateStatus[]): number =>
        rows.reduce((sum, row) => (statuses.includes(row.status) ? sum + Number(row.count) : sum), 0)
      return {
        total: rows.reduce((sum, row) => sum + Number(row.count), 0),
        active: of('Active', 'RenewalInProgress'),
        expiring: of('Expiring'),
        expired: of('Expired'),
      }
    },
  }
}

/** The ids of all that match, in no order: for statements that work on them where they are. */
export function matchingCertificateIds(db: Kysely<Schema>, filter: CertificateFilter) {
  const { now, status, expiresBefore, expiresAfter } = filter
  return from(db, conditionOf(filter), now)
    .select('id')
    .$if(status !== undefined, (narrowed) => narrowed.where('status', '=', status as CertificateStatus))
    .$if(expiresBefore !== undefined, (narrowed) => narrowed.where('expires_at', '<', expiresBefore as Date))
    .$if(expiresAfter !== undefined, (narrowed) => narrowed.where('expires_at', '>', expiresAfter as Date))
}

function textOf(value: Date | number | string): string {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'number' ? 'infinity' : value
}

/** Archived ones are shown only where they are asked for. */
function conditionOf(filter: CertificateFilter): RawBuilder<unknown> {
  const { status, environment, ownerId, teamId, issuerId, agentId, profileId, targetId, name, ids, source } = filter
  const parts = [
    ids !== undefined && status === undefined
      ? undefined
      : status === 'Archived'
        ? sql`c.archived_at is not null`
        : sql`c.archived_at is null`,
    ids === undefined ? undefined : sql`c.id = any(${[...ids]}::text[])`,
    source === undefined ? undefined : sql`c.source = ${source}`,
    environment === undefined ? undefined : sql`c.environment = ${environment}`,
    ownerId === undefined ? undefined : sql`c.owner_id = ${ownerId}`,
    teamId === undefined ? undefined : sql`c.team_id = ${teamId}`,
    issuerId === undefined ? undefined : sql`c.issuer_id = ${issuerId}`,
    profileId === undefined ? undefined : sql`c.certificate_profile_id = ${profileId}`,
    filter.createdAfter === undefined ? undefined : sql`c.created_at > ${filter.createdAfter}`,
    filter.updatedAfter === undefined ? undefined : sql`c.updated_at > ${filter.updatedAfter}`,
    agentId === undefined
      ? undefined
      : sql`exists (select 1 from holders where holders.certificate_id = c.id and holders.agent_id = ${agentId} and holders.closed_at is null)`,
    targetId === undefined
      ? undefined
      : sql`exists (select 1 from placements where placements.certificate_id = c.id and placements.target_id = ${targetId} and placements.removed_at is null)`,
    name === undefined
      ? undefined
      : sql`(lower(c.name) = ${name.toLowerCase()} or exists (select 1 from certificate_names n where n.certificate_id = c.id and n.value = ${name.toLowerCase()}))`,
  ]
  return sql.join(
    parts.filter((part) => part !== undefined),
    sql` and `,
  )
}

/** `expired` and the like are comparisons with now, never stored. The order of the cases says which word wins. */
function from(db: Kysely<Schema>, condition: RawBuilder<unknown>, now: Date) {
  const listed = sql<ListedCertificate>`(
    select c.id, c.name, coalesce(c.common_name, '') as common_name, c.names, c.subject, c.key_algorithm,
      c.extended_key_usages, c.must_staple, c.validity_seconds, c.issuer_id, c.environment, c.owner_id, c.team_id,
      c.renewal_policy_id, c.certificate_profile_id, c.tags, c.source, c.generation, c.created_at, c.updated_at, c.archived_at,
      coalesce(held.expires_at, 'infinity') as expires_at, held.last_renewal_at, held.revoked_at, held.revocation_reason,
      held.serial_number, held.fingerprint, held.renew_at, held.holder_count,
      placed.last_deployment_at, coalesce(placed.target_ids, '{}') as target_ids,
      case
        when c.archived_at is not null then 'Archived'
        when held.issued > 0 and held.usable = 0 then 'Revoked'
        when held.issued > 0 and held.expires_at <= ${now} then 'Expired'
        when held.issued > 0 and exists (select 1 from jobs where jobs.certificate_id = c.id and jobs.kind = 'issue'
          and jobs.state not in ('done', 'cancelled')) then 'RenewalInProgress'
        when held.issued > 0 and held.expiring then 'Expiring'
        when held.issued > 0 then 'Active'
        when held.failing then 'Failed'
        else 'Pending'
      end as status
    from certificates c
    left join lateral (
      select count(v.id)::int as issued, count(v.id) filter (where v.revoked_at is null)::int as usable,
        count(h.id)::int as holder_count,
        coalesce(min(v.not_after) filter (where v.revoked_at is null), min(v.not_after)) as expires_at,
        max(v.received_at) as last_renewal_at, max(v.revoked_at) as revoked_at, max(v.revocation_reason) as revocation_reason,
        (array_agg(v.serial_number order by h.created_at, h.id) filter (where v.id is not null))[1] as serial_number,
        (array_agg(v.fingerprint order by h.created_at, h.id) filter (where v.id is not null))[1] as fingerprint,
        min(h.renew_at) as renew_at,
        coalesce(bool_or(v.revoked_at is null and v.not_after - ${now}::timestamptz
          <= least(interval '31 days', (v.not_after - v.received_at) / 3)), false) as expiring,
        coalesce(bool_or(h.blocked_code is not null or h.failures > 0), false) as failing
      from holders h left join versions v on v.id = h.current_version_id
      where h.certificate_id = c.id and h.closed_at is null
    ) held on true
    left join lateral (
      select array_agg(p.target_id order by p.created_at, p.id) as target_ids, max(p.deployed_at) as last_deployment_at
      from placements p where p.certificate_id = c.id and p.removed_at is null
    ) placed on true
    where ${condition}
  )`.as('listed')
  return db.selectFrom(listed)
}
