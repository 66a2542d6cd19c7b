import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { expiredLeases } from '../../src/schedule/expired-leases.js'
import { forEachDue } from '../../src/schedule/for-each-due.js'
import { loops, startSchedules } from '../../src/schedule/index.js'
import type { Loop } from '../../src/schedule/loop.js'
import { overdueCsrs } from '../../src/schedule/overdue-csrs.js'
import { purge } from '../../src/schedule/purge.js'
import { runDue } from '../../src/schedule/run-due.js'
import { createScene, only, type Scene, served, withScene } from '../lifecycle/scene.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { until } from '../races/steps.js'

let scene: Scene
let services: TestServices
beforeAll(async () => {
  scene = await createScene()
  services = scene.services
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal

describe('a loop', () => {
  const counting = (): Loop & { runs: number } => {
    const loop = {
      name: `count-${randomUUID()}`,
      runs: 0,
      everySeconds: () => 60,
      run: async () => {
        loop.runs += 1
      },
    }
    return loop
  }

  it('runs once for all copies whenever it is due, and skips what it missed', async () => {
    const copy = await createTestServices({ database: services.database, clock: services.clock, serverId: 'copy' })
    const loop = counting()
    await services.store.schedule.ensure(loop.name, services.clock.now())
    const both = async () => await Promise.all([runDue(services, loop, never), runDue(copy, loop, never)])
    expect((await both()).filter(Boolean)).toHaveLength(1)
    expect((await both()).filter(Boolean)).toHaveLength(0)
    services.clock.advance(10 * 60)
    expect((await both()).filter(Boolean)).toHaveLength(1)
    expect((await both()).filter(Boolean)).toHaveLength(0)
    expect(loop.runs).toBe(2)
    await copy.close()
  })

  it('is left to another copy by one that may not seal', async () => {
    const blind = await createTestServices({ database: services.database, clock: services.clock, serverId: 'blind' })
    blind.sealing.expectUse({ withinMs: -1, nowMs: () => 0 })
    const loop = counting()
    await services.store.schedule.ensure(loop.name, services.clock.now())
    expect(await runDue(blind, loop, never)).toBe(false)
    expect(await runDue(services, loop, never)).toBe(true)
    await blind.close()
  })

  it('that fails is logged, and runs again when it is due', async () => {
    const loop = counting()
    const failing = {
      ...loop,
      run: async () => {
        throw new Error('the moon is full')
      },
    }
    await services.store.schedule.ensure(loop.name, services.clock.now())
    expect(await runDue(services, failing, never)).toBe(true)
    expect(services.logged.some(({ loop: name, reason }) => name === loop.name && reason === 'the moon is full')).toBe(
      true,
    )
    services.clock.advance(67)
    expect(await runDue(services, loop, never)).toBe(true)
  })

  it('goes through everything in batches and does not stop at what fails', async () => {
    const items = Array.from({ length: 450 }, (_, index) => String(index).padStart(4, '0'))
    const done: string[] = []
    await forEachDue(services, {
      what: 'counting',
      list: async ({ after, limit }) => items.filter((item) => item > after).slice(0, limit),
      idOf: (item) => item,
      signal: never,
      work: async (item) => {
        if (item === '0003' || item === '0200') throw new Error('not this one')
        done.push(item)
      },
    })
    expect(done).toEqual(items.filter((item) => item !== '0003' && item !== '0200'))
  })

  it('has a row of its own; all of them start, and stop when asked to', async () => {
    expect(new Set(loops.map(({ name }) => name)).size).toBe(loops.length)
    const schedules = startSchedules(services)
    await until(async () => {
      const known = new Set((await services.store.schedule.list()).map(({ name }) => name))
      return loops.every(({ name }) => known.has(name))
    })
    await schedules.stop()
    const known = (await services.store.schedule.list()).filter(({ last_run_at }) => last_run_at !== null)
    expect(known.map(({ name }) => name)).toEqual(expect.arrayContaining(loops.map(({ name }) => name)))
  })
})

describe('what is due', () => {
  it('is renewed when its time has come and not before, however often one looks', async () => {
    const { agent } = await served(scene, { name: 'due.example.test', agentId: 'agent-due', targetId: 'target-due' })
    services.clock.advance(50 * 86_400)
    await dueRenewals.run(services, never)
    expect(await agent.claim()).toEqual([])
    services.clock.advance(11 * 86_400)
    await dueRenewals.run(services, never)
    await dueRenewals.run(services, never)
    const asked = only(await agent.claim(), 'Renewal')
    await agent.submit(asked, await agent.csr(asked))
    await scene.work()
    await agent.deployed(only(await agent.claim(), 'Deployment'))
    await dueRenewals.run(services, never)
    expect(await agent.claim()).toEqual([])
  })

  it('is not renewed in circles where lives are short', async () => {
    await withScene({ lifeDays: 6 }, async (short) => {
      const { agent } = await served(short)
      short.services.clock.advance(2.5 * 86_400)
      await dueRenewals.run(short.services, never)
      expect(await agent.claim()).toEqual([])
      short.services.clock.advance(86_400)
      await dueRenewals.run(short.services, never)
      only(await agent.claim(), 'Renewal')
    })
  })

  it('is renewed although the certificate has ended', async () => {
    const { agent } = await served(scene, {
      name: 'ended.example.test',
      agentId: 'agent-ended',
      targetId: 'target-ended',
    })
    services.clock.advance(200 * 86_400)
    await dueRenewals.run(services, never)
    only(await agent.claim(), 'Renewal')
  })

  it('and waits for a CSR too long is told of, and still asked for', async () => {
    const agent = await scene.agent('agent-slow')
    await scene.target('target-slow', agent.id)
    const { id } = await scene.request({ commonName: 'slow.example.test', targetIds: ['target-slow'] })
    const [holder] = await services.store.holders.listOfCertificate(id)
    await overdueCsrs.run(services, never)
    expect(await services.store.events.isOpen(`csr-overdue:${holder?.id}:warning`)).toBe(false)
    services.clock.advance(86_401)
    await overdueCsrs.run(services, never)
    expect(await services.store.events.isOpen(`csr-overdue:${holder?.id}:warning`)).toBe(true)
    const asked = only(await agent.claim())
    await agent.submit(asked, await agent.csr(asked))
    await scene.work()
    expect(await services.store.events.isOpen(`csr-overdue:${holder?.id}:warning`)).toBe(false)
  })

  it('and whose lease ran out wakes whoever may claim it', async () => {
    const { id, agent } = await served(scene, {
      name: 'lease.example.test',
      agentId: 'agent-lease',
      targetId: 'target-lease',
    })
    const { deployCertificate } = await import('../../src/lifecycle/placement/deploy-certificate.js')
    await deployCertificate(services, { certificateId: id, actor: agent.actor })
    await agent.claim()
    services.clock.advance(301)
    const woken = new Promise<string>((resolve) => {
      services.wakes.on('agent', (subject) => {
        if (subject === agent.id) resolve(subject)
      })
    })
    await expiredLeases.run(services, never)
    expect(await woken).toBe(agent.id)
  })

  it('and ended a month ago is taken away, and what ended since is kept', async () => {
    const insert = async (id: string) =>
      await services.store.jobs.insert({
        id,
        kind: 'bulk',
        state: 'done',
        run_at: services.clock.now(),
        requested_by: 'test',
        created_at: services.clock.now(),
        completed_at: services.clock.now(),
      })
    await insert('job-old')
    services.clock.advance(29 * 86_400)
    await insert('job-new')
    services.clock.advance(2 * 86_400)
    await purge.run(services, never)
    expect(await services.store.jobs.get('job-old')).toBeUndefined()
    expect(await services.store.jobs.get('job-new')).toBeDefined()
  })
})
