import { type Insertable, type Kysely, type Selectable, sql } from 'kysely'
import type { ChallengesTable, Schema } from './schema.js'

const columns = [
  'id',
  'instance',
  'served_by',
  'kind',
  'name',
  'port',
  'token',
  'key_authorization',
  'generation',
  'withdrawn_at',
  'expires_at',
  'created_at',
] as const

export type ChallengeRow = Selectable<ChallengesTable>

/** The index that keeps two answers from one handshake: a server name can be answered in one way only. */
export const oneHandshake = 'challenges_handshake'

export function challengesTable(db: Kysely<Schema>) {
  return {
    /** Writes an answer, or lets the one that is there live longer; one that was withdrawn is given again, as a new generation. Violates `oneHandshake` where another answer holds the name. */
    async put(row: Insertable<ChallengesTable>): Promise<ChallengeRow> {
      return await db
        .insertInto('challenges')
        .values(row)
        .onConflict((conflict) =>
          conflict.column('id').doUpdateSet({
            expires_at: row.expires_at,
            withdrawn_at: null,
            generation: sql<number>`challenges.generation + (challenges.withdrawn_at is not null)::integer`,
          }),
        )
        .returning(columns)
        .executeTakeFirstOrThrow()
    },

    /** Frees a name that an answer nobody withdrew still holds. */
    async removeEnded(
      { served_by, port, name }: Pick<ChallengeRow, 'served_by' | 'port' | 'name'>,
      now: Date,
    ): Promise<void> {
      await db
        .deleteFrom('challenges')
        .where('served_by', '=', served_by)
        .where('port', '=', port)
        .where('name', '=', name)
        .where('expires_at', '<=', now)
        .execute()
    },

    async get(id: string): Promise<ChallengeRow | undefined> {
      return await db.selectFrom('challenges').select(columns).where('id', '=', id).executeTakeFirst()
    },

    /** What each copy of the server answers now. */
    async listServed(now: Date): Promise<ChallengeRow[]> {
      return await db
        .selectFrom('challenges')
        .select(columns)
        .where('served_by', '=', 'server')
        .where('expires_at', '>', now)
        .orderBy('created_at')
        .orderBy('id')
        .execute()
    },

    /** `undefined` where it is withdrawn already, or was never there. */
    async withdraw(id: string, at: Date): Promise<ChallengeRow | undefined> {
      return await db
        .updateTable('challenges')
        .set({ withdrawn_at: at, generation: sql<number>`generation + 1` })
        .where('id', '=', id)
        .where('withdrawn_at', 'is', null)
        .returning(columns)
        .executeTakeFirst()
    },

    async remove(id: string): Promise<void> {
      await db.deleteFrom('challenges').where('id', '=', id).execute()
    },

    async removeExpired(now: Date): Promise<void> {
      await db.deleteFrom('challenges').where('expires_at', '<=', now).execute()
    },
  }
}
