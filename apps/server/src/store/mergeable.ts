/** How a statement may be asked for several at once, who each ask for their own. Whose row is whose is told by a column of the answer. */
export type Mergeable =
  /** The rows of each key of the list that is the one parameter; `column` of the answer has the key. */
  | { readonly kind: 'rows'; readonly column: string }
  /** One row for each key, and locks it: together only those that nobody holds. */
  | { readonly kind: 'lock'; readonly column: string }
  /**
   * A row is written whose columns are the parameters; whether it was is answered where a column is named. `ofMany` does the same for a list
   * of rows, see `asRows`.
   */
  | {
      readonly kind: 'write'
      readonly columns: readonly string[]
      readonly ofMany: string
      readonly column?: string | undefined
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
