import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type Appliance, createAppliance, installStranger } from './appliance.js'
import { eventually } from './eventually.js'
import type { FakeJob } from './fake-state.js'
import { createServedFiles, writePolicy } from './served-files.js'
import { createScene, issueFirst, type RunningAgent, type Scene } from './start-agent.js'

let scene: Scene
let appliance: Appliance

beforeEach(async () => {
  scene = await createScene()
  appliance = await createAppliance()
  const folder = join(scene.directory, 'connectors')
  await installStranger(folder)
  scene.environment.CERTCTL_CONNECTORS_DIR = folder
  target({ password: appliance.password })
})
afterEach(async () => {
  await scene.close()
  await appliance.close()
})

function target(config: Record<string, unknown>) {
  const whole = { address: appliance.url, ...config }
  scene.server.state.targets.set('t-box', { id: 't-box', type: 'appliance', config: whole, generation: 1 })
}

async function reportOf(kind: FakeJob['kind']) {
  const job = scene.server.state.queue({ kind, targetId: 't-box' })
  return await eventually('a report', () => job.report)
}

async function everythingOnDisk(): Promise<string> {
  const entries = await readdir(join(scene.directory, 'state'), { withFileTypes: true, recursive: true })
  const files = entries.filter((entry) => entry.isFile())
  return (await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')))).join('\n')
}

describe("a stranger's connector", () => {
  it('is found in the folder, described with its marks, and used, without any change to the agent', async () => {
    await scene.start()
    await issueFirst(scene)
    expect(await reportOf('deploy')).toMatchObject({
      outcome: 'done',
      receipt: { served: 'unverifiable', metadata: { name: expect.stringContaining('mc-www.') } },
      verification: { matches: true },
    })
    const described = scene.server.state.connectors[0]?.find((connector) => connector.type === 'Appliance')
    expect(described).toMatchObject({
      package: '@stranger/target-appliance',
      version: '1.2.3',
      aliases: ['box'],
      kind: 'target',
    })
    expect(JSON.stringify(described?.schema)).toContain('"x-certctl":"secret"')
    expect(appliance.held.size).toBe(1)
  })

  it('that was written for another contract is named and stops nothing', async () => {
    const running = await scene.start()
    expect(running.log).toContainEqual({
      level: 'error',
      message: 'a connector package was not loaded',
      fields: { package: '@stranger/target-broken', problem: expect.stringContaining('contract 99') },
    })
  })

  it('is left out where only others are allowed', async () => {
    await scene.start({ CERTCTL_CONNECTORS_ALLOW: 'target-files' })
    await eventually('described', () => scene.server.state.connectors.length > 0)
    expect(scene.server.state.connectors[0]?.map((connector) => connector.type)).toEqual(['Files'])
  })

  it("has its secret in no log, report or file but the agent's sealed state", async () => {
    const running = await scene.start()
    await issueFirst(scene)
    await reportOf('deploy')
    appliance.password = 'changed meanwhile'
    await reportOf('deploy')
    await reportOf('test')
    await reportOf('verify')
    const secret = 'canary-of-the-appliance'
    expect(appliance.seen.join()).toContain(secret)
    expect(JSON.stringify(running.log)).not.toContain(secret)
    expect(JSON.stringify([scene.server.state.reports, scene.server.state.observations])).not.toContain(secret)
    // One that runs takes away files of its journal while they are read.
    await running.stop()
    expect(await everythingOnDisk()).not.toContain(secret)
  })

  it('keeps what it remembers between deployments, each target its own', async () => {
    const running = await scene.start()
    await issueFirst(scene)
    await reportOf('deploy')
    expect((await running.agent.hostFor('t-box').state.get('last'))?.value).toEqual({
      name: expect.stringContaining('mc-www.'),
    })
    expect(await running.agent.hostFor('t-other').state.get('last')).toBeUndefined()
  })

  it('removes what earlier certificates left once the new one is in use', async () => {
    await scene.start()
    await issueFirst(scene)
    await reportOf('deploy')
    const second = await issueFirst(scene)
    await reportOf('deploy')
    await eventually('one is left', () => appliance.held.size === 1)
    expect([...appliance.held.values()]).toEqual([second.version?.fingerprint])
  })
})

describe('a secret by reference', () => {
  it('is read on this host, as its policy allows, and the server never has it', async () => {
    const secrets = join(scene.directory, 'secrets')
    await installSecret(secrets)
    target({ password: `file:${join(secrets, 'box')}` })
    scene.environment.CERTCTL_AGENT_POLICY_FILE = await writePolicy(scene.directory, { secret_directories: [secrets] })
    await scene.start()
    await issueFirst(scene)
    expect(await reportOf('deploy')).toMatchObject({ outcome: 'done' })
  })

  it('to a file that policy does not name is refused, and the file stays unread', async () => {
    const secrets = join(scene.directory, 'secrets')
    await installSecret(secrets)
    target({ password: `file:${join(secrets, 'box')}` })
    await scene.start()
    await issueFirst(scene)
    const report = await reportOf('deploy')
    expect(report).toMatchObject({ outcome: 'refused', code: 'policy_denied' })
    expect(report.message).toContain('"secret_directories"')
    expect(appliance.seen).toEqual([])
  })

  it('may be a variable made for it', async () => {
    target({ password: 'env:CERTCTL_SECRET_BOX' })
    await scene.start({ CERTCTL_SECRET_BOX: appliance.password })
    await issueFirst(scene)
    expect(await reportOf('deploy')).toMatchObject({ outcome: 'done' })
  })

  it("is never one of the agent's own", async () => {
    target({ password: 'env:CERTCTL_JOIN_TOKEN' })
    await scene.start()
    await issueFirst(scene)
    expect(await reportOf('deploy')).toMatchObject({ outcome: 'refused', code: 'policy_denied' })
    expect(appliance.seen).toEqual([])
  })
})

describe('a test of a target', () => {
  let running: RunningAgent

  it("says what the connector's own test saw", async () => {
    running = await scene.start()
    expect(await reportOf('test')).toMatchObject({ outcome: 'done', detail: 'It holds 0 certificates' })
  })

  it('fails with the cause', async () => {
    target({ password: 'wrong' })
    running = await scene.start()
    expect(await reportOf('test')).toMatchObject({
      outcome: 'refused',
      code: 'forbidden',
      message: 'The appliance refuses the password',
    })
  })

  it('of a connector without one checks configuration and policy, and shows what the endpoints serve', async () => {
    const site = await createServedFiles(scene.directory)
    running = await scene.start()
    await issueFirst(scene)
    scene.server.state.targets.set('t-box', { id: 't-box', type: 'Files', config: site.config(), generation: 1 })
    expect(await reportOf('test')).toMatchObject({ outcome: 'refused', code: 'policy_denied' })
    await running.stop()
    scene.environment.CERTCTL_AGENT_POLICY_FILE = await writePolicy(scene.directory, { commands: [site.reloadCommand] })
    running = await scene.start()
    const { detail } = await reportOf('test')
    expect(detail).toContain('configuration is sound')
    expect(detail).toContain(`127.0.0.1:${site.port}`)
    expect(await readdir(join(scene.directory, 'site'))).toEqual([])
    await site.close()
  })
})

describe('a verification', () => {
  it('says what the target holds; that it is something else is a finding and no failure', async () => {
    await scene.start()
    await issueFirst(scene)
    await reportOf('deploy')
    expect(await reportOf('verify')).toMatchObject({ outcome: 'done', verification: { matches: true } })
    appliance.held.clear()
    const report = await reportOf('verify')
    expect(report).toMatchObject({ outcome: 'done', verification: { matches: false } })
    expect(appliance.held.size).toBe(0)
  })
})

async function installSecret(directory: string): Promise<void> {
  const { mkdir } = await import('node:fs/promises')
  await mkdir(directory)
  await writeFile(join(directory, 'box'), `${appliance.password}\n`, { mode: 0o600 })
}
