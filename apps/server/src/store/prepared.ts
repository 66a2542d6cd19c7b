import { createHash } from 'node:crypto'

/** In front of a statement that is asked again and again with other values: its plan is kept on each connection. */
export const prepared = '/* prepared */'

/** A plan is memory of the database, on each connection. */
const mostNames = 200

/** Names for statements that ask for it, the same one for the same text; `undefined` for all others. */
export function createStatementNames(): (statement: string) => string | undefined {
  const names = new Map<string, string>()
  return (statement) => {
    if (!statement.startsWith(prepared)) return undefined
    const known = names.get(statement)
    if (known !== undefined || names.size >= mostNames) return known
    const name = createHash('sha256').update(statement).digest('hex').slice(0, 32)
    names.set(statement, name)
    return name
  }
}
