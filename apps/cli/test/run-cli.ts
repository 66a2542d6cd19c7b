import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from '@jest/globals'
import { type FakeServer, startFakeServer } from './fake-server/serve.js'
import { keys } from './fake-server/world.js'
import { type Run, type RunOptions, runInTerminal, wordsOf } from './terminal.js'

export interface Scene {
  server: FakeServer
  home: string
  clock: { now: number }
  environment: Record<string, string>
  run(line: string, options?: Partial<RunOptions>): Promise<Run>
}

/** A server, a home and a clock of its own for each test; `run` speaks as an administrator unless told otherwise. */
export function useScene(): () => Scene {
  let scene: Scene | undefined
  const current = () => {
    if (scene === undefined) throw new Error('there is a scene only inside a test')
    return scene
  }
  beforeEach(async () => {
    const clock = { now: Date.UTC(2026, 0, 31, 12) }
    const home = mkdtempSync(join(tmpdir(), 'certctl-cli-'))
    const server = await startFakeServer(() => clock.now)
    const bundle = join(home, 'ca.pem')
    writeFileSync(bundle, server.caPem)
    const environment = {
      CERTCTL_SERVER_URL: server.url,
      CERTCTL_API_KEY: keys.admin,
      CERTCTL_SERVER_CA_BUNDLE_PATH: bundle,
    }
    const run: Scene['run'] = (line, options = {}) =>
      runInTerminal(wordsOf(line).slice(1), { environment, home, clock, ...options })
    scene = { server, home, clock, environment, run }
  })
  afterEach(async () => {
    await current().server.close()
    rmSync(current().home, { recursive: true })
  })
  return current
}
