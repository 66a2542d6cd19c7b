import type { GeneralName } from '@certctl/core'
import type { Insertable, Kysely, Selectable, Updateable } from 'kysely'
import { lockByKey, rowsByKey } from './by-key.js'
import type { CertificateTable, Schema } from './schema.js'

const columns = [
  'id',
  'name',
  'common_name',
  'names',
  'subject',
  'key_algorithm',
  'extended_key_usages',
  'must_staple',
  'validity_seconds',
  'issuer_id',
  'environment',
  'owner_id',
  'team_id',
  'renewal_policy_id',
  'certificate_profile_id',
  'tags',
  'source',
  'generation',
  'created_at',
  'updated_at',
  'archived_at',
  'requested_by_people',
] as const

export type CertificateRow = Selectable<CertificateTable>

const byId = rowsByKey('id', (build, isIt) => build.selectFrom('certificates').select(columns).where(isIt))
const locked = lockByKey('id', (build, isIt) =>
  build.selectFrom('certificates').select(columns).where(isIt).forNoKeyUpdate(),
)

export function certificatesTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<CertificateTable>): Promise<void> {
      await db.insertInto('certificates').values(row).execute()
    },

    /** Archived ones too. */
    async get(id: string): Promise<CertificateRow | undefined> {
      return (await byId(db, id))[0]
    },

    /** Locks the row until the transaction ends: the first lock of everything that changes what a certificate is. */
    async lock(id: string): Promise<CertificateRow | undefined> {
      return (await locked(db, id))[0]
    },

    /** Names of some certificates of this issuer, for those who ask about it. */
    async listNamesOfIssuer(issuerId: string, limit: number): Promise<GeneralName[]> {
      const rows = await db
        .selectFrom('certificates')
        .select('names')
        .where('issuer_id', '=', issuerId)
        .where('archived_at', 'is', null)
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.flatMap(({ names }) => names).slice(0, limit)
    },

    /** Not archived, that name this renewal policy, or, where that is asked for, none. In order of id. */
    async listOfPolicy(
      { policyId, orNone }: { policyId: string; orNone: boolean },
      { after, limit }: { after: string; limit: number },
    ): Promise<string[]> {
      const rows = await db
        .selectFrom('certificates')
        .select('id')
        .where('archived_at', 'is', null)
        .where(({ or, eb }) =>
          or([eb('renewal_policy_id', '=', policyId), ...(orNone ? [eb('renewal_policy_id', 'is', null)] : [])]),
        )
        .where('id', '>', after)
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map((row) => row.id)
    },

    /** Not archived, under this name without regard to case. */
    async findLiveByName(name: string): Promise<CertificateRow | undefined> {
      return await db
        .selectFrom('certificates')
        .select(columns)
        .where((where) => where(where.fn('lower', ['name']), '=', name.toLowerCase()))
        .where('archived_at', 'is', null)
        .executeTakeFirst()
    },

    async update(id: string, changes: Updateable<CertificateTable>): Promise<void> {
      await db.updateTable('certificates').set(changes).where('id', '=', id).execute()
    },
  }
}
