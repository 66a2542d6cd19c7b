import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
import { type Page, type PageRequest, readPage } from './page.js'
import type { HealthCheckResultsTable, HealthChecksTable, Schema } from './schema.js'

const columns = [
  'id',
  'endpoint',
  'server_name',
  'certificate_id',
  'target_id',
  'network_scan_target_id',
  'expected_fingerprint',
  'check_interval_seconds',
  'timeout_ms',
  'degraded_threshold',
  'down_threshold',
  'enabled',
  'source',
  'status',
  'failure_reason',
  'consecutive_failures',
  'response_time_ms',
  'observed_fingerprint',
  'tls_version',
  'cipher_suite',
  'cert_subject',
  'cert_issuer',
  'cert_expiry',
  'last_checked_at',
  'last_success_at',
  'last_failure_at',
  'last_transition_at',
  'next_check_at',
  'claim',
  'acknowledged_by',
  'acknowledged_at',
  'created_at',
  'updated_at',
  'removed_at',
] as const

export type HealthCheckRow = Selectable<HealthChecksTable>
export type HealthStatus = HealthCheckRow['status']
export type HealthResultRow = Selectable<HealthCheckResultsTable>

export interface HealthCheckFilter {
  status?: HealthStatus | undefined
  certificateId?: string | undefined
  networkScanTargetId?: string | undefined
  enabled?: boolean | undefined
}

/** An endpoint that a target with a live placement names, and that nobody looks at yet. */
export interface UncheckedEndpoint {
  target_id: string
  certificate_id: string
  host: string
  port: number
  server_name: string | null
}

/** Endpoints that targets with a certificate name in their configuration; none that begin in clear, and none of this very machine. */
const declared = sql`
  select targets.id as target_id, min(placements.certificate_id) as certificate_id,
    entry ->> 'host' as host, coalesce((entry ->> 'port')::int, 443) as port, min(entry ->> 'serverName') as server_name
  from targets
    join placements on placements.target_id = targets.id and placements.removed_at is null
    cross join lateral jsonb_array_elements(
      case when jsonb_typeof(targets.config -> 'endpoints') = 'array' then targets.config -> 'endpoints' else '[]' end) as entries (entry)
  where targets.retired_at is null and targets.enabled and placements.deployed_at is not null
    and entry ->> 'host' is not null and entry ->> 'startTls' is null
    and coalesce(entry ->> 'port', '443') ~ '^[0-9]{1,5}$'
    and entry ->> 'host' !~* '^(localhost|127\\.|\\[?::1)'
  group by targets.id, entry ->> 'host', coalesce((entry ->> 'port')::int, 443)`

const endpointText = sql`case when host like '%:%' then '[' || host || ']' else host end || ':' || port`

export function healthChecksTable(db: Kysely<Schema>) {
  const live = () => db.selectFrom('health_checks').select(columns).where('removed_at', 'is', null)

  return {
    /** Returns whether it was written: of one endpoint of a target there is one check. */
    async insert(row: Insertable<HealthChecksTable>): Promise<boolean> {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('health_checks')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return (numInsertedOrUpdatedRows ?? 0n) > 0n
    },

    async get(id: string): Promise<HealthCheckRow | undefined> {
      return await live().where('id', '=', id).executeTakeFirst()
    },

    /** Locks the row until the transaction ends. */
    async lock(id: string): Promise<HealthCheckRow | undefined> {
      return await live().where('id', '=', id).forNoKeyUpdate().executeTakeFirst()
    },

    async page(filter: HealthCheckFilter, request: PageRequest): Promise<Page<HealthCheckRow>> {
      const { status, certificateId, networkScanTargetId, enabled } = filter
      const query = live()
        .$if(status !== undefined, (narrowed) => narrowed.where('status', '=', status ?? 'unknown'))
        .$if(certificateId !== undefined, (narrowed) => narrowed.where('certificate_id', '=', certificateId ?? ''))
        .$if(networkScanTargetId !== undefined, (narrowed) =>
          narrowed.where('network_scan_target_id', '=', networkScanTargetId ?? ''),
        )
        .$if(enabled !== undefined, (narrowed) => narrowed.where('enabled', '=', enabled === true))
      return await readPage(
        query,
        { columns: ['created_at', 'id'], startOf: (row) => ({ value: row.created_at.toISOString(), id: row.id }) },
        request,
      )
    },

    /** Of those that are looked at. */
    async countUnhealthy(): Promise<{ total: number; unhealthy: number }> {
      const { total, unhealthy } = await db
        .selectFrom('health_checks')
        .select(({ fn }) => [
          fn.countAll<string>().as('total'),
          fn.countAll<string>().filterWhere('status', 'in', ['degraded', 'down', 'cert_mismatch']).as('unhealthy'),
        ])
        .where('removed_at', 'is', null)
        .where('enabled', '=', true)
        .executeTakeFirstOrThrow()
      return { total: Number(total), unhealthy: Number(unhealthy) }
    },

    async countByStatus(): Promise<{ status: HealthStatus; count: number }[]> {
      const rows = await db
        .selectFrom('health_checks')
        .select(({ fn }) => ['status', fn.countAll<string>().as('count')])
        .where('removed_at', 'is', null)
        .groupBy('status')
        .execute()
      return rows.map(({ status, count }) => ({ status, count: Number(count) }))
    },

    async update(id: string, changes: Updateable<HealthChecksTable>): Promise<void> {
      await db.updateTable('health_checks').set(changes).where('id', '=', id).execute()
    },

    /** With its history. */
    async remove(id: string): Promise<void> {
      await db.deleteFrom('health_checks').where('id', '=', id).execute()
    },

    /**
     * Takes the check that is due longest and puts its next look off by its interval, so that no other copy takes it too, and a copy
     * that dies loses one look and nothing else. `spread`: between 0 and 1, so that checks made together drift apart.
     */
    async claimDue({
      now,
      claim,
      spread,
    }: {
      now: Date
      claim: string
      spread: number
    }): Promise<HealthCheckRow | undefined> {
      return await db
        .updateTable('health_checks')
        .set({
          claim,
          next_check_at: sql<Date>`${now}::timestamptz + make_interval(secs => check_interval_seconds * (1 + 0.1 * ${spread}::float8))`,
        })
        .where('id', '=', (where) =>
          where
            .selectFrom('health_checks')
            .select('id')
            .where('removed_at', 'is', null)
            .where('enabled', '=', true)
            .where('next_check_at', '<=', now)
            .orderBy('next_check_at')
            .orderBy('id')
            .limit(1)
            .forUpdate()
            .skipLocked(),
        )
        .returning(columns)
        .executeTakeFirst()
    },

    async insertResult(row: Insertable<HealthCheckResultsTable>): Promise<void> {
      await db.insertInto('health_check_results').values(row).execute()
    },

    /** Newest first, and how many there are in all. */
    async history(id: string, limit: number): Promise<{ rows: HealthResultRow[]; total: number }> {
      const rows = await db
        .selectFrom('health_check_results')
        .select(['id', 'health_check_id', 'status', 'response_time_ms', 'fingerprint', 'failure_reason', 'checked_at'])
        .where('health_check_id', '=', id)
        .orderBy('checked_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
      const { total } = await db
        .selectFrom('health_check_results')
        .select(({ fn }) => fn.countAll<string>().as('total'))
        .where('health_check_id', '=', id)
        .executeTakeFirstOrThrow()
      return { rows, total: Number(total) }
    },

    /** Takes away results of before; returns how many, at most `limit`. */
    async purgeResults(before: Date, limit: number): Promise<number> {
      const { numDeletedRows } = await db
        .deleteFrom('health_check_results')
        .where('id', 'in', (where) =>
          where.selectFrom('health_check_results').select('id').where('checked_at', '<', before).limit(limit),
        )
        .executeTakeFirst()
      return Number(numDeletedRows)
    },

    /** Endpoints that targets name and nobody looks at; one that a person deleted is not listed again. */
    async listUnchecked(limit: number): Promise<UncheckedEndpoint[]> {
      const { rows } = await sql<UncheckedEndpoint>`
        select target_id, certificate_id, host, port, server_name from (${declared}) as declared
        where not exists (select 1 from health_checks
          where health_checks.target_id = declared.target_id and health_checks.endpoint = ${endpointText})
        order by target_id, host, port limit ${limit}`.execute(db)
      return rows
    },

    /** Checks made for an endpoint that its target does not name any more. */
    async listOrphans(limit: number): Promise<string[]> {
      const { rows } = await sql<{ id: string }>`
        select id from health_checks where source = 'auto'
          and not exists (select 1 from (${declared}) as declared
            where declared.target_id = health_checks.target_id and health_checks.endpoint = ${endpointText})
        order by id limit ${limit}`.execute(db)
      return rows.map(({ id }) => id)
    },

    /** Every leaf that may answer for a certificate: what its holders have now, and what its targets were given last. */
    async listExpected(certificateId: string): Promise<string[]> {
      const { rows } = await sql<{ fingerprint: string }>`
        select versions.fingerprint from holders join versions on versions.id = holders.current_version_id
          where holders.certificate_id = ${certificateId} and holders.closed_at is null
        union select deployed_fingerprint from placements
          where certificate_id = ${certificateId} and removed_at is null and deployed_fingerprint is not null`.execute(
        db,
      )
      return rows.map(({ fingerprint }) => fingerprint)
    },
  }
}
