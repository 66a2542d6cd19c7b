import type { ListAnswer } from '../../cli.js'
import type { Client } from '../../connect/client.js'
import type { Column } from '../../output/table.js'
import type { FieldOption } from './field-option.js'

/** What every plain noun has. */
export interface Plain {
  id: string
  name: string
  created_at: string
  updated_at: string
}

/** One of them: its words, its options and its calls. */
export interface PlainNoun<T extends Plain> {
  plural: string
  singular: string
  /** With its article: `an owner`. */
  aSingular: string
  /** Options that make good examples. */
  example: { id: string; create: string; change: string }
  columns: readonly Column<T>[]
  options: readonly FieldOption[]
  /** Fields whose value reads better in other words. */
  words?(item: T): Readonly<Record<string, string>>
  /** Options that only a new one takes. */
  newOptions?: readonly FieldOption[] | undefined
  list(client: Client, query: object): Promise<{ body: ListAnswer<T> }>
  get(client: Client, id: string): Promise<{ body: T }>
  create(client: Client, body: Record<string, unknown>): Promise<{ body: T }>
  update(client: Client, id: string, body: Record<string, unknown>): Promise<{ body: T }>
  remove(client: Client, id: string): Promise<unknown>
}
