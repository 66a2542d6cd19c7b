import { CertctlError } from '@certctl/core'
import type { NounRow, NounTable } from '../../store/noun-table.js'
import type { ReferringColumn } from '../../store/referrers.js'
import type { Tx } from '../../store/store.js'
import type { Tables } from '../../store/tables.js'

/** Fields as the wire gave them: absent stays (or takes its default when new), null takes its default. */
export type NounFields = Readonly<Record<string, unknown>>

/** What can be said of a noun without its rows. */
export interface NounTraits {
  /** In the record: `renewal_policy`. */
  readonly resource: string
  readonly words: { readonly one: string; readonly many: string }
  /** The CLI's word, for messages that say what to type. */
  readonly command: string
  /** Columns that hold JSON. */
  readonly json: readonly string[]
  /** What makes removing one wrong. */
  readonly referrers: readonly ReferringColumn[]
  /** Whether running parts must hear of changes. */
  readonly wakes: boolean
}

/** What a noun is to those who create, change, remove and list it: words, a table, and what else must be true. */
export interface PlainNoun<Row extends NounRow> extends NounTraits {
  table(tables: Tables): NounTable<Row>
  /** For one that comes without an id. */
  newId(name: string, now: Date): string
  /** What follows in the same transaction from its being added, changed (`before` says from what) or removed. */
  changed?(tx: Tx, id: string, before?: Row): Promise<void>
  /** Holds the fields that are given against the rest: what they refer to exists, what they say together makes sense. Throws a fault of a field. May complete them. */
  check(tx: Tx, change: NounChange<Row>): Promise<NounFields>
  /** What makes removing one wrong beside its referrers. Throws `conflict`. */
  requireRemovable?(tx: Tx, row: Row): Promise<void>
}

export interface NounChange<Row extends NounRow> {
  /** Absent for a new one. */
  before: Row | undefined
  given: NounFields
}

/** What the field will be: as given, else as it was. */
export function after<Row extends NounRow>({ before, given }: NounChange<Row>, field: keyof Row & string): unknown {
  return given[field] === undefined ? before?.[field] : given[field]
}

export function unknownNoun({ words, command }: NounTraits, id: string): CertctlError {
  return new CertctlError('not_found', `There is no ${words.one} "${id}"; list them with: certctl ${command} list`)
}

/** Fields as columns take them. */
export function columnsOf({ json }: NounTraits, fields: NounFields): Record<string, unknown> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    given.map(([name, value]) => [name, json.includes(name) && value !== null ? JSON.stringify(value) : value]),
  )
}
