import type { Insertable, Kysely, Selectable, Updateable } from 'kysely'
import type { RevocationsTable, Schema } from './schema.js'

const columns = [
  'id',
  'version_id',
  'issuer_id',
  'reason',
  'reason_text',
  'state',
  'reference',
  'attempts',
  'first_asked_at',
  'next_try_at',
  'last_error_code',
  'last_error',
  'requested_by',
  'created_at',
  'confirmed_at',
] as const

export type RevocationRow = Selectable<RevocationsTable>

export function revocationsTable(db: Kysely<Schema>) {
  return {
    /** Returns whether it was written: a version is revoked once. */
    async insert(row: Insertable<RevocationsTable>): Promise<boolean> {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('revocations')
        .values(row)
        .onConflict((conflict) => conflict.column('version_id').doNothing())
        .executeTakeFirst()
      return (numInsertedOrUpdatedRows ?? 0n) > 0n
    },

    async get(id: string): Promise<RevocationRow | undefined> {
      return await db.selectFrom('revocations').select(columns).where('id', '=', id).executeTakeFirst()
    },

    async findOfVersion(versionId: string): Promise<RevocationRow | undefined> {
      return await db.selectFrom('revocations').select(columns).where('version_id', '=', versionId).executeTakeFirst()
    },

    /** Newest first. */
    async listOfCertificate(certificateId: string): Promise<(RevocationRow & { serial_number: string })[]> {
      return await db
        .selectFrom('revocations')
        .innerJoin('versions', 'versions.id', 'revocations.version_id')
        .select([...columns.map((column) => `revocations.${column}` as const), 'versions.serial_number'])
        .where('versions.certificate_id', '=', certificateId)
        .orderBy('revocations.created_at', 'desc')
        .orderBy('revocations.id')
        .execute()
    },

    /**
     * Takes one that its issuer has not confirmed and that is due, counts the attempt and puts the next try off to `until`,
     * so that another copy leaves it alone meanwhile and the attempt is known even if its answer is lost. Those of the issuers in
     * `except` are passed over.
     */
    async takeDue({
      now,
      until,
      except = [],
    }: {
      now: Date
      until: Date
      except?: readonly string[]
    }): Promise<RevocationRow | undefined> {
      return await db
        .updateTable('revocations')
        .set(({ eb, fn, val }) => ({
          attempts: eb('attempts', '+', 1),
          first_asked_at: fn.coalesce('first_asked_at', val(now)),
          next_try_at: until,
        }))
        .where('id', '=', ({ selectFrom }) =>
          selectFrom('revocations')
            .select('id')
            .where('state', 'in', ['here', 'requested'])
            .where('next_try_at', '<=', now)
            .$if(except.length > 0, (due) => due.where('issuer_id', 'not in', except))
            .orderBy('next_try_at')
            .limit(1)
            .forUpdate()
            .skipLocked(),
        )
        .returning(columns)
        .executeTakeFirst()
    },

    /** What an issuer has not confirmed waits until after then, the first ten thousand of it; what another copy has in hand is left as it is. */
    async putOff(issuerId: string, until: Date): Promise<void> {
      const due = db
        .selectFrom('revocations')
        .select('id')
        .where('issuer_id', '=', issuerId)
        .where('state', 'in', ['here', 'requested'])
        .where('next_try_at', '<', until)
        .orderBy('next_try_at')
        .limit(10_000)
        .forUpdate()
        .skipLocked()
      const after = new Date(until.getTime() + 1)
      await db.updateTable('revocations').set({ next_try_at: after }).where('id', 'in', due).execute()
    },

    async update(id: string, changes: Updateable<RevocationsTable>): Promise<void> {
      await db.updateTable('revocations').set(changes).where('id', '=', id).execute()
    },
  }
}
