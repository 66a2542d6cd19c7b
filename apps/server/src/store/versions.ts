import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
import { part, partsKey, rowsByAsked, rowsByKey } from './by-key.js'
import { type Page, type PageRequest, readPage } from './page.js'
import { insertInto, updateById } from './row-writes.js'
import type { Schema, VersionTable } from './schema.js'

const columns = [
  'versions.id',
  'versions.certificate_id',
  'versions.holder_id',
  'versions.order_id',
  'versions.issuer_id',
  'versions.standing',
  'versions.generation',
  'versions.serial_number',
  'versions.fingerprint',
  'versions.spki_sha256',
  'versions.key_algorithm',
  'versions.key_size',
  'versions.issuer_name',
  'versions.not_before',
  'versions.not_after',
  'versions.received_at',
  'versions.vendor_ref',
  'versions.revoked_at',
  'versions.revocation_reason',
] as const

export type VersionRow = Selectable<VersionTable>
const byId = rowsByKey('versions.id', (build, isIt) => build.selectFrom('versions').select(columns).where(isIt))
const byFingerprint = rowsByKey('versions.fingerprint', (build, isIt) =>
  build.selectFrom('versions').select(columns).where(isIt),
)
const bySerial = rowsByAsked<VersionRow>(
  (keys) => sql`
    select asked.key, ${sql.join(columns.map((column) => sql.ref(column)))}
    from unnest(${keys}) as asked (key) join versions on versions.issuer_id = ${part(0)}
      and versions.serial_number = ${part(1)}`,
)
const currentWithDer = rowsByKey('holders.certificate_id', (build, isOfCertificate) =>
  build
    .selectFrom('versions')
    .innerJoin('holders', 'holders.current_version_id', 'versions.id')
    .innerJoin('version_ders', 'version_ders.version_id', 'versions.id')
    .select([...columns, 'version_ders.der', 'version_ders.chain_pem', 'version_ders.csr_pem'])
    .where(isOfCertificate)
    .where('holders.closed_at', 'is', null)
    .orderBy('holders.created_at')
    .orderBy('holders.id'),
)
const insert = insertInto('versions')
const update = updateById('versions')

export type VersionWithDer = VersionRow & { der: Buffer; chain_pem: string; csr_pem: string }

export function versionsTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<VersionTable>): Promise<void> {
      await insert(db, row)
    },

    async get(id: string): Promise<VersionRow | undefined> {
      return (await byId(db, id))[0]
    },

    async getMany(ids: readonly string[]): Promise<VersionRow[]> {
      return ids.length === 0 ? [] : await byId(db, ...ids)
    },

    async findByFingerprint(fingerprint: string): Promise<VersionRow | undefined> {
      return (await byFingerprint(db, fingerprint))[0]
    },

    async findBySerial(issuerId: string, serialNumber: string): Promise<VersionRow | undefined> {
      return (await bySerial(db, partsKey(issuerId, serialNumber)))[0]
    },

    async getWithDer(id: string): Promise<VersionWithDer | undefined> {
      return await db
        .selectFrom('versions')
        .innerJoin('version_ders', 'version_ders.version_id', 'versions.id')
        .select([...columns, 'version_ders.der', 'version_ders.chain_pem', 'version_ders.csr_pem'])
        .where('versions.id', '=', id)
        .executeTakeFirst()
    },

    /** The current versions of all open holders of a certificate, oldest holder first. */
    async listCurrentWithDer(certificateId: string): Promise<VersionWithDer[]> {
      return await currentWithDer(db, certificateId)
    },

    /** The versions that open holders of this certificate serve now. */
    async listCurrent(certificateId: string): Promise<VersionRow[]> {
      return await db
        .selectFrom('versions')
        .innerJoin('holders', 'holders.current_version_id', 'versions.id')
        .select(columns)
        .where('holders.certificate_id', '=', certificateId)
        .where('holders.closed_at', 'is', null)
        .orderBy('holders.created_at')
        .orderBy('holders.id')
        .execute()
    },

    /** Current ones that are in the last tenth of their life, or past it, of certificates that somebody still wants. `after` is an id. */
    async listEnding(now: Date, { after, limit }: { after: string; limit: number }): Promise<VersionRow[]> {
      return await db
        .selectFrom('versions')
        .innerJoin('holders', 'holders.current_version_id', 'versions.id')
        .innerJoin('certificates', 'certificates.id', 'versions.certificate_id')
        .select(columns)
        .where('versions.id', '>', after)
        .where('versions.standing', '=', 'current')
        .where('versions.revoked_at', 'is', null)
        .where('holders.closed_at', 'is', null)
        .where('certificates.archived_at', 'is', null)
        .where(sql<boolean>`versions.not_after - (versions.not_after - versions.received_at) / 10 < ${now}`)
        .where(({ or, eb, exists, selectFrom }) =>
          or([
            eb('holders.kind', '=', 'outside'),
            exists(
              selectFrom('placements')
                .innerJoin('targets', 'targets.id', 'placements.target_id')
                .select('placements.id')
                .whereRef('placements.certificate_id', '=', 'versions.certificate_id')
                .whereRef('targets.agent_id', '=', 'holders.agent_id')
                .where('placements.removed_at', 'is', null),
            ),
          ]),
        )
        .orderBy('versions.id')
        .limit(limit)
        .execute()
    },

    /** Of these keys, whoever holds them. */
    async listOfKeys(keys: readonly string[]): Promise<VersionRow[]> {
      if (keys.length === 0) return []
      return await db
        .selectFrom('versions')
        .select(columns)
        .where('spki_sha256', 'in', [...keys])
        .orderBy('received_at')
        .orderBy('id')
        .execute()
    },

    /** What could still be used of a certificate: in use now or before, neither ended nor revoked. */
    async listRevocable(certificateId: string, now: Date): Promise<VersionRow[]> {
      return await db
        .selectFrom('versions')
        .select(columns)
        .where('certificate_id', '=', certificateId)
        .where('standing', 'in', ['current', 'previous'])
        .where('revoked_at', 'is', null)
        .where('not_after', '>', now)
        .orderBy('received_at')
        .orderBy('id')
        .execute()
    },

    async update(id: string, changes: Updateable<VersionTable>): Promise<void> {
      await update(db, id, changes)
    },

    /** Newest first. */
    async page(certificateId: string, request: PageRequest): Promise<Page<VersionWithDer>> {
      const query = db
        .selectFrom('versions')
        .innerJoin('version_ders', 'version_ders.version_id', 'versions.id')
        .select([...columns, 'version_ders.der', 'version_ders.chain_pem', 'version_ders.csr_pem'])
        .where('versions.certificate_id', '=', certificateId)
      return await readPage(
        query,
        {
          columns: ['versions.received_at', 'versions.id'],
          descending: true,
          startOf: (row) => ({ value: row.received_at.toISOString(), id: row.id }),
        },
        request,
      )
    },

    /**
     * Keys an agent must keep, by certificate: of its current versions, of what its targets should have or have, and of what is being ordered.
     * Each certificate it holds is there once more without a key.
     */
    async listLiveKeys(agentId: string): Promise<{ certificate_id: string; spki_sha256: string | null }[]> {
      const { rows } = await sql<{ certificate_id: string; spki_sha256: string | null }>`
        select versions.certificate_id, versions.spki_sha256
        from versions join holders on holders.id = versions.holder_id
        where holders.agent_id = ${agentId} and holders.closed_at is null
          and (holders.current_version_id = versions.id or exists (
            select 1 from placements join targets on targets.id = placements.target_id
            where placements.certificate_id = versions.certificate_id and placements.removed_at is null
              and targets.agent_id = ${agentId}
              and (placements.desired_version_id = versions.id or placements.deployed_fingerprint = versions.fingerprint
                or placements.served_fingerprint = versions.fingerprint)))
        union
        select orders.certificate_id, orders.spki_sha256
        from orders join holders on holders.id = orders.holder_id
        where holders.agent_id = ${agentId} and holders.closed_at is null and orders.state = 'open'
        union all
        select certificate_id, null from holders where agent_id = ${agentId} and closed_at is null
        order by 1, 2`.execute(db)
      return rows
    },
  }
}
