import { createHash } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'

/** In front of a statement whose values decide which plan is good: it is planned anew whenever it is asked. */
export const plannedAnew = '/* planned anew */'

/** A list whose length the planner does not see: a plan for the list at hand would always look cheaper than the one that is kept. */
export function unseenTexts(texts: readonly string[]): RawBuilder<string[]> {
  return sql<string[]>`array(select unnest(${[...texts]}::text[]))`
}

/** A value that the planner does not see, for the same reason: how many rows lie beyond it is not counted for each. */
export function unseenText(value: string): RawBuilder<string> {
  return sql<string>`(select ${value}::text)`
}

export function unseenTime(value: Date | string): RawBuilder<Date> {
  return sql<Date>`(select ${value}::timestamptz)`
}

/** In the text of a statement: only so does the plan that is kept for it know that an index over rows of these states will do. */
export function literals<Word extends string>(...words: readonly Word[]): RawBuilder<Word>[] {
  return words.map((word) => sql.lit(word))
}

/** Asked so often, a statement is worth its plan. */
const worthwhile = 3
/** A plan is memory of the database, on each connection. */
const mostNames = 400
/** Texts that are only counted yet; lists of any length make ever new ones. */
const mostCounted = 4000

/**
 * Names for statements that are asked again and again with other values, the same one for the same text: their plan is kept on each
 * connection, and only their values are sent. `undefined` for all others.
 */
export function createStatementNames(): (statement: string) => string | undefined {
  const names = new Map<string, string>()
  const counts = new Map<string, number>()
  return (statement) => {
    const known = names.get(statement)
    if (known !== undefined || names.size >= mostNames || statement.startsWith(plannedAnew)) return known
    const count = (counts.get(statement) ?? 0) + 1
    if (counts.size >= mostCounted) counts.clear()
    counts.set(statement, count)
    if (count < worthwhile) return undefined
    counts.delete(statement)
    const name = createHash('sha256').update(statement).digest('hex').slice(0, 32)
    names.set(statement, name)
    return name
  }
}
