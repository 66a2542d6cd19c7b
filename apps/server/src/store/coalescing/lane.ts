import {
  type DatabaseConnection,
  type Dialect,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import type { Schema } from '../schema.js'
import type { StatementBatcher } from './statement-batcher.js'

/** The query builder of one piece of work whose statements go out together with those of others. */
export function laneOn(batcher: StatementBatcher): Kysely<Schema> {
  const connection: DatabaseConnection = {
    executeQuery: async <R>(query: Parameters<StatementBatcher['ask']>[0]) =>
      (await batcher.ask(query)) as unknown as QueryResult<R>,
    // biome-ignore lint/correctness/useYield: nothing streams inside a transaction of ours
    async *streamQuery() {
      throw new TypeError('Nothing is streamed here')
    },
  }
  const dialect: Dialect = {
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createDriver: () => ({
      init: async () => {},
      acquireConnection: async () => connection,
      beginTransaction: async () => {},
      commitTransaction: async () => {},
      rollbackTransaction: async () => {},
      releaseConnection: async () => {},
      destroy: async () => {},
    }),
  }
  return new Kysely<Schema>({ dialect })
}
