import type { Breach } from './rules.js'
import type { SourceFacts } from './source-facts.js'

const kinds = /^(?:issuer|target|notifier|dns|discovery)-/

/** What each room may import of ours. Connectors are reached by manifest, so nobody may import one. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  core: [],
  pki: ['core'],
  kit: ['core', 'pki'],
  testing: ['core', 'pki'],
  challenges: ['core', 'pki'],
  api: [],
  web: ['api'],
  cli: ['api', 'core', 'kit', 'pki', 'testing'],
  agent: ['api', 'challenges', 'core', 'kit', 'pki'],
  server: ['api', 'challenges', 'core', 'pki', 'kit'],
  // Never published: it lives the server's own code, by relative path, on a virtual clock.
  simulator: ['api', 'core', 'pki'],
  connector: ['core', 'kit', 'pki'],
}

/** Imports against the arrows: packages of ours that a room does not stand on. */
export function arrowBreaches(file: SourceFacts): Breach[] {
  const room = /^(?:packages|apps)\/([^/]+)\/src\//.exec(file.path)?.[1]
  if (room === undefined) return []
  const allowed = arrows[kinds.test(room) ? 'connector' : room]
  if (allowed === undefined)
    return [{ path: file.path, line: 1, found: `is in a room that no arrow leads from: ${room}` }]
  return file.imports.flatMap(({ specifier, line }) => {
    const wanted = /^@certctl\/([^/]+)/.exec(specifier)?.[1]
    if (wanted === undefined || wanted === room || allowed.includes(wanted)) return []
    return [{ path: file.path, line, found: `imports ${specifier}` }]
  })
}
