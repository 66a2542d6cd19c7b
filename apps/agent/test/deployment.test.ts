import { readFile, stat } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from './eventually.js'
import { createServedFiles, type ServedFiles, writePolicy } from './served-files.js'
import { createScene, issueFirst, type RunningAgent, type Scene } from './start-agent.js'

let scene: Scene
let site: ServedFiles
let running: RunningAgent

beforeEach(async () => {
  scene = await createScene()
  site = await createServedFiles(scene.directory)
  scene.environment.CERTCTL_AGENT_POLICY_FILE = await writePolicy(scene.directory, { commands: [site.reloadCommand] })
  scene.server.state.targets.set('t-web', { id: 't-web', type: 'Files', config: site.config(), generation: 1 })
  running = await scene.start()
})

afterEach(async () => {
  await scene.close()
  await site.close()
})

async function deploy(more: Record<string, unknown> = {}) {
  const { state } = scene.server
  state.targets.set('t-web', { id: 't-web', type: 'Files', config: site.config(more), generation: 1 })
  const job = state.queue({ kind: 'deploy', targetId: 't-web' })
  return await eventually('a report of the deployment', () => job.report)
}

describe('a deployment', () => {
  it('ends with the new certificate served, its key on this host alone, and a report that says so', async () => {
    const { version } = await issueFirst(scene)
    const report = await deploy()
    console.log(JSON.stringify(report), JSON.stringify(running.log, null, 1))
    expect(report).toMatchObject({
      outcome: 'done',
      fingerprint: version?.fingerprint,
      receipt: { changed: true, served: 'served' },
      verification: { matches: true },
    })
    expect(report.served).toEqual([
      expect.objectContaining({
        endpoint: `127.0.0.1:${site.port}`,
        fingerprint: version?.fingerprint,
        chain_ok: true,
      }),
    ])
    expect(await site.serving()).toBe(version?.fingerprint)
    expect((await stat(site.keyPath)).mode & 0o777).toBe(0o600)
    expect(await readFile(site.certPath, 'utf8')).toContain('BEGIN CERTIFICATE')
    expect(running.log.map((line) => JSON.stringify(line)).join('\n')).not.toContain('PRIVATE KEY')
  })
})
