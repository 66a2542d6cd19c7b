import { describe, expect, it } from '@jest/globals'
import { foretellOrders } from '../../src/lifecycle/order/foretell-orders.js'
import { linkTarget } from '../../src/lifecycle/placement/link-target.js'
import { unlinkTarget } from '../../src/lifecycle/placement/unlink-target.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { only, operator, type Scene, type SceneAgent, withScene } from './scene.js'

const never = new AbortController().signal
const numbered = (count: number, name: string) => Array.from({ length: count }, (_, index) => `${name}-${index}`)

interface Fleet {
  id: string
  agents: SceneAgent[]
  targetIds: string[]
}

/** One certificate on every target of agents with so many targets each. */
async function fleet(scene: Scene, { agents, targetsEach }: { agents: number; targetsEach: number }): Promise<Fleet> {
  const members: SceneAgent[] = []
  const targetIds: string[] = []
  for (const agentId of numbered(agents, 'agent')) {
    members.push(await scene.agent(agentId))
    for (const targetId of numbered(targetsEach, `target-${agentId}`)) {
      await scene.target(targetId, agentId)
      targetIds.push(targetId)
    }
  }
  const { id } = await scene.request({ commonName: 'www.example.test', targetIds })
  return { id, agents: members, targetIds }
}

/** The agent sends the CSRs it is asked for; returns how many those were. */
async function sendCsrs(agent: SceneAgent): Promise<number> {
  const asked = (await agent.claim()).filter(({ status }) => status === 'AwaitingCSR')
  for (const item of asked) await agent.submit(item, await agent.csr(item))
  return asked.length
}

async function deployAll(agent: SceneAgent, unreachable?: string): Promise<void> {
  for (const item of (await agent.claim()).filter(({ type }) => type === 'Deployment'))
    if (item.target_id === unreachable)
      await agent.report(item, { outcome: 'failed', code: 'upstream_unavailable', message: 'no route to host' })
    else await agent.deployed(item)
}

// One story: to set fifty targets up is what takes its time.
describe('a certificate on fifty targets of ten agents', () => {
  it('is served wherever it can be: an agent that is away and a target that cannot be reached delay nobody else, both catch up, and a fifty-first target needs no renewal', async () => {
    await withScene({}, async (scene) => {
      const { id, agents, targetIds } = await fleet(scene, { agents: 10, targetsEach: 5 })
      const states = async () => {
        const placements = await scene.services.store.placements.listOfCertificate(id)
        return { all: placements.length, served: placements.filter(({ state }) => state === 'served').length }
      }
      const [away, ...present] = agents as [SceneAgent, ...SceneAgent[]]
      const unreachable = targetIds[7] ?? ''
      for (const agent of present) expect(await sendCsrs(agent)).toBe(1)
      expect(await scene.work()).toBe(9)
      for (const agent of present) await deployAll(agent, unreachable)
      expect(await states()).toEqual({ all: 50, served: 44 })

      const failed = await scene.services.store.placements.findPair(id, unreachable)
      expect(failed).toMatchObject({ state: 'failed', cause_message: 'no route to host', failures: 1 })
      expect(failed?.next_attempt_at?.getTime()).toBeGreaterThan(scene.services.clock.now().getTime())

      await sendCsrs(away)
      await scene.work()
      await deployAll(away)
      expect(await states()).toEqual({ all: 50, served: 49 })
      scene.services.clock.advance(120)
      for (const agent of present) await deployAll(agent)
      expect(await states()).toEqual({ all: 50, served: 50 })

      const issued = scene.ca.signed.length
      await scene.target('target-51', away.id)
      await linkTarget(scene.services, { certificateId: id, targetId: 'target-51', actor: operator })
      const item = only(await away.claim())
      expect([item.type, item.target_id]).toEqual(['Deployment', 'target-51'])
      await away.deployed(item)
      expect(await states()).toEqual({ all: 51, served: 51 })
      expect([scene.ca.signed.length, await scene.work()]).toEqual([issued, 0])
    })
  })
})

describe('where each order costs', () => {
  it('ten holders are ordered one after the other, each as soon as the one before is done', async () => {
    await withScene({ metered: true }, async (scene) => {
      const { id, agents } = await fleet(scene, { agents: 10, targetsEach: 1 })
      for (const [turn, agent] of agents.entries()) {
        const asked = await Promise.all(
          agents.map(
            async (one) =>
              await scene.services.store.jobs.listOffered(one.id, {
                now: scene.services.clock.now(),
                holding: undefined,
              }),
          ),
        )
        expect(asked.flat().filter(({ kind }) => kind === 'issue')).toHaveLength(1)
        expect(await sendCsrs(agent)).toBe(1)
        expect(await scene.work()).toBe(1)
        expect(scene.ca.signed).toHaveLength(turn + 1)
      }
      for (const agent of agents) await deployAll(agent)
      const placements = await scene.services.store.placements.listOfCertificate(id)
      expect(placements.every(({ state }) => state === 'served')).toBe(true)
    })
  })

  it('creation says how many orders it takes, that they take turns, and whether they fit', async () => {
    await withScene({ metered: true }, async (scene) => {
      scene.ca.budget = async ({ orders }) =>
        orders <= 5
          ? { fits: true, detail: '5 left this week' }
          : { fits: false, nextAt: new Date('2026-11-30T00:00:00Z'), detail: '5 left this week' }
      const { id } = await fleet(scene, { agents: 10, targetsEach: 1 })
      const told = await foretellOrders(scene.services, { certificateId: id, signal: never })
      expect(told).toMatchObject({ orders: 10, inTurn: true, fits: false })
      expect(told?.detail).toContain('It takes 10 orders at iss-fake, now and at each renewal')
      expect(told?.detail).toContain('they take turns')
      expect(told?.detail).toContain('the next not before 2026-11-30T00:00:00.000Z')
    })
  })

  it('and nowhere else', async () => {
    await withScene({}, async (scene) => {
      const { id } = await fleet(scene, { agents: 2, targetsEach: 1 })
      expect(await foretellOrders(scene.services, { certificateId: id, signal: never })).toBeUndefined()
    })
  })

  it('an order waits until the limits of the CA leave room, without a failure and without being asked for', async () => {
    await withScene({ metered: true }, async (scene) => {
      const { services, ca } = scene
      const nextAt = new Date(services.clock.now().getTime() + 7200_000)
      ca.budget = async () =>
        services.clock.now() < nextAt
          ? { fits: false, nextAt, detail: '5 of 5 duplicates this week' }
          : { fits: true, detail: '4 of 5' }
      const { id, agents } = await fleet(scene, { agents: 2, targetsEach: 1 })
      const [first] = agents
      if (first !== undefined) await sendCsrs(first)
      await scene.work()
      expect(ca.asked).toHaveLength(0)
      const [job] = await services.store.jobs.listOpenOfCertificate(id, 'issue')
      expect(job).toMatchObject({ state: 'ready', run_at: nextAt, last_error_code: 'rate_limited' })
      expect(job?.last_error).toContain('5 of 5 duplicates this week')
      const [holder] = await services.store.holders.listOfCertificate(id)
      expect(holder?.failures).toBe(0)
      services.clock.advance(7200)
      await scene.work()
      expect(ca.asked).toHaveLength(1)
      expect(ca.asked[0]?.attempt).toBe(1)
    })
  })

  it('one that was never asked for ends with the last target that wanted it, and one that was asked for goes on', async () => {
    await withScene({ metered: true }, async (scene) => {
      const { services, ca } = scene
      const unlink = async (id: string, agent: SceneAgent) =>
        await unlinkTarget(services, { certificateId: id, targetId: `target-${agent.id}-0`, actor: operator })
      const { id, agents } = await fleet(scene, { agents: 2, targetsEach: 1 })
      const [first, second] = agents as [SceneAgent, SceneAgent]
      ca.budget = async () => ({ fits: false, detail: 'none left' })
      await sendCsrs(first)
      await scene.work()
      await unlink(id, first)
      expect(await services.store.jobs.listOpenOfCertificate(id, 'issue')).toEqual([])

      ca.budget = async () => ({ fits: true, detail: 'room' })
      const { answer } = ca
      ca.answer = async () => await Promise.reject(new Error('the answer was lost'))
      await dueRenewals.run(services, never)
      await sendCsrs(second)
      await scene.work()
      expect(ca.asked.map(({ attempt }) => attempt)).toEqual([1])
      await unlink(id, second)
      ca.answer = answer
      services.clock.advance(7200)
      await scene.work()
      expect(ca.asked.map(({ attempt }) => attempt)).toEqual([1, 2])
    })
  })

  it('one that was asked for before goes on whatever the limits say: it may be paid already', async () => {
    await withScene({ metered: true }, async (scene) => {
      const { services, ca } = scene
      const { agents } = await fleet(scene, { agents: 1, targetsEach: 1 })
      const answer = ca.answer
      ca.answer = async () => await Promise.reject(new Error('the answer was lost'))
      const [first] = agents
      if (first !== undefined) await sendCsrs(first)
      await scene.work()
      ca.budget = async () => ({ fits: false, detail: 'none left' })
      ca.answer = answer
      services.clock.advance(600)
      await scene.work()
      expect([ca.asked.length, ca.signed.length]).toEqual([2, 1])
    })
  })

  it('an agent that does not send its CSR loses its turn and keeps its job', async () => {
    await withScene({ metered: true }, async (scene) => {
      const { services } = scene
      const { id, agents } = await fleet(scene, { agents: 3, targetsEach: 1 })
      const [, second, third] = agents as [SceneAgent, SceneAgent, SceneAgent]
      expect(await sendCsrs(second)).toBe(0)
      await dueRenewals.run(services, never)
      expect(await sendCsrs(second)).toBe(0)
      services.clock.advance(1000)
      await dueRenewals.run(services, never)
      expect(await sendCsrs(second)).toBe(1)
      expect(await sendCsrs(third)).toBe(0)
      await scene.work()
      expect(await sendCsrs(third)).toBe(1)
      await scene.work()
      const open = await services.store.jobs.listOpenOfCertificate(id, 'issue')
      expect(open).toMatchObject([{ agent_id: 'agent-0', state: 'waiting_csr' }])
    })
  })
})
