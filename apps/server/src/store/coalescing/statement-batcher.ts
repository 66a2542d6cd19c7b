import { CompiledQuery, type Kysely, type QueryResult } from 'kysely'
import type { Schema } from '../schema.js'
import { type BatchedStatement, batchedStatement, type Statement, withoutMark } from './batched-statement.js'
import type { ParameterTypes } from './parameter-types.js'

type Answer = QueryResult<Record<string, unknown>>

interface Asked extends Statement {
  query: CompiledQuery
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/** Statements of several pieces of work that go on side by side in one transaction. */
export interface StatementBatcher {
  ask(query: CompiledQuery): Promise<Answer>
  /** What a statement failed with: the transaction is lost. */
  fault(): unknown
}

/**
 * Sends what is asked at the same time as one statement where the texts are the same. Of several texts the one most often asked goes first:
 * whoever is ahead waits, and the others catch up.
 */
export function createStatementBatcher(connection: Kysely<Schema>, types: ParameterTypes): StatementBatcher {
  const waiting = new Map<string, Asked[]>()
  let isRunning = false
  let fault: unknown

  const run = async (): Promise<void> => {
    for (;;) {
      // By then everybody who goes on after the last answer has asked the next question.
      await new Promise((resolve) => setImmediate(resolve))
      const next = largest(waiting)
      if (next === undefined) break
      waiting.delete(next[0]?.sql ?? '')
      await send(connection, types, next)
    }
    isRunning = false
  }
  const lose = (error: unknown): void => {
    fault ??= error
    const lost = [...waiting.values()].flat()
    waiting.clear()
    for (const asked of lost) asked.reject(fault)
  }

  return {
    async ask(query) {
      if (fault !== undefined) throw fault
      return await new Promise<Answer>((resolve, reject) => {
        const { sql, parameters } = query
        const fail = (error: unknown): void => {
          lose(error)
          reject(error)
        }
        waiting.set(sql, [...(waiting.get(sql) ?? []), { sql, parameters, query, resolve, reject: fail }])
        if (isRunning) return
        isRunning = true
        void run()
      })
    },
    fault: () => fault,
  }
}

function largest(waiting: ReadonlyMap<string, Asked[]>): Asked[] | undefined {
  return [...waiting.values()].toSorted((one, other) => other.length - one.length)[0]
}

/** Never rejects: who asked hears of it. */
async function send(connection: Kysely<Schema>, types: ParameterTypes, many: readonly Asked[]): Promise<void> {
  const [first] = many
  if (first === undefined) return
  try {
    const batch = many.length === 1 ? undefined : batchedStatement(many, await types(connection, first.sql))
    if (batch === undefined) await sendEach(connection, many)
    else
      hand(
        many,
        batch,
        await connection.executeQuery<Record<string, unknown>>(CompiledQuery.raw(batch.sql, [...batch.parameters])),
      )
  } catch (error) {
    for (const { reject } of many) reject(error)
  }
}

async function sendEach(connection: Kysely<Schema>, many: readonly Asked[]): Promise<void> {
  for (const { query, resolve } of many) resolve(await connection.executeQuery<Record<string, unknown>>(query))
}

function hand(many: readonly Asked[], batch: BatchedStatement, { rows }: Answer): void {
  const parts = many.map((): Record<string, unknown>[] => [])
  for (const row of rows) parts[batch.owner(row)]?.push(withoutMark(row))
  for (const [index, { resolve, sql }] of many.entries()) {
    const own = parts[index] ?? []
    const isTold = / returning /.test(sql)
    // An insert that nobody could tell apart has put in every row.
    const count = batch.writes && rows.length === 0 && !/ on conflict | where /.test(sql) ? 1 : own.length
    resolve(batch.writes ? { rows: isTold ? own : [], numAffectedRows: BigInt(count) } : { rows: own })
  }
}
