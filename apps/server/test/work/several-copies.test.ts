import type { WorkItem } from '@certctl/api'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { claimAgentWork } from '../../src/work/claim-work.js'
import { startWorkers } from '../../src/work/worker.js'
import { createScene, only, type Scene } from '../lifecycle/scene.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { until } from '../races/steps.js'

/** Two copies of one server: what one of them hears must reach whoever waits at the other. */
describe('two copies on one database', () => {
  let scene: Scene
  let copy: TestServices
  beforeEach(async () => {
    scene = await createScene()
    const { database, clock, registry } = scene.services
    copy = await createTestServices({ database, clock, registry, serverId: 'server-copy' })
  })
  afterEach(async () => {
    await copy.close()
    await scene.close()
  })

  it('an agent parked at one is woken by what was asked of the other', async () => {
    const agent = await scene.agent('agent-a')
    await scene.target('target-a', agent.id)
    const heard = claimAgentWork(copy, {
      agentId: agent.id,
      holding: [],
      waitSeconds: 55,
      leaseSeconds: 60,
      boot: undefined,
      signal: new AbortController().signal,
    })
    await scene.request({ commonName: 'www.example.test', targetIds: ['target-a'] })
    expect(only((await heard).jobs)).toMatchObject({ status: 'AwaitingCSR' })
  })

  it('a CSR handed to one is taken to the CA by the worker of the other', async () => {
    const agent = await scene.agent('agent-a')
    await scene.target('target-a', agent.id)
    await scene.request({ commonName: 'www.example.test', targetIds: ['target-a'] })
    const workers = startWorkers(copy)
    const item = only(await agent.claim())
    await agent.submit(item, await agent.csr(item))
    const claimed: WorkItem[] = []
    await until(async () => claimed.push(...(await agent.claim()).filter(({ type }) => type === 'Deployment')) > 0)
    await workers.stop()
    expect(only(claimed).deployment?.fingerprint).toMatch(/^[0-9a-f]{64}$/)
  })

  it('a job is claimed by one of them only', async () => {
    const agent = await scene.agent('agent-a')
    for (const name of ['a', 'b', 'c', 'd']) {
      await scene.target(`target-${name}`, agent.id)
      await scene.request({ commonName: `${name}.example.test`, targetIds: [`target-${name}`] })
    }
    for (const item of await agent.claim()) await agent.submit(item, await agent.csr(item))
    const now = scene.services.clock.now()
    const until = new Date(now.getTime() + 60_000)
    const claim = async ({ store, server }: TestServices) =>
      await store.jobs.claimForServer({ kinds: ['issue'], server: server.id, now, until, limit: 3 })
    const claimed = (await Promise.all([claim(scene.services), claim(copy)])).flat().map(({ id }) => id)
    expect(new Set(claimed).size).toBe(claimed.length)
    expect(claimed.length).toBeGreaterThanOrEqual(3)
  })

  it('an issuer that was changed at one is used as changed by the other, also where the wake-up is lost', async () => {
    const before = await copy.connections.issuer(scene.issuerId)
    await scene.services.store.transaction(async (tx) => {
      await tx.connections.update(scene.issuerId, {
        enabled: false,
        generation: before.generation + 1,
        updated_at: tx.now,
      })
    })
    expect(await copy.connections.issuer(scene.issuerId)).toMatchObject({
      enabled: false,
      generation: before.generation + 1,
    })
  })
})
