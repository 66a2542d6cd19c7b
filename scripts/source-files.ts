import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

const places = ['packages', 'apps', 'scripts', 'bench', 'test']
const skipped = new Set(['node_modules', 'dist', 'fixtures', 'vectors', '.build', 'coverage'])

/** Every TypeScript file of ours below `root`, as a path from there, in order. What was generated or recorded is left out. */
export function sourceFiles(root: string): string[] {
  return places.flatMap((place) => filesBelow(join(root, place)).map((path) => relative(root, path))).sort()
}

function filesBelow(folder: string): string[] {
  return entriesOf(folder).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : filesBelow(path)
    return /\.tsx?$/.test(entry.name) && !/\.gen\.ts$|\.d\.ts$/.test(entry.name) ? [path] : []
  })
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
