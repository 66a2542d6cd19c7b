import type { ConnectorType } from '@certctl/api'
import type { ListAnswer } from '../../cli.js'
import type { Client } from '../../connect/client.js'
import type { Column } from '../../output/table.js'

/** What issuers, targets, notifiers and DNS providers have in common. */
export interface Connection {
  id: string
  name: string
  type: string
  config: Record<string, unknown>
  enabled: boolean
  test_status: string
  last_tested_at?: string | undefined
  source: string
  created_at: string
  updated_at: string
}

/** One of those nouns: its words and its calls. */
export interface ConnectionNoun<T extends Connection> {
  plural: string
  singular: string
  /** With its article: `an issuer`. */
  aSingular: string
  kind: ConnectorType['kind']
  /** A type and settings that make a good example. */
  example: { type: string; id: string; settings: string; change: string }
  columns: readonly Column<T>[]
  /** Fields beyond those all have. */
  fields(item: T): readonly (readonly [string, string | boolean | undefined])[]
  list(client: Client, query: { type?: string | undefined }): Promise<{ body: ListAnswer<T> }>
  get(client: Client, id: string): Promise<{ body: T }>
  create(client: Client, body: Record<string, unknown>): Promise<{ body: T }>
  update(client: Client, id: string, body: Record<string, unknown>): Promise<{ body: T }>
  remove(client: Client, id: string): Promise<unknown>
  test(client: Client, id: string): Promise<{ body: { status: string }; ok: boolean; text: string }>
  /** Whether creating one needs an agent. */
  hasAgent: boolean
}
