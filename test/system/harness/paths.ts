import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..', '..')

/** What ships, as it ships: system tests start the bundles that `pnpm build` made. */
export function bundleOf(app: 'server' | 'agent' | 'cli'): string {
  const path = join(root, 'apps', app, 'dist', 'main.js')
  if (!existsSync(path)) throw new Error(`${path} is missing; build first: pnpm build`)
  return path
}
