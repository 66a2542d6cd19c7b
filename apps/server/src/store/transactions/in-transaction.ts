import { CompiledQuery, type Kysely } from 'kysely'
import type { Schema } from '../schema.js'
import { type Pipelined, pipelinedOn } from './pipelined.js'

export type TransactionMode = 'isolation level read committed' | 'isolation level repeatable read read only'

/**
 * Commits when `work` resolves, rolls back when it rejects. Statements in it that are asked at once (`Promise.all`) cost one round trip
 * together; a statement that fails ends the transaction, and the first failure is what the caller hears.
 */
export async function inTransaction<T>(
  db: Kysely<Schema>,
  mode: TransactionMode,
  work: (pipelined: Pipelined) => Promise<T>,
): Promise<T> {
  return await db.getExecutor().provideConnection(async (connection) => {
    // Waited for: were it refused, what follows it on the same connection would be done outside of any transaction.
    await connection.executeQuery(CompiledQuery.raw(`start transaction ${mode}`))
    const pipelined = pipelinedOn(connection)
    try {
      const result = await work(pipelined)
      pipelined.end()
      await connection.executeQuery(CompiledQuery.raw('commit'))
      return result
    } catch (error) {
      pipelined.end()
      await connection.executeQuery(CompiledQuery.raw('rollback'))
      throw error
    }
  })
}
