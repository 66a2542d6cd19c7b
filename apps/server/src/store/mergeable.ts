/** How a statement may be asked for several at once, who each ask for their own. Whose row is whose is told by a column of the answer. */
export type Mergeable =
  /** The rows of each key of the list that is the one parameter; `column` of the answer has the key. `ofOne`: see `asSent`. */
  | { readonly kind: 'rows'; readonly column: string; readonly ofOne: string }
  /** One row for each key, and locks it: together only those that nobody holds. */
  | { readonly kind: 'lock'; readonly column: string; readonly ofOne: string }
  /**
   * A row is written whose columns are the parameters, and is told from others by those of its `key`. `ofMany` does the same for a list of
   * rows, see `asRows`. A statement that may pass a row over answers the keys of those that were written.
   */
  | {
      readonly kind: 'write'
      readonly columns: readonly string[]
      readonly key: readonly string[]
      readonly ofMany: string
    }
  /** No parameter: the answer is everybody's. */
  | { readonly kind: 'same' }

const known = new Map<string, Mergeable>()

/** Says so of a statement, by its text; all who ask it with this text mean the same. */
export function declareMergeable(statement: string, how: Mergeable): string {
  known.set(statement, how)
  return statement
}

export function mergeableOf(statement: string): Mergeable | undefined {
  return known.get(statement)
}

/**
 * The text under which a statement goes out. For one key, which is the usual case, that says so: its plan is kept. PostgreSQL takes a list of
 * unknown length to have ten keys; beside that the plan for the one at hand always looks cheaper, and every call would be planned anew.
 */
export function asSent(statement: string, parameters: readonly unknown[]): string {
  const how = known.get(statement)
  if (how === undefined || !('ofOne' in how)) return statement
  return (parameters[0] as readonly unknown[]).length === 1 ? how.ofOne : statement
}
