import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Haystack } from './canary.js'
import type { TestPostgres } from './postgres.js'

/** Every file below a folder, whatever it is called; links are not followed. Nobody may be writing there: what goes meanwhile is an error. */
export function filesAsHaystacks(folder: string): Haystack[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .map((path) => ({ place: `file ${path}`, bytes: readFileSync(path) }))
}

/** Every row of every table, with all of its columns: bytea as hex, JSON as text. */
export async function tablesAsHaystacks(postgres: TestPostgres): Promise<Haystack[]> {
  const tables = await postgres.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
  )
  const haystacks: Haystack[] = []
  for (const { name } of tables) {
    const rows = await postgres.query<{ line: string }>(`select t::text as line from ${name} t`)
    haystacks.push({ place: `table ${name}`, bytes: Buffer.from(rows.map(({ line }) => line).join('\n')) })
  }
  return haystacks
}

/** Command lines and environments of all processes that may be read; those of ours by the name they are given here. */
export function processesAsHaystacks(ours: ReadonlyMap<number, string>): Haystack[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) =>
    ['cmdline', 'environ'].flatMap((kind) => {
      const path = `/proc/${pid}/${kind}`
      try {
        return existsSync(path)
          ? [{ place: `${kind} of ${ours.get(Number(pid)) ?? pid}`, bytes: readFileSync(path) }]
          : []
      } catch {
        return [] // It has ended meanwhile.
      }
    }),
  )
}
