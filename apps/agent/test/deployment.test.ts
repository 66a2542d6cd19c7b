import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { generateKey, parseCertificate } from '@certctl/pki'
import { createTestCa } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from './eventually.js'
import type { FakeTarget } from './fake-state.js'
import { createServedFiles, type ServedFiles, writePolicy } from './served-files.js'
import { createScene, issueFirst, type RunningAgent, type Scene } from './start-agent.js'

let scene: Scene
let site: ServedFiles
let running: RunningAgent

beforeEach(async () => {
  scene = await createScene()
  site = await createServedFiles(scene.directory)
  scene.environment.CERTCTL_AGENT_POLICY_FILE = await writePolicy(scene.directory, { commands: [site.reloadCommand] })
  running = await scene.start()
})

afterEach(async () => {
  await scene.close()
  await site.close()
})

async function deploy(config: Record<string, unknown> = {}, target: Partial<FakeTarget> = {}) {
  const { state } = scene.server
  state.targets.set('t-web', { id: 't-web', type: 'Files', config: site.config(config), generation: 1, ...target })
  const job = state.queue({ kind: 'deploy', targetId: 't-web' })
  return await eventually('a report of the deployment', () => job.report)
}

const pairOnDisk = async () => [await readFile(site.certPath, 'utf8'), await readFile(site.keyPath, 'utf8')]

/** Whatever happened: no temporary beside the files, and a pair that belongs together. */
async function expectTidy(): Promise<void> {
  const names = await readdir(dirname(site.certPath))
  expect(names.filter((name) => /\.certctl-[0-9a-f]{12}$/.test(name))).toEqual([])
}

describe('a deployment', () => {
  it('ends with the new certificate served, its key on this host alone, and a report that says so', async () => {
    const { version } = await issueFirst(scene)
    const report = await deploy()
    expect(report).toMatchObject({
      outcome: 'done',
      fingerprint: version?.fingerprint,
      certificate_generation: 1,
      target_generation: 1,
      receipt: { changed: true, served: 'served', location: site.certPath },
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
    expect(JSON.stringify(running.log)).not.toContain('PRIVATE KEY')
    expect(JSON.stringify(scene.server.state.reports)).not.toContain('PRIVATE KEY')
    await expectTidy()
  })

  it('of the same certificate again changes nothing and reloads nothing', async () => {
    await issueFirst(scene)
    await deploy()
    const before = await site.reloadCount()
    expect(await deploy()).toMatchObject({ outcome: 'done', receipt: { changed: false, served: 'served' } })
    expect(await site.reloadCount()).toBe(before)
  })

  it('of a renewed certificate uses its new key, and keeps the old one', async () => {
    const first = await issueFirst(scene)
    await deploy()
    const second = await issueFirst(scene)
    expect(await deploy()).toMatchObject({ outcome: 'done', fingerprint: second.version?.fingerprint })
    expect(await site.serving()).toBe(second.version?.fingerprint)
    const kept = await running.agent.keys.list()
    expect(kept.map((key) => key.spkiSha256).sort()).toEqual([first.version?.spki, second.version?.spki].sort())
  })

  it('without an endpoint is unverifiable, and never called served', async () => {
    await issueFirst(scene)
    const report = await deploy({ endpoints: [] })
    expect(report).toMatchObject({ outcome: 'done', receipt: { served: 'unverifiable' }, served: [] })
  })

  it('that the service shows only after its next restart comes later, where grace covers it', async () => {
    await issueFirst(scene)
    await deploy()
    await issueFirst(scene)
    await site.reloads('does nothing')
    expect(await deploy({ grace: '12h' })).toMatchObject({ outcome: 'done', receipt: { served: 'later' } })
  })
})

describe('a deployment that fails', () => {
  let old: string | undefined
  let pair: string[]

  beforeEach(async () => {
    old = (await issueFirst(scene)).version?.fingerprint
    await deploy()
    pair = await pairOnDisk()
    await issueFirst(scene)
  })

  /** Undone each time; and once the fault is gone the same job, made again, succeeds. */
  async function expectUndoneThenDone(): Promise<void> {
    expect(await site.serving()).toBe(old)
    expect(await pairOnDisk()).toEqual(pair)
    await expectTidy()
    await site.reloads('works')
    expect(await deploy()).toMatchObject({ outcome: 'done', receipt: { served: 'served' } })
    expect(await site.serving()).not.toBe(old)
  }

  it('since the reload fails is undone, says what the command said, and converges', async () => {
    await site.reloads('fails')
    const report = await deploy()
    expect(report).toMatchObject({ outcome: 'failed', code: 'deploy_failed' })
    expect(report.message).toContain('the configuration is broken')
    await expectUndoneThenDone()
  })

  it('since the reload does nothing is undone by the handshake, and converges', async () => {
    await site.reloads('does nothing')
    const report = await deploy()
    expect(report).toMatchObject({ outcome: 'failed', code: 'deploy_failed' })
    expect(report.message).toContain(`127.0.0.1:${site.port} serves another certificate`)
    expect(report.served).toEqual([expect.objectContaining({ fingerprint: old })])
    await expectUndoneThenDone()
  })

  it('since the check before the reload fails never reaches the reload', async () => {
    const before = await site.reloadCount()
    await writePolicy(scene.directory, { commands: [site.reloadCommand, ['false']] })
    const report = await deploy({ validate_command: ['false'] })
    expect(report).toMatchObject({ outcome: 'failed', code: 'deploy_failed' })
    expect(await site.serving()).toBe(old)
    expect(await pairOnDisk()).toEqual(pair)
    expect((await site.reloadCount()) - before).toBeLessThanOrEqual(1)
    await expectUndoneThenDone()
  })

  it('since the reload hangs ends at the time limit, and the command with it', async () => {
    await site.reloads('hangs')
    // Time enough for the reload to begin also on a slow machine.
    const reported = deploy({}, { timeLimitSeconds: 10 })
    await eventually('the reload has begun', async () => (await site.reloadCount()) > 1)
    await site.reloads('works')
    const report = await reported
    expect(report).toMatchObject({ outcome: 'failed', code: 'deploy_failed' })
    expect(report.message).toContain('did not end within 10 s')
    await expectUndoneThenDone()
  })
})

describe('what the server offers', () => {
  beforeEach(async () => {
    await issueFirst(scene)
  })

  const version = () => {
    const found = scene.server.state.certificates.get('mc-www')?.versions.at(-1)
    if (found === undefined) throw new Error('nothing was issued')
    return found
  }
  async function expectUntouched(): Promise<void> {
    await expect(stat(site.certPath)).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(stat(site.keyPath)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await site.reloadCount()).toBe(0)
  }

  it('is refused when it is another certificate than was promised', async () => {
    const { spki } = await generateKey('EC-P256')
    version().leafPem = await scene.server.ca.certify(spki, { names: [{ type: 'dns', value: 'localhost' }] })
    expect(await deploy()).toMatchObject({ outcome: 'failed', code: 'upstream_protocol' })
    await expectUntouched()
  })

  it('is refused when it is for a key that is not the one named', async () => {
    const { spki } = await generateKey('EC-P256')
    version().leafPem = await scene.server.ca.certify(spki, { names: [{ type: 'dns', value: 'localhost' }] })
    version().fingerprint = parseCertificate(version().leafPem).fingerprint
    const report = await deploy()
    expect(report).toMatchObject({ outcome: 'failed', code: 'deploy_failed' })
    expect(report.message).toContain('does not belong to certificate')
    await expectUntouched()
  })

  it('is refused with a chain that did not issue it', async () => {
    const { intermediatePem } = await createTestCa()
    Object.assign(scene.server.state.ca, { intermediatePem })
    expect(await deploy()).toMatchObject({ outcome: 'failed', code: 'deploy_failed' })
    await expectUntouched()
  })

  it('is refused with a private key in the chain', async () => {
    const { privateKeyPem } = await generateKey('EC-P256')
    Object.assign(scene.server.state.ca, { intermediatePem: scene.server.ca.intermediatePem + privateKeyPem })
    const report = await deploy()
    expect(report).toMatchObject({ outcome: 'failed', code: 'upstream_protocol' })
    expect(JSON.stringify(report)).not.toContain(privateKeyPem.split('\n')[1])
    await expectUntouched()
  })

  it("is judged by the server's time, not by this host's", async () => {
    scene.server.state.setNow(() => new Date(Date.now() + 200 * 24 * 3600 * 1000))
    await eventually('the clock was heard', () => running.agent.clock.now().getTime() > Date.now() + 3600_000)
    const report = await deploy()
    expect(report).toMatchObject({ outcome: 'failed', code: 'deploy_failed' })
    expect(report.message).toContain('ended on')
    await expectUntouched()
  })

  it('needs a key that is here; one that is gone is told as such', async () => {
    for (const key of await running.agent.keys.list()) await running.agent.keys.remove(key)
    const fingerprint = expect.stringMatching(/^[0-9a-f]{64}$/)
    const report = await deploy()
    expect(report).toMatchObject({ outcome: 'failed', code: 'not_found', fingerprint, target_generation: 1 })
    // What the server knows it by: nobody looked at the target.
    expect(report.served).toBeUndefined()
    await expectUntouched()
  })

  it('is told apart from a key that is gone when it does not give the certificate out', async () => {
    const { certificates } = scene.server.state
    scene.server.meddle(async (operationId) => {
      if (operationId === 'getAgentCertificate') certificates.delete('mc-www')
      return undefined
    })
    const report = await deploy()
    expect(report).toMatchObject({ outcome: 'failed', code: 'deploy_failed' })
    expect(report.message).toContain('does not give out')
  })
})

describe('what this host allows', () => {
  beforeEach(async () => {
    await issueFirst(scene)
  })

  it('excludes commands that only the server names, until the operator adds the line, without a restart', async () => {
    await writePolicy(scene.directory, {})
    const report = await deploy()
    expect(report).toMatchObject({ outcome: 'refused', code: 'policy_denied' })
    expect(report.message).toContain('"commands"')
    await expect(stat(site.certPath)).rejects.toMatchObject({ code: 'ENOENT' })
    await writePolicy(scene.directory, { commands: [site.reloadCommand] })
    expect(await deploy()).toMatchObject({ outcome: 'done', receipt: { served: 'served' } })
  })

  it('excludes directories that are not listed', async () => {
    await writePolicy(scene.directory, { commands: [site.reloadCommand], write_directories: ['/etc/nginx'] })
    expect(await deploy()).toMatchObject({ outcome: 'refused', code: 'policy_denied' })
    await expect(stat(site.certPath)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('excludes everything while the policy file cannot be read', async () => {
    await writeFile(join(scene.directory, 'policy.json'), '{ "commands": [')
    expect(await deploy()).toMatchObject({ outcome: 'refused', code: 'config_invalid' })
  })

  it('excludes files that hold anything but certificates and keys', async () => {
    await writeFile(site.certPath, 'root:x:0:0:root:/root:/bin/bash\n')
    const report = await deploy()
    expect(report).toMatchObject({ outcome: 'failed', code: 'deploy_failed' })
    expect(report.message).toContain('something other than certificate material')
    expect(await readFile(site.certPath, 'utf8')).toBe('root:x:0:0:root:/root:/bin/bash\n')
  })

  it("excludes another agent's files, and names that agent", async () => {
    await mkdir(dirname(site.certPath), { recursive: true })
    const marker = join(dirname(site.certPath), '.cert.pem.certctl-owner')
    await writeFile(
      marker,
      JSON.stringify({ installation: 'another', hostname: 'web-2', state_directory: '/var/lib/other' }),
    )
    const report = await deploy()
    expect(report).toMatchObject({ outcome: 'refused', code: 'conflict' })
    expect(report.message).toContain('web-2')
    expect(report.message).toContain(marker)
    await expect(stat(site.certPath)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('excludes configurations that the connector does not understand, by field', async () => {
    const report = await deploy({ files: [{ path: 'relative.pem', content: 'fullchain' }], colour: 'red' })
    expect(report).toMatchObject({ outcome: 'refused', code: 'config_invalid' })
    expect(report.message).toContain('colour')
    expect(report.message).toContain('absolute path')
  })

  it('excludes types that no package here brings', async () => {
    expect(await deploy({}, { type: 'Toaster' })).toMatchObject({ outcome: 'refused', code: 'unsupported' })
  })
})
