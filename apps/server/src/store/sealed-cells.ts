import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.js'

/** Where sealed values are. The place a value was sealed for is the table, the column, and the key columns' values with a space between. */
export interface SealedColumn {
  table: string
  column: string
  key: readonly [string, ...string[]]
  /** Which rows have one, where there are many more that have none: as an index knows them. */
  among?: string | undefined
}

/** All of them, but for the check value that each encryption key has of itself. A test finds every other column of bytes. */
export const sealedColumns: readonly SealedColumn[] = [
  { table: 'server_secrets', column: 'value', key: ['name'] },
  { table: 'connections', column: 'secrets', key: ['id'] },
  { table: 'targets', column: 'secrets', key: ['id'] },
  { table: 'orders', column: 'progress', key: ['id'], among: "state = 'open'" },
  { table: 'idempotency_keys', column: 'answer', key: ['caller', 'key'] },
  { table: 'connector_state', column: 'value', key: ['instance', 'key'] },
]

export interface SealedCell {
  key: readonly string[]
  value: Buffer
}

/** Sealed values whatever table they are in: for replacing the key they are sealed with. */
export function sealedCellsTable(db: Kysely<Schema>) {
  /** As sealing writes it: one byte of format, then the key's id. */
  const otherThan = (column: string, keyId: string) =>
    sql`${sql.ref(column)} is not null and substring(${sql.ref(column)} from 2 for 8) <> ${Buffer.from(keyId, 'hex')}`

  const amongOf = ({ among = 'true' }: SealedColumn) => sql.raw(among)

  return {
    /** How many values of this column another key sealed. */
    async countOthers(where: SealedColumn, keyId: string): Promise<number> {
      const { table, column } = where
      const { rows } = await sql<{ count: string }>`
        select count(*) as count from ${sql.table(table)} where ${amongOf(where)} and ${otherThan(column, keyId)}`.execute(
        db,
      )
      return Number(rows[0]?.count ?? 0)
    },

    /** How many values of this column this key sealed. */
    async countOf(where: SealedColumn, keyId: string): Promise<number> {
      const { table, column } = where
      const { rows } = await sql<{ count: string }>`
        select count(*) as count from ${sql.table(table)}
        where ${amongOf(where)} and substring(${sql.ref(column)} from 2 for 8) = ${Buffer.from(keyId, 'hex')}`.execute(
        db,
      )
      return Number(rows[0]?.count ?? 0)
    },

    /** The next ones that another key sealed, in the order of the key columns. */
    async others(
      where: SealedColumn,
      { keyId, after, limit }: { keyId: string; after: readonly string[] | undefined; limit: number },
    ): Promise<SealedCell[]> {
      const { table, column, key } = where
      const columns = sql.join(key.map((name) => sql.ref(name)))
      const behind = after === undefined ? sql`true` : sql`(${columns}) > (${sql.join([...after])})`
      const { rows } = await sql<SealedCell>`
        select array[${columns}]::text[] as key, ${sql.ref(column)} as value from ${sql.table(table)}
        where ${amongOf(where)} and ${otherThan(column, keyId)} and ${behind} order by ${columns} limit ${limit}`.execute(
        db,
      )
      return rows
    },

    /** Nothing happens where somebody wrote another value meanwhile: that one is sealed with the newer key. */
    async replace({ table, column, key }: SealedColumn, cell: SealedCell, value: Buffer): Promise<void> {
      const same = key.map((name, index) => sql`${sql.ref(name)} = ${cell.key[index]}`)
      await sql`
        update ${sql.table(table)} set ${sql.ref(column)} = ${value}
        where ${sql.join(same, sql` and `)} and ${sql.ref(column)} = ${cell.value}`.execute(db)
    },
  }
}
