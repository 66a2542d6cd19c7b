import type { Settings } from './config.js'
import type { Client } from './connect/client.js'
import type { Io } from './io.js'
import type { Column } from './output/table.js'

/** What every verb works with. */
export interface Cli {
  readonly io: Io
  /** Whether output is for a program. */
  readonly json: boolean
  readonly version: string
  settings(): Settings
  /** Where login keeps its key; read without its content. */
  loginFile(): string
  client(): Client
  /** Data: JSON for programs, else the text, on stdout. */
  show(body: unknown, text: () => string): void
  /** A list: JSON as the server sent it, else a table on stdout; what else there is to say goes to stderr. */
  list<Row>(body: ListAnswer<Row>, options: { columns: readonly Column<Row>[]; none: string }): void
  /** A sentence for people, on stderr; silent for programs. */
  say(text: string): void
  /** A sentence nobody should miss, on stderr. */
  warn(text: string): void
}

export interface ListAnswer<Row> {
  data: readonly Row[]
  total?: number | undefined
  total_capped?: true | undefined
  next_cursor?: string | undefined
}
