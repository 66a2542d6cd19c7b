import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'

const root = join(import.meta.dirname, '..', '..')
const { NODE_OPTIONS: _, ...env } = process.env

const hooks =
  'export async function load(url, context, next) { process._rawDebug(url); return await next(url, context) }'
const tells = `import { register } from 'node:module'; register('data:text/javascript,${encodeURIComponent(hooks)}')`

/** The packages that are loaded before it does anything. */
function loadedBy(program: string): Set<string> {
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      '--conditions=@certctl/source',
      ...['--import', './scripts/as-shipped.mjs'],
      ...['--import', `data:text/javascript,${encodeURIComponent(tells)}`],
      program,
      '--version',
    ],
    { cwd: root, env, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 },
  )
  expect(status).toBe(0)
  return new Set(
    [...stderr.matchAll(/node_modules\/((?:@[^/\s]+\/)?[^/.\s][^/\s]*)\/[^\n]*$/gm)].map(([, name = '']) => name),
  )
}

// A server loads every connector that is installed.
const programs = [
  'apps/server/src/main.ts',
  'apps/agent/src/main.ts',
  'apps/cli/src/main.ts',
  'packages/issuer-acme/src/index.ts',
]

describe.each(programs)('%s', (program) => {
  it('loads what only some need when they need it', () => {
    const loaded = loadedBy(program)
    // Else this would have looked at nothing.
    expect(loaded).toContain('zod')
    for (const large of ['execa', 'axios', 'acme-client', '@peculiar/x509']) expect(loaded).not.toContain(large)
  })
})
