/** One statement as the query builder made it. */
export interface Statement {
  sql: string
  parameters: readonly unknown[]
}

/** Many statements of one text, as one; the answers are told apart by `owner`. */
export interface BatchedStatement extends Statement {
  /** Which of the many this row of the answer belongs to. */
  owner(row: Readonly<Record<string, unknown>>): number
  /** Whether every one of the many has an answer without a row. */
  writes: boolean
}

/** A column that no table has. */
const mark = '~'

/**
 * Writes many statements of one text as one over the rows of their parameters, each parameter an array of the type the database infers
 * for it. `undefined` where that is not known to mean the same: the caller then sends them one by one.
 */
export function batchedStatement(many: readonly Statement[], types: readonly string[]): BatchedStatement | undefined {
  const [first] = many
  if (first === undefined || types.length === 0 || types.some((type) => type.endsWith('[]'))) return undefined
  if (many.some(({ parameters }) => parameters.length !== types.length)) return undefined
  const batch = { many, types, text: first.sql.trim() }
  if (/^select\b/i.test(batch.text)) return selectOf(batch)
  if (/^update "\w+" set /.test(batch.text)) return updateOf(batch)
  return /^insert into "\w+" \(/.test(batch.text) ? insertOf(batch) : undefined
}

interface Batch {
  many: readonly Statement[]
  types: readonly string[]
  text: string
}

function selectOf({ many, types, text }: Batch): BatchedStatement {
  return {
    sql: `select k.n as "${mark}", q.* from ${rowsOf(types)} cross join lateral (${named(text)}) q order by k.n`,
    parameters: columnsOf(many, types),
    owner: (row) => Number(row[mark]) - 1,
    writes: false,
  }
}

/** Only of rows that each statement names by id, every one another: of two changes to one row, one statement makes one. */
function updateOf({ many, types, text }: Batch): BatchedStatement | undefined {
  const [, head, condition, returning = ''] = /^(update "\w+" set .*?)( where .*?)( returning .*)?$/s.exec(text) ?? []
  const id = /where "id" = \$(\d+)/.exec(condition ?? '')?.[1]
  if (head === undefined || condition === undefined || id === undefined || / from /.test(head)) return undefined
  const ids = many.map(({ parameters }) => parameters[Number(id) - 1])
  if (new Set(ids).size !== ids.length) return undefined
  const answer = returning === '' ? ` returning k.n as "${mark}"` : `${returning}, k.n as "${mark}"`
  return {
    sql: `${named(head)} from ${rowsOf(types)}${named(condition)}${answer}`,
    parameters: columnsOf(many, types),
    owner: (row) => Number(row[mark]) - 1,
    writes: true,
  }
}

/** What was inserted is told apart by its id; where there is none to tell, only statements that cannot pass a row over. */
function insertOf({ many, types, text }: Batch): BatchedStatement | undefined {
  const parts = /^(insert into "\w+" \(([^)]*)\)) values \(([^)]*)\)( on conflict .*?)?( returning .*)?$/s.exec(text)
  const [, head, list = '', values = '', conflict = '', returning = ''] = parts ?? []
  if (head === undefined || /\$\d/.test(conflict + returning)) return undefined
  const at = list.split(', ').indexOf('"id"')
  const id = at === -1 ? undefined : /^\$(\d+)$/.exec(values.split(', ')[at] ?? '')?.[1]
  if (id === undefined && (conflict !== '' || returning !== '')) return undefined
  const ids = new Map(many.map(({ parameters }, index) => [parameters[Number(id ?? 1) - 1], index]))
  if (id !== undefined && ids.size !== many.length) return undefined
  const answer =
    id === undefined ? '' : returning === '' ? ` returning "id" as "${mark}"` : `${returning}, "id" as "${mark}"`
  return {
    sql: `${head} select ${named(values)} from ${rowsOf(types)} order by k.n${conflict}${answer}`,
    parameters: columnsOf(many, types),
    owner: (row) => ids.get(row[mark]) ?? -1,
    writes: true,
  }
}

/** The answer without what told it apart. */
export function withoutMark(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { [mark]: _, ...rest } = row
  return rest
}

function rowsOf(types: readonly string[]): string {
  const arrays = types.map((type, index) => `$${index + 1}::${type}[]`).join(', ')
  return `unnest(${arrays}) with ordinality as k(${types.map((_, index) => `p${index + 1}`).join(', ')}, n)`
}

function named(text: string): string {
  return text.replace(/\$(\d+)/g, 'k.p$1')
}

function columnsOf(many: readonly Statement[], types: readonly string[]): unknown[] {
  return types.map((_, index) => many.map(({ parameters }) => parameters[index] ?? null))
}
