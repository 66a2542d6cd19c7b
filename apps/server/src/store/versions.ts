import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
import { part, partsKey, rowsByAsked, rowsByKey } from './by-key.js'
import { unseenText, unseenTime } from './kept-plans.js'
import { isLeftAlone } from './left-alone.js'
import { type Page, type PageRequest, readPage, readPlace } from './page.js'
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

/** A version that is to be told of, and where it stands among them. */
export type EndingVersion = Pick<VersionRow, 'id' | 'certificate_id' | 'holder_id' | 'issuer_id' | 'not_after'> & {
  place: string
}

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

    /**
     * Current ones that are in the last tenth of their life, or past it, and are stopped or not renewed by themselves, of certificates that
     * somebody still wants; those that entered it first come first. `after` is the `place` of an earlier one.
     */
    async listEnding(now: Date, { after, limit }: { after: string; limit: number }): Promise<EndingVersion[]> {
      const { time, id } = readPlace(after)
      // As the index has it, in which nothing depends on a time zone. One row is looked up for each that it finds: PostgreSQL takes them to
      // be a ninth of all, and would read all holders first.
      const lastTenth = sql`((versions.not_after at time zone 'utc') - (versions.not_after - versions.received_at) / 10)`
      const { rows } = await sql<EndingVersion>`
        select versions.id, versions.certificate_id, versions.holder_id, versions.issuer_id, versions.not_after,
          replace(${lastTenth}::text, ' ', 'T') || ' ' || versions.id as place
        from versions
          cross join lateral (select kind, agent_id, renew_at, blocked_code from holders where holders.id = versions.holder_id
            and holders.current_version_id = versions.id and holders.closed_at is null limit 1) as holders
          join certificates on certificates.id = versions.certificate_id
        where versions.standing = 'current' and versions.revoked_at is null
          and ${lastTenth} < (${unseenTime(now)} at time zone 'utc')
          and (${lastTenth}, versions.id) > ((select ${time}::timestamp), ${unseenText(id)})
          and certificates.archived_at is null and (holders.blocked_code is not null or ${isLeftAlone(now)})
          and (holders.kind = 'outside' or coalesce((
            select true from placements join targets on targets.id = placements.target_id
            where placements.certificate_id = versions.certificate_id and placements.removed_at is null
              and targets.agent_id = holders.agent_id limit 1), false))
        order by ${lastTenth}, versions.id limit ${sql.lit(limit)}`.execute(db)
      return rows
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
     * Each certificate it holds is there once more without a key. Asked at every poll: it reads nothing of the versions that were replaced.
     */
    async listLiveKeys(agentId: string): Promise<{ certificate_id: string; spki_sha256: string | null }[]> {
      const { rows } = await sql<{ certificate_id: string; spki_sha256: string | null }>`
        with own as materialized (
          select id, certificate_id, current_version_id from holders where agent_id = ${agentId} and closed_at is null
        ), placed as materialized (
          select desired_version_id, deployed_fingerprint, served_fingerprint
          from targets join placements on placements.target_id = targets.id
          where targets.agent_id = ${agentId} and placements.removed_at is null
        )
        select versions.certificate_id, versions.spki_sha256
        from own join versions on versions.id = own.current_version_id
        union
        select versions.certificate_id, versions.spki_sha256
        from placed join versions on versions.id = placed.desired_version_id join own on own.id = versions.holder_id
        union
        select versions.certificate_id, versions.spki_sha256
        from placed cross join lateral (values (deployed_fingerprint), (served_fingerprint)) as seen (fingerprint)
          join versions on versions.fingerprint = seen.fingerprint
          join own on own.id = versions.holder_id
        union
        select orders.certificate_id, orders.spki_sha256
        from own join orders on orders.holder_id = own.id
        where orders.state = 'open'
        union all
        select certificate_id, null from own
        order by 1, 2`.execute(db)
      return rows
    },
  }
}
