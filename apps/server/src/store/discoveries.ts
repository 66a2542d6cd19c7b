import { type Insertable, type Kysely, type Selectable, sql } from 'kysely'
import type { DiscoveredCertificatesTable, ScansTable, Schema, SightingsTable } from './schema.js'

const scanColumns = [
  'id',
  'agent_id',
  'directories',
  'certificates_found',
  'certificates_new',
  'errors_count',
  'scan_duration_ms',
  'complete',
  'started_at',
  'completed_at',
] as const

export type ScanRow = Selectable<ScansTable>

/** Scans, what they found, and where: three tables that are only ever written together. */
export function discoveriesTable(db: Kysely<Schema>) {
  return {
    async insertScan(row: Insertable<ScansTable>): Promise<void> {
      await db
        .insertInto('scans')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute()
    },

    async lockScan(id: string): Promise<ScanRow | undefined> {
      return await db.selectFrom('scans').select(scanColumns).where('id', '=', id).forUpdate().executeTakeFirst()
    },

    /** Adds one batch to its scan. */
    async addToScan(
      id: string,
      batch: { found: number; fresh: number; errors: number; durationMs: number; completedAt: Date | null },
    ): Promise<ScanRow> {
      return await db
        .updateTable('scans')
        .set({
          certificates_found: sql`certificates_found + ${batch.found}`,
          certificates_new: sql`certificates_new + ${batch.fresh}`,
          errors_count: sql`errors_count + ${batch.errors}`,
          scan_duration_ms: sql`greatest(scan_duration_ms, ${batch.durationMs})`,
          complete: batch.completedAt !== null,
          completed_at: batch.completedAt,
        })
        .where('id', '=', id)
        .returning(scanColumns)
        .executeTakeFirstOrThrow()
    },

    /** Writes those not seen before, by fingerprint; returns how many that were. */
    async insertDiscovered(rows: readonly Insertable<DiscoveredCertificatesTable>[]): Promise<number> {
      if (rows.length === 0) return 0
      const inserted = await db
        .insertInto('discovered_certificates')
        .values([...rows])
        .onConflict((conflict) => conflict.column('fingerprint').doNothing())
        .returning('id')
        .execute()
      return inserted.length
    },

    async idsByFingerprint(fingerprints: readonly string[]): Promise<Map<string, string>> {
      if (fingerprints.length === 0) return new Map()
      const rows = await db
        .selectFrom('discovered_certificates')
        .select(['id', 'fingerprint'])
        .where('fingerprint', 'in', [...fingerprints])
        .execute()
      return new Map(rows.map((row) => [row.fingerprint, row.id]))
    },

    async recordSightings(rows: readonly Insertable<SightingsTable>[]): Promise<void> {
      if (rows.length === 0) return
      await db
        .insertInto('sightings')
        .values([...rows])
        .onConflict((conflict) =>
          conflict.columns(['discovered_id', 'agent_id', 'location']).doUpdateSet((set) => ({
            scan_id: set.ref('excluded.scan_id'),
            format: set.ref('excluded.format'),
            last_seen_at: set.ref('excluded.last_seen_at'),
          })),
        )
        .execute()
    },

    /** Places that no scan found anything at since `before`, and scans of before that nothing refers to. Returns how many went. */
    async purge(before: Date, limit: number): Promise<number> {
      const sightings = await sql`
        delete from sightings where ctid in (select ctid from sightings where last_seen_at < ${before} limit ${limit})`.execute(
        db,
      )
      const scans = await sql`
        delete from scans where id in (select id from scans
          where started_at < ${before} and not exists (select 1 from sightings where sightings.scan_id = scans.id) limit ${limit})`.execute(
        db,
      )
      return Math.max(Number(sightings.numAffectedRows ?? 0n), Number(scans.numAffectedRows ?? 0n))
    },

    async sightingsOfAgent(agentId: string): Promise<Selectable<SightingsTable>[]> {
      return await db
        .selectFrom('sightings')
        .select(['discovered_id', 'agent_id', 'location', 'format', 'scan_id', 'first_seen_at', 'last_seen_at'])
        .where('agent_id', '=', agentId)
        .orderBy('location')
        .execute()
    },
  }
}
