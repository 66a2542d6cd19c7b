import { CertctlError } from '@certctl/core'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { startWorkers, type Workers } from '../../src/work/worker.js'
import { createGate } from '../lifecycle/fake-ca.js'
import { addIssuer, createScene, only, type Scene } from '../lifecycle/scene.js'
import { until } from '../races/steps.js'

let scene: Scene
let workers: Workers | undefined
beforeEach(async () => {
  scene = await createScene()
})
afterEach(async () => {
  await workers?.stop()
  workers = undefined
  await scene.close()
})

async function ordered(count: number): Promise<string[]> {
  const agent = await scene.agent('agent-a')
  const ids: string[] = []
  for (let index = 0; index < count; index += 1) {
    await scene.target(`target-${index}`, agent.id)
    ids.push((await scene.request({ commonName: `n${index}.example.test`, targetIds: [`target-${index}`] })).id)
  }
  for (const asked of await agent.claim()) await agent.submit(asked, await agent.csr(asked))
  return ids
}

const isIssued = async (id: string) => (await scene.services.store.versions.listCurrent(id)).length === 1

describe('workers', () => {
  it('are woken by what there is to do, and leave what agents do alone', async () => {
    workers = startWorkers(scene.services)
    const [id, another] = await ordered(2)
    // By the time the second is issued, a deployment of the first lies there for whoever would take it.
    await until(async () => (await isIssued(id ?? '')) && (await isIssued(another ?? '')))
    const [deployment] = await scene.services.store.jobs.listOpenOfCertificate(id ?? '', 'deploy')
    expect(deployment).toMatchObject({ state: 'ready', attempts: 0, locked_by: null })
  })

  it('do no more at once than they may, and everything in the end', async () => {
    await scene.close()
    scene = await createScene()
    Object.assign(scene.services.config, { renewal_concurrency: 2 })
    const ids = await ordered(5)
    let running = 0
    let most = 0
    let active = 0
    const { answer } = scene.ca
    scene.ca.answer = async (request) => {
      running += 1
      most = Math.max(most, running)
      // The first waits for company, so that those who come together are seen together.
      await until(async () => most === 2)
      active = Math.max(active, (await scene.services.store.jobs.countOpen()).active)
      running -= 1
      return await answer(request)
    }
    workers = startWorkers(scene.services)
    await until(async () => (await Promise.all(ids.map(isIssued))).every(Boolean))
    expect([most, active]).toEqual([2, 2])
  })

  it('go on with the orders of other issuers while one of them does not answer', async () => {
    Object.assign(scene.services.config, { renewal_concurrency: 2 })
    await addIssuer(scene.services, 'iss-other', scene.ca.definition.type)
    const agent = await scene.agent('agent-a')
    const order = async (name: string, issuerId: string): Promise<string> => {
      await scene.target(name, agent.id)
      const { id } = await scene.request({ commonName: `${name}.example.test`, targetIds: [name], issuerId })
      for (const asked of await agent.claim()) await agent.submit(asked, await agent.csr(asked))
      return id
    }
    const gate = createGate()
    const unanswered: string[] = []
    const { answer } = scene.ca
    scene.ca.answer = async (request) => {
      if (request.commonName?.startsWith('silent')) {
        unanswered.push(request.commonName)
        await gate.pass()
      }
      return await answer(request)
    }
    workers = startWorkers(scene.services)
    const silent: string[] = []
    for (const index of [1, 2, 3, 4]) silent.push(await order(`silent-${index}`, scene.issuerId))
    await until(async () => unanswered.length === 2)
    const others = [await order('other-1', 'iss-other'), await order('other-2', 'iss-other')]
    await until(async () => (await Promise.all(others.map(isIssued))).every(Boolean))
    expect(unanswered).toHaveLength(2)
    gate.release()
    await until(async () => (await Promise.all(silent.map(isIssued))).every(Boolean))
  })

  it('look for others seldom while one does not answer, and find what has no issuer', async () => {
    Object.assign(scene.services.config, { renewal_concurrency: 1, shutdown_timeout: 0.1 })
    await ordered(2)
    scene.ca.answer = async ({ signal }) =>
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new CertctlError('aborted', 'interrupted')))
      })
    const { jobs } = scene.services.store
    const claim = jobs.claimForServer
    const claims: string[][] = []
    jobs.claimForServer = async (asked) => {
      const claimed = await claim(asked)
      claims.push(claimed.map(({ kind }) => kind))
      return claimed
    }
    workers = startWorkers(scene.services)
    await until(async () => claims.length > 1)
    const before = claims.length
    const now = scene.services.clock.now()
    for (let times = 0; times < 30; times += 1) {
      await scene.services.store.transaction(async (tx) => tx.wake('work', 'issue'))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(claims.length - before).toBeLessThan(10)
    await jobs.insert({ id: 'bulk', kind: 'bulk', state: 'ready', requested_by: 'test', run_at: now, created_at: now })
    await until(async () => claims.flat().includes('bulk'))
    expect(claims.flat()).toEqual(['issue', 'bulk'])
  })

  it('go on at once where a job ends while others are looked for', async () => {
    Object.assign(scene.services.config, { renewal_concurrency: 1, scheduler_job_processor_interval: 3600 })
    const { jobs } = scene.services.store
    const claim = jobs.claimForServer
    jobs.claimForServer = async (asked) => {
      const claimed = await claim(asked)
      if (asked.except?.length) await until(async () => (await jobs.countOpen()).active === 0)
      return claimed
    }
    const ids = await ordered(3)
    workers = startWorkers(scene.services)
    await until(async () => (await Promise.all(ids.map(isIssued))).every(Boolean))
  })

  it('let what is under way end when they stop, and claim nothing more', async () => {
    const [id] = await ordered(1)
    Object.assign(scene.services.config, { shutdown_timeout: 3600 })
    const gate = createGate()
    const { answer } = scene.ca
    scene.ca.answer = async (request) => {
      await gate.pass()
      return await answer(request)
    }
    workers = startWorkers(scene.services)
    await gate.reached
    const stopped = workers.stop()
    workers = undefined
    gate.release()
    await stopped
    expect(await isIssued(id ?? '')).toBe(true)
  })

  it('interrupt what takes too long when they stop, and leave it to whoever comes next, without a failure', async () => {
    const [id] = await ordered(1)
    Object.assign(scene.services.config, { shutdown_timeout: 0.1 })
    const { answer } = scene.ca
    const reached = createGate()
    scene.ca.answer = async ({ signal }) => {
      reached.pass().catch(() => undefined)
      return await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new CertctlError('aborted', 'interrupted')))
      })
    }
    workers = startWorkers(scene.services)
    await reached.reached
    await workers.stop()
    workers = undefined
    scene.ca.answer = answer
    const [holder] = await scene.services.store.holders.listOfCertificate(id ?? '')
    expect(holder).toMatchObject({ failures: 0 })
    expect(await scene.work()).toBe(1)
    expect(await isIssued(id ?? '')).toBe(true)
  })

  it('of two copies do each job once', async () => {
    const { createTestServices } = await import('../postgres.js')
    const ids = await ordered(6)
    const { registry, database, clock } = scene.services
    const copy = await createTestServices({ registry, database, clock, serverId: 'copy' })
    workers = startWorkers(scene.services)
    const others = startWorkers(copy)
    await until(async () => (await Promise.all(ids.map(isIssued))).every(Boolean))
    await others.stop()
    await copy.close()
    expect(scene.ca.asked).toHaveLength(6)
  })

  it('claim nothing while their copy may not seal, so that another copy does it', async () => {
    const { createTestServices } = await import('../postgres.js')
    const { registry, database, clock } = scene.services
    const blind = await createTestServices({ registry, database, clock, serverId: 'blind' })
    blind.sealing.expectUse({ withinMs: -1, nowMs: () => 0 })
    let claims = 0
    const { claimForServer } = blind.store.jobs
    blind.store.jobs.claimForServer = async (claim) => {
      claims += 1
      return await claimForServer(claim)
    }
    const idle = startWorkers(blind)
    const [id] = await ordered(1)
    workers = startWorkers(scene.services)
    await until(async () => await isIssued(id ?? ''))
    await idle.stop()
    await blind.close()
    expect(claims).toBe(0)
  })

  it('go on after the database said no', async () => {
    workers = startWorkers(scene.services)
    const { jobs } = scene.services.store
    const claim = jobs.claimForServer
    let refused = 0
    jobs.claimForServer = async () => {
      refused += 1
      throw new CertctlError('upstream_unavailable', 'The database is away')
    }
    await scene.services.store.transaction(async (tx) => tx.wake('work', 'issue'))
    await until(async () => refused > 0)
    jobs.claimForServer = claim
    const [id] = await ordered(1)
    await until(async () => await isIssued(id ?? ''))
  })
})

describe('a parked poll', () => {
  it('is answered as soon as there is a job, and empty when its time is over', async () => {
    const agent = await scene.agent('agent-a')
    await scene.target('target-a', agent.id)
    const { claimAgentWork } = await import('../../src/work/claim-work.js')
    const poll = async (waitSeconds: number, signal = new AbortController().signal) =>
      await claimAgentWork(scene.services, {
        agentId: agent.id,
        holding: [],
        waitSeconds,
        leaseSeconds: 60,
        boot: undefined,
        signal,
      })
    expect(await poll(0.05)).toMatchObject({ jobs: [], count: 0 })
    const parked = poll(30)
    const { id } = await scene.request({ commonName: 'a.example.test', targetIds: ['target-a'] })
    const answer = await parked
    expect(only(answer.jobs)).toMatchObject({ type: 'Issuance', certificate_id: id })
    expect(answer.server_time).toBe(scene.services.clock.now().toISOString())
    expect((await scene.services.store.agents.get(agent.id))?.last_heartbeat_at).toEqual(scene.services.clock.now())
  })

  it('ends at once, and claims nothing, when its client is gone', async () => {
    const agent = await scene.agent('agent-a')
    await scene.target('target-a', agent.id)
    const { claimAgentWork } = await import('../../src/work/claim-work.js')
    const gone = new AbortController()
    const parked = claimAgentWork(scene.services, {
      agentId: agent.id,
      holding: [],
      waitSeconds: 30,
      leaseSeconds: 60,
      boot: undefined,
      signal: gone.signal,
    })
    await until(async () => (await scene.services.store.agents.get(agent.id))?.last_heartbeat_at !== null)
    gone.abort()
    expect((await parked).jobs).toEqual([])
  })

  it('of an agent of the first protocol is given no looks, which it does not know', async () => {
    const { claimAgentWork } = await import('../../src/work/claim-work.js')
    const agent = await scene.agent('agent-of-before')
    const now = scene.services.clock.now()
    const job = { kind: 'scan', state: 'ready', requested_by: 'test', run_at: now, created_at: now } as const
    await scene.services.store.jobs.insert({ ...job, id: 'scan-of-before', agent_id: agent.id })
    const poll = async (leaseSeconds: number | undefined) => {
      const signal = new AbortController().signal
      const question = { agentId: agent.id, holding: undefined, waitSeconds: 0, boot: undefined, signal }
      return (await claimAgentWork(scene.services, { ...question, leaseSeconds })).jobs
    }
    expect(await poll(undefined)).toEqual([])
    expect(await poll(60)).toMatchObject([{ type: 'Scan' }])
  })

  it('of a connection that nobody reads any more does not take back what a later poll was given', async () => {
    const { claimAgentWork } = await import('../../src/work/claim-work.js')
    const { served } = await import('../lifecycle/scene.js')
    const { deployCertificate } = await import('../../src/lifecycle/placement/deploy-certificate.js')
    const { id, agent } = await served(scene)
    const ended = new AbortController()
    const { jobs } = scene.services.store
    const list = jobs.listOffered
    const gate = createGate()
    let looks = 0
    let seen = 0
    // The zombie's second look comes late: the living poll is first.
    jobs.listOffered = async (agentId, question) => {
      looks += 1
      if (looks === 2) await gate.pass()
      const offered = await list(agentId, question)
      seen += 1
      return offered
    }
    const zombie = claimAgentWork(scene.services, {
      agentId: agent.id,
      holding: [],
      waitSeconds: 55,
      leaseSeconds: 60,
      boot: undefined,
      signal: ended.signal,
    })
    // What comes while the first look is still under way may be in it.
    await until(async () => seen === 1)
    await deployCertificate(scene.services, { certificateId: id, actor: agent.actor })
    await gate.reached
    const given = only(await agent.claim(), 'Deployment')
    const living = looks
    gate.release()
    await until(async () => {
      await scene.services.store.transaction(async (tx) => tx.wake('agent', agent.id))
      return looks > living
    })
    await agent.deployed(given)
    ended.abort()
    expect((await zombie).jobs).toEqual([])
  })

  it('keeps the keys of what is served, desired and ordered, and no others', async () => {
    const { liveKeysOf } = await import('../../src/work/live-keys-of.js')
    const { renewCertificate } = await import('../../src/lifecycle/asking/renew-certificate.js')
    const { served } = await import('../lifecycle/scene.js')
    const { id, agent } = await served(scene)
    const keys = async () => (await liveKeysOf(scene.services, agent.id))[0]?.spki_sha256 ?? []
    const [first, ...none] = await keys()
    expect(none).toEqual([])
    await renewCertificate(scene.services, { certificateId: id, actor: agent.actor, force: false })
    const asked = only(await agent.claim(), 'Renewal')
    await agent.submit(asked, await agent.csr(asked))
    expect(await keys()).toHaveLength(2)
    await scene.work()
    // The old one is served until the new one is.
    expect(await keys()).toContain(first)
    await agent.deployed(only(await agent.claim(), 'Deployment'))
    expect(await keys()).toHaveLength(1)
    expect(await keys()).not.toContain(first)
  })
})
