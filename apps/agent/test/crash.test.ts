import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from './eventually.js'
import type { Meddle } from './fake-control-plane.js'
import { createServedFiles, type ServedFiles, writePolicy } from './served-files.js'
import { installSlowPair } from './slow-pair.js'
import { type SpawnedAgent, spawnAgent } from './spawn-agent.js'
import { createScene, issueFirst, type Scene } from './start-agent.js'

let scene: Scene
let site: ServedFiles
let agent: SpawnedAgent

beforeEach(async () => {
  scene = await createScene()
  site = await createServedFiles(scene.directory)
  scene.environment.CERTCTL_AGENT_POLICY_FILE = await writePolicy(scene.directory, { commands: [site.reloadCommand] })
  scene.environment.CERTCTL_OBSERVE_INTERVAL = '5m'
  target('Files', site.config())
})
afterEach(async () => {
  await agent.kill()
  await scene.close()
  await site.close()
})

const start = () => {
  agent = spawnAgent(scene.environment)
}
function target(type: string, config: Record<string, unknown>): void {
  scene.server.state.targets.set('t-web', { id: 't-web', type, config, generation: 1 })
}
const queueDeployment = () => scene.server.state.queue({ kind: 'deploy', targetId: 't-web' })

/** The pair on disk belongs together: read before the agent that was killed has asked for any new work. */
async function pairFits(certPath: string, keyPath: string): Promise<boolean> {
  return new X509Certificate(await readFile(certPath)).checkPrivateKey(createPrivateKey(await readFile(keyPath)))
}

async function leftovers(): Promise<string[]> {
  const entries = await readdir(scene.directory, { withFileTypes: true, recursive: true })
  return entries.map((entry) => entry.name).filter((name) => /\.certctl-[0-9a-f]{12}$|\.half$/.test(name))
}

/** An agent that runs may be writing just now. */
const nothingIsLeft = async () =>
  await eventually('nothing half written is left', async () => (await leftovers()).length === 0)

/** As an agent leaves it that is killed while it writes its state. */
async function halfWriteAnEntry(): Promise<void> {
  const folder = join(scene.environment.CERTCTL_STATE_DIR ?? '', 'identity')
  await writeFile(join(folder, `.${'a'.repeat(64)}.sealed.certctl-0123456789ab`), 'half')
}

/** Kills the agent when an operation comes in, or when it was handled and the answer is on its way. */
function killAt(operationId: string, when: 'before' | 'after'): Promise<void> {
  return new Promise((killed) => {
    const meddle: Meddle = async (asked, at) => {
      if (asked !== operationId || at !== when) return undefined
      scene.server.meddle(undefined)
      await agent.kill()
      killed()
      return 'lose'
    }
    scene.server.meddle(meddle)
  })
}

/** Before the new process asks for work, everything its predecessor began must have been put right. A poll of the predecessor may be heard only now. */
function atFirstPoll<T>(look: () => Promise<T>): Promise<T> {
  let isNew = false
  return new Promise((resolve, reject) => {
    scene.server.meddle(async (operationId, when) => {
      // Done once by each process, before it polls.
      if (operationId === 'describeAgentConnectors') isNew = true
      if (isNew && operationId === 'getAgentWork' && when === 'before') {
        scene.server.meddle(undefined)
        await look().then(resolve, reject)
      }
      return undefined
    })
  })
}

describe('an agent that is killed', () => {
  const points: [string, () => Promise<void>][] = [
    ['when its CSR reaches the server', () => killAt('submitJobCsr', 'before')],
    ['when its CSR was taken and the answer is on its way', () => killAt('submitJobCsr', 'after')],
    ['when it asks for the certificate', () => killAt('getAgentCertificate', 'before')],
    ['when it was sent the certificate', () => killAt('getAgentCertificate', 'after')],
    ['while the reload runs', killWhileReloading],
    ['while it shakes hands', killAtHandshake],
    ['when its report reaches the server', () => killAt('reportJob', 'before')],
    ['when its report was taken and the answer is on its way', () => killAt('reportJob', 'after')],
  ]

  async function killWhileReloading(): Promise<void> {
    const before = await site.reloadCount()
    await site.reloads('waits')
    await eventually('the reload has begun', async () => (await site.reloadCount()) > before)
    await agent.kill()
    await site.reloads('works')
  }
  async function killAtHandshake(): Promise<void> {
    await site.nextHandshake()
    await agent.kill()
  }

  it.each(points)(
    '%s begins again and ends with the new certificate served, one version, nothing half written',
    async (_name, killed) => {
      start()
      const first = await issueFirst(scene)
      const before = queueDeployment()
      await eventually('the first is deployed', () => before.report)
      const dead = killed()
      const second = renew()
      await dead
      await halfWriteAnEntry()
      const pairAtFirstPoll = atFirstPoll(() => pairFits(site.certPath, site.keyPath))
      start()
      expect(await pairAtFirstPoll).toBe(true)
      await second
      expect(first.certificate.versions).toHaveLength(2)
      expect(await site.serving()).toBe(first.certificate.versions[1]?.fingerprint)
      expect(scene.server.state.jobs.filter((job) => job.state !== 'done')).toEqual([])
      await nothingIsLeft()
      expect(await agent.stop()).toBe(0)
    },
  )

  async function renew(): Promise<void> {
    await issueFirst(scene)
    const job = queueDeployment()
    await eventually('the second is deployed', () => (job.report?.outcome === 'done' ? job.report : undefined))
  }

  it('before it heard the answer to its joining joins again with the same token', async () => {
    const dead = killAt('joinAgent', 'after')
    start()
    await dead
    start()
    await eventually('it works', () => scene.server.state.calls.includes('getAgentWork'))
    expect(scene.server.state.agents).toHaveLength(1)
  })

  it('after it joined and before its key was used goes on with that key', async () => {
    const dead = killAt('describeAgentConnectors', 'before')
    start()
    await dead
    start()
    await eventually('it works', () => scene.server.state.calls.includes('getAgentWork'))
    expect(scene.server.state.calls.filter((call) => call === 'joinAgent')).toHaveLength(1)
  })

  it('between the two files of a pair puts the old pair back before it asks for work, and then finishes', async () => {
    const connectors = join(scene.directory, 'connectors')
    await installSlowPair(connectors)
    scene.environment.CERTCTL_CONNECTORS_DIR = connectors
    const [cert, key, go] = ['slow-cert.pem', 'slow-key.pem', 'go'].map((name) => join(scene.directory, name)) as [
      string,
      string,
      string,
    ]
    target('SlowPair', { cert, key, go })
    start()
    await writeFile(go, '')
    await issueFirst(scene)
    const before = queueDeployment()
    await eventually('the first is deployed', () => before.report)
    const old = [await readFile(cert, 'utf8'), await readFile(key, 'utf8')]
    await rm(go)
    await issueFirst(scene)
    const job = queueDeployment()
    await eventually('the key is new and the certificate old', async () => (await readFile(key, 'utf8')) !== old[1])
    await agent.kill()
    expect(await pairFits(cert, key)).toBe(false)
    await writeFile(go, '')
    const atPoll = atFirstPoll(async () => [await readFile(cert, 'utf8'), await readFile(key, 'utf8')])
    start()
    expect(await atPoll).toEqual(old)
    await eventually('the second is deployed', () => job.report?.outcome === 'done')
    expect(await pairFits(cert, key)).toBe(true)
    expect(await readFile(key, 'utf8')).not.toBe(old[1])
    await nothingIsLeft()
  })

  it('while the server is away is started again, keeps its target right, and reports when it can', async () => {
    scene.environment.CERTCTL_OBSERVE_INTERVAL = '1s'
    start()
    await issueFirst(scene)
    const job = queueDeployment()
    await eventually('it is deployed', () => job.report)
    await scene.server.down()
    await agent.kill()
    const deployed = await readFile(site.certPath, 'utf8')
    await writeFile(site.certPath, '')
    start()
    await eventually('it is put right', async () => (await readFile(site.certPath, 'utf8')) === deployed)
    await scene.server.up()
    await eventually('it is told', () => scene.server.state.observations.at(-1)?.file?.matches === true)
  })
})

describe('the program', () => {
  it('says what is wrong with its settings and ends with 2', async () => {
    agent = spawnAgent({ CERTCTL_LOG_LEVEL: 'loud', CERTCTL_SERVER_URL: 'http://x' })
    expect(await agent.exited).toBe(2)
    expect(agent.output()).toContain('CERTCTL_LOG_LEVEL: must be one of')
    expect(agent.output()).toContain('CERTCTL_SERVER_URL: must be an https URL')
  })

  it('ends with 0 when the server has retired it, and again when it is started then', async () => {
    start()
    await eventually('it works', () => scene.server.state.calls.includes('getAgentWork'))
    scene.server.state.retire('agent-1')
    expect(await agent.exited).toBe(0)
    start()
    expect(await agent.exited).toBe(0)
    expect(agent.output()).toContain('has retired agent-1')
  })

  it('joins and ends where it is told to join, and runs without a token afterwards', async () => {
    const { CERTCTL_JOIN_TOKEN = '', ...environment } = scene.environment
    agent = spawnAgent(environment, ['join', CERTCTL_JOIN_TOKEN])
    expect(await agent.exited).toBe(0)
    expect(agent.output()).toContain('Joined as agent-1')
    expect(scene.server.state.calls).toEqual(['joinAgent'])
    agent = spawnAgent(environment)
    await eventually('it works', () => scene.server.state.calls.includes('getAgentWork'))
  })

  it('prints its settings, its version and a policy to start from, and asks nobody', async () => {
    for (const [flag, expected] of [
      ['--help', 'CERTCTL_JOIN_TOKEN'],
      ['--version', '0.1.0'],
      ['--print-policy-example', '"write_directories"'],
    ] as const) {
      agent = spawnAgent({}, [flag])
      expect(await agent.exited).toBe(0)
      expect(agent.output()).toContain(expected)
    }
  })

  it('writes its log as JSON lines without a secret', async () => {
    start()
    await eventually('it works', () => scene.server.state.calls.includes('getAgentWork'))
    await agent.stop()
    const lines = agent.output().trim().split('\n')
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
    expect(agent.output()).not.toContain('ccj_')
    expect(agent.output()).not.toContain('cca_')
    expect(dirname(site.certPath)).toContain(scene.directory)
  })
})
