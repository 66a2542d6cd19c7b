import { CertctlError } from '@certctl/core'
import {
  type CompiledQuery,
  type DatabaseConnection,
  DefaultQueryExecutor,
  type Driver,
  Kysely,
  type QueryResult,
} from 'kysely'
import { adapter, compiler, dialect } from '../compiling.js'
import type { Schema } from '../schema.js'
import { createMergingLanes, type Faults } from './merging-lanes.js'

export interface Pipelined {
  /** Statements asked without waiting for one another go out together, and are done in the order they were asked: so are locks taken. */
  readonly db: Kysely<Schema>
  /** For several that share the connection: what they ask alike in the same moment is one statement. Told whose failed, or that one of several did. */
  lanes(onShared: (error: unknown) => void): (faults: Faults) => Kysely<Schema>
  /** From then on nothing is sent any more: what still goes on after the transaction has ended must not write outside of it. */
  end(): void
}

type Execute = DatabaseConnection['executeQuery']

/** The query builder on one connection, for the time of one transaction. */
export function pipelinedOn(connection: DatabaseConnection): Pipelined {
  let isOver = false
  const execute: Execute = async (query) => {
    if (!isOver) return await connection.executeQuery(query)
    throw new CertctlError('internal', `A statement came after its transaction had ended: ${query.sql.slice(0, 120)}`)
  }
  return {
    db: builderOn(execute),
    lanes(onShared) {
      const laneOf = createMergingLanes(execute, { onShared })
      return (faults) => builderOn(laneOf(faults) as Execute)
    },
    end() {
      isOver = true
    },
  }
}

/** The query builder in front of whatever executes. A transaction that it begins is the one it is in already, unless `beginTransaction` says otherwise. */
export function builderOn(
  executeQuery: Execute,
  beginTransaction: () => Promise<void> = async () => {},
): Kysely<Schema> {
  const connection: DatabaseConnection = {
    executeQuery,
    // biome-ignore lint/correctness/useYield: nothing streams inside a transaction of ours
    async *streamQuery() {
      throw new TypeError('Nothing is streamed here')
    },
  }
  const driver: Driver = {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction,
    commitTransaction: async () => {},
    rollbackTransaction: async () => {},
    releaseConnection: async () => {},
    destroy: async () => {},
  }
  return new Kysely<Schema>({ config: { dialect }, dialect, driver, executor: new DirectExecutor(connection) })
}

/** Hands a statement on as it is; the builder's own executor borrows a connection for each, with a dozen promises. */
class DirectExecutor extends DefaultQueryExecutor {
  readonly #connection: DatabaseConnection

  constructor(connection: DatabaseConnection) {
    super(compiler, adapter, { provideConnection: async (consumer) => await consumer(connection) })
    this.#connection = connection
  }

  override executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#connection.executeQuery<R>(query)
  }
}
