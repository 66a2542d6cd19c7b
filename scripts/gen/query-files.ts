import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

interface SampleQueries {
  sampleQueries(): Promise<Readonly<Record<string, readonly { name: string; sql: string }[]>>>
}

/** The SQL of the store's queries, one file for each table, where the store offers samples of them. */
export async function queryFiles(root: string): Promise<{ path: string; text: string }[]> {
  const store = join('apps', 'server', 'src', 'store')
  const samples = join(root, store, 'sample-queries.ts')
  if (!existsSync(samples)) return []
  const { sampleQueries }: SampleQueries = await import(pathToFileURL(samples).href)
  return Object.entries(await sampleQueries()).map(([table, queries]) => ({
    path: join(store, 'queries', `${table}.sql`),
    text: queries.map(({ name, sql }) => `-- ${name}\n${sql.trim()};\n`).join('\n'),
  }))
}
