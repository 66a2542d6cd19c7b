import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createPlan, mostADay, type PlanQuestion, type RenewalPlan } from '../../src/inventory/plan.js'
import { readPlan } from '../../src/inventory/read-plan.js'
import { updateTarget } from '../../src/inventory/update-target.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import type { PlannedHolder, QueuedDeployment } from '../../src/store/plan-feed.js'
import { createScene, only, operator, type Scene, served, withScene } from '../lifecycle/scene.js'

const day = 86_400_000
const now = new Date('2026-11-25T12:00:00Z')
const at = (days: number) => new Date(now.getTime() + days * day)

function holder(facts: Partial<PlannedHolder> = {}): PlannedHolder {
  return {
    id: 'holder-1',
    certificate_id: 'cert-1',
    certificate_name: 'www.example.test',
    issuer_id: 'iss-a',
    kind: 'agent',
    agent_id: 'agent-a',
    agent_name: 'a',
    last_heartbeat_at: now,
    renew_at: at(10),
    renew_at_reason: 'a third of its life is left then',
    next_attempt_at: null,
    failures: 0,
    last_error: null,
    blocked_code: null,
    window_days: null,
    received_at: at(-50),
    not_after: at(40),
    target_ids: ['target-a'],
    waits_until: [null],
    may_hold_key: true,
    needs_csr: false,
    ...facts,
  }
}

function planOf(holders: readonly PlannedHolder[], question: Partial<PlanQuestion> = {}): RenewalPlan {
  const plan = createPlan({ now, days: 30, windows: new Map(), ...question })
  for (const each of holders) plan.add(each)
  return plan.result()
}

// The first of them is three days after `now`, a Wednesday.
const saturdays = new Map([['target-a', [{ cron: '0 2 * * SAT', duration: '4h', time_zone: 'UTC' }]]])

function queued(facts: Partial<QueuedDeployment> = {}): QueuedDeployment {
  const served = { not_after: at(40), revoked_at: null, revocation_reason: null }
  return { id: 'job-1', priority: 100, run_at: at(0.25), target_id: 'target-a', served, ...facts }
}

const sum = (byDay: ReadonlyMap<number, number>) => [...byDay.values()].reduce((total, times) => total + times, 0)

describe('a plan', () => {
  it('has every renewal on its day, by CA and by target', () => {
    const plan = planOf([
      holder(),
      holder({ id: 'holder-2', issuer_id: 'iss-b', target_ids: ['target-a', 'target-b'] }),
      holder({ id: 'holder-3', renew_at: at(31) }),
    ])
    expect(plan.renewals).toEqual({ total: 2, byDay: new Map([[10, 2]]) })
    expect(plan.byIssuer.get('iss-b')?.total).toBe(1)
    expect(plan.byTarget.get('target-a')?.total).toBe(2)
    expect(plan.deployments.total).toBe(3)
    expect(plan.warnings).toEqual([])
  })

  it('renews again and again what lives shorter than it looks ahead', () => {
    const short = holder({ received_at: at(-2), not_after: at(4), renew_at: at(1) })
    const { renewals } = planOf([short])
    // Six days of life, half of which is left at each renewal, less up to a tenth: one about every 2.85 days.
    expect(renewals.total).toBeGreaterThanOrEqual(9)
    expect(renewals.total).toBeLessThanOrEqual(11)
    const hourly = planOf([holder({ received_at: at(-0.5), not_after: at(0.5), renew_at: now })])
    expect(hourly.renewals.total).toBeGreaterThanOrEqual(60)
    expect(hourly.renewals.total).toBeLessThanOrEqual(66)
    expect(mostADay(hourly.renewals)).toBeLessThanOrEqual(3)
  })

  it('counts what is overdue for today, and what waits for its next attempt when that comes', () => {
    expect(planOf([holder({ renew_at: at(-3) })]).renewals.byDay).toEqual(new Map([[0, 1]]))
    const waiting = holder({ renew_at: at(-3), failures: 2, next_attempt_at: at(2), last_error: 'no' })
    expect(planOf([waiting]).renewals.byDay).toEqual(new Map([[2, 1]]))
  })

  it('says what would be under another lifetime, spread over the time between two renewals', () => {
    const many = Array.from({ length: 900 }, (_, index) => holder({ id: `holder-${index}` }))
    const { renewals } = planOf(many, { lifetimeSeconds: 47 * 86_400 })
    // About every 30 days each: nearly all of them once in thirty days, thirty a day.
    expect(renewals.total).toBeGreaterThan(820)
    expect(renewals.total).toBeLessThan(960)
    expect(mostADay(renewals)).toBeLessThan(40)
  })

  it('renews nothing under another lifetime either that nobody renews', () => {
    const left = holder({ renew_at: null, renew_at_reason: 'nobody has its key', not_after: at(8) })
    const plan = planOf([left], { lifetimeSeconds: 47 * 86_400 })
    expect(plan.renewals.total).toBe(0)
    expect(plan.warnings).toMatchObject([{ kind: 'by_hand' }])
  })

  it('adds up, whatever is in it, and is the same twice', () => {
    const one = fc.record({
      renew: fc.option(fc.double({ min: -10, max: 60, noNaN: true }), { nil: undefined }),
      life: fc.double({ min: 0.05, max: 400, noNaN: true }),
      issuer: fc.constantFrom('iss-a', 'iss-b'),
      targets: fc.uniqueArray(fc.constantFrom('t-1', 't-2', 't-3')),
      failures: fc.integer({ min: 0, max: 2 }),
    })
    const lifetime = fc.option(fc.integer({ min: 3600, max: 100 * 86_400 }), { nil: undefined })
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 8 }),
        fc.integer({ min: 1, max: 90 }),
        lifetime,
        (facts, days, lifetimeSeconds) => {
          const holders = facts.map(({ renew, life, issuer, targets, failures }, index) =>
            holder({
              id: `holder-${index}`,
              issuer_id: issuer,
              target_ids: targets,
              waits_until: targets.map(() => null),
              failures,
              renew_at: renew === undefined ? null : at(renew),
              received_at: at(-1),
              not_after: at(life - 1),
            }),
          )
          const plan = planOf(holders, { days, lifetimeSeconds })
          expect(sum(plan.renewals.byDay)).toBe(plan.renewals.total)
          expect([...plan.byIssuer.values()].reduce((total, { total: of }) => total + of, 0)).toBe(plan.renewals.total)
          expect([...plan.byTarget.values()].reduce((total, { total: of }) => total + of, 0)).toBe(
            plan.deployments.total,
          )
          for (const each of plan.renewals.byDay.keys()) {
            expect(each).toBeGreaterThanOrEqual(0)
            expect(each).toBeLessThanOrEqual(days)
          }
          expect(planOf(holders, { days, lifetimeSeconds })).toEqual(plan)
        },
      ),
    )
  })

  it('names what is not renewed by itself, fails now, or waits for somebody who is away, and the command to type', () => {
    const { warnings } = planOf([
      holder({ id: '1', blocked_code: 'policy_denied', last_error: 'no wildcard' }),
      holder({ id: '2', failures: 3, last_error: 'the CA is away' }),
      holder({ id: '3', renew_at: null, renew_at_reason: 'its policy leaves renewals to people', not_after: at(20) }),
      holder({ id: '4', last_heartbeat_at: at(-1) }),
      holder({ id: '5', last_heartbeat_at: at(-1), renew_at: at(100) }),
      holder({ id: '6', renew_at: null, not_after: at(200) }),
    ])
    expect(warnings.map(({ kind }) => kind)).toEqual(['blocked', 'failing', 'by_hand', 'agent_silent'])
    expect(warnings.every(({ command }) => command.startsWith('certctl '))).toBe(true)
    expect(warnings[1]?.message).toContain('the CA is away')
  })

  it('names a target whose window opens only after the certificate has ended', () => {
    const rules = [{ cron: '0 2 1 * *', duration: '1h', time_zone: 'UTC' }]
    const windows = new Map([['target-a', rules]])
    const late = planOf([holder({ renew_at: at(8), not_after: at(11), received_at: at(-10) })], { windows })
    expect(late.warnings).toMatchObject([{ kind: 'window_too_late', target_id: 'target-a' }])
    // The window of the first of December lies between renewal and end.
    const inTime = planOf([holder({ renew_at: at(2), not_after: at(11), received_at: at(-10) })], { windows })
    expect(inTime.warnings).toEqual([])
  })

  it('names a target whose window opens so shortly before the end that the deployment does not wait for it', () => {
    const windows = new Map([['target-a', [{ cron: '0 2 5 * *', duration: '4h', time_zone: 'UTC' }]]])
    const kinds = (ends: string, renews: string) => {
      const one = holder({ renew_at: new Date(renews), not_after: new Date(ends) })
      return planOf([one], { windows }).warnings.map(({ kind }) => kind)
    }
    expect(kinds('2026-12-05T02:10:00Z', '2026-12-02T12:00:00Z')).toEqual(['window_too_late'])
    expect(kinds('2026-12-05T02:16:00Z', '2026-12-02T12:00:00Z')).toEqual([])
    // It is open then: there is nothing to wait for.
    expect(kinds('2026-12-05T03:10:00Z', '2026-12-05T03:00:00Z')).toEqual([])
    expect(kinds('2026-12-05T02:50:00Z', '2026-12-05T03:00:00Z')).toEqual([])
  })
})

describe('deployments of a plan', () => {
  const deployedOn = (facts: Partial<PlannedHolder>, question: Partial<PlanQuestion> = {}) =>
    planOf([holder(facts)], { windows: saturdays, ...question }).deployments.byDay
  const queuedOn = (facts: Partial<QueuedDeployment>, question: Partial<PlanQuestion> = {}) => {
    const plan = createPlan({ now, days: 30, windows: saturdays, ...question })
    plan.addDeployment(queued(facts))
    const { deployments, byTarget, renewals } = plan.result()
    expect(byTarget.get('target-a') ?? { total: 0, byDay: new Map() }).toEqual(deployments)
    expect(renewals.total).toBe(0)
    return deployments.byDay
  }

  it('are on the day of the window after the renewal, target by target', () => {
    const plan = planOf(
      [holder({ renew_at: at(1), target_ids: ['target-a', 'target-b'], waits_until: [null, null] })],
      {
        windows: saturdays,
      },
    )
    expect(plan.renewals.byDay).toEqual(new Map([[1, 1]]))
    expect(plan.byTarget.get('target-a')?.byDay).toEqual(new Map([[3, 1]]))
    expect(plan.byTarget.get('target-b')?.byDay).toEqual(new Map([[1, 1]]))
    expect(sum(plan.deployments.byDay)).toBe(plan.deployments.total)
    expect(deployedOn({ renew_at: null, received_at: null, not_after: null, next_attempt_at: at(4) })).toEqual(
      new Map([[10, 1]]),
    )
  })

  it('are on the day of the renewal where a window is open then, or the certificate does not wait for one', () => {
    expect(deployedOn({ renew_at: new Date('2026-11-28T03:00:00Z') })).toEqual(new Map([[3, 1]]))
    expect(deployedOn({ renew_at: at(1), not_after: new Date('2026-11-28T02:10:00Z') })).toEqual(new Map([[1, 1]]))
    expect(deployedOn({ renew_at: at(1), not_after: new Date('2026-11-28T02:16:00Z') })).toEqual(new Map([[3, 1]]))
  })

  it('are none where the window opens after the last day', () => {
    expect(deployedOn({ renew_at: at(1) }, { days: 2 })).toEqual(new Map())
  })

  it('are one where several renewals come before the window, or one waits for it already', () => {
    // Renewed about every twenty-two days.
    const months = new Map([['target-a', [{ cron: '0 2 20 * *', duration: '4h', time_zone: 'UTC' }]]])
    const often = { renew_at: at(1), received_at: at(-4), not_after: at(40), window_days: 21 }
    expect(planOf([holder(often)], { windows: months }).renewals.total).toBe(2)
    expect(deployedOn(often, { windows: months })).toEqual(new Map([[25, 1]]))
    expect(deployedOn({ renew_at: at(1), waits_until: [new Date('2026-11-28T02:00:00Z')] })).toEqual(new Map())
    expect(deployedOn({ renew_at: at(4), waits_until: [new Date('2026-11-28T02:00:00Z')] })).toEqual(new Map([[10, 1]]))
  })

  it('that are queued are on their day: when they are due, and in a window unless the certificate does not wait', () => {
    const anyTime = { windows: new Map() }
    expect(queuedOn({ run_at: at(2) }, anyTime)).toEqual(new Map([[2, 1]]))
    expect(queuedOn({ run_at: at(-2) }, anyTime)).toEqual(new Map([[0, 1]]))
    expect(queuedOn({ run_at: new Date('2026-11-28T02:00:00Z') })).toEqual(new Map([[3, 1]]))
    // Nobody took it in the window before: it waits for the next.
    expect(queuedOn({ run_at: at(-4) })).toEqual(new Map([[3, 1]]))
    expect(queuedOn({ run_at: at(-4) }, { days: 2 })).toEqual(new Map())
    const compromised = { not_after: at(40), revoked_at: at(-1), revocation_reason: 'keyCompromise' }
    const ending = { not_after: at(1), revoked_at: null, revocation_reason: null }
    for (const served of [compromised, ending]) expect(queuedOn({ run_at: now, served })).toEqual(new Map([[0, 1]]))
    expect(queuedOn({ run_at: now, served: null })).toEqual(new Map([[3, 1]]))
  })
})

describe('the plan of an inventory', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await createScene()
  })
  afterAll(async () => await scene.close())

  const read = async (of: Scene, days: number, lifetimeSeconds?: number) =>
    await readPlan(of.services, { days, lifetimeSeconds, signal: new AbortController().signal })

  it('is what then happens', async () => {
    const { id, agent } = await served(scene)
    expect(await read(scene, 30)).toMatchObject({ renewals: 0, days: [], warnings: [] })
    await scene.services.store.agents.recordBeats([{ id: agent.id, at: scene.services.clock.now() }])
    const plan = await read(scene, 65)
    expect(plan).toMatchObject({ renewals: 1, deployments: 1, warnings_total: 0 })
    expect(plan.issuers).toEqual([{ id: 'iss-fake', name: 'iss-fake', metered: false, renewals: 1, most_a_day: 1 }])
    expect(plan.targets).toEqual([
      { id: 'target-a', name: 'target-a', agent_id: 'agent-a', deployments: 1, most_a_day: 1 },
    ])
    const [planned] = plan.days
    const midnight = Date.parse(planned?.date ?? '')
    scene.services.clock.advance((midnight - scene.services.clock.now().getTime()) / 1000 - 1)
    await dueRenewals.run(scene.services, new AbortController().signal)
    expect(await agent.claim()).toEqual([])
    scene.services.clock.advance(86_401)
    await dueRenewals.run(scene.services, new AbortController().signal)
    expect(only(await agent.claim(), 'Renewal').certificate_id).toBe(id)
  })

  it('has what waits for a window of today, once, until it is done or its target is off', async () => {
    await withScene({}, async (waiting) => {
      const { services } = waiting
      const { id, agent } = await served(waiting)
      // The scene begins at noon.
      const windows = [{ cron: '12 20 * * *', duration: '1m', time_zone: 'UTC' }]
      const update = async (changes: object) =>
        await updateTarget(services, { id: 'target-a', ...changes, actor: operator, check: () => undefined })
      await update({ windows })
      await renewCertificate(services, { certificateId: id, actor: operator, force: false })
      const asked = only(await agent.claim())
      await agent.submit(asked, await agent.csr(asked))
      await waiting.work()
      const date = services.clock.now().toISOString().slice(0, 10)
      const plan = await read(waiting, 1)
      expect(plan).toMatchObject({ renewals: 0, deployments: 1, warnings: [] })
      expect(plan.days).toEqual([{ date, renewals: 0, deployments: 1, issuers: {} }])
      expect(plan.targets).toMatchObject([{ id: 'target-a', deployments: 1, most_a_day: 1 }])
      const [holding] = await services.store.planFeed.listHolders(
        { until: undefined, policyId: '' },
        { after: '', limit: 9 },
      )
      expect(holding?.waits_until).toEqual([new Date(`${date}T20:12:00Z`)])
      await update({ enabled: false })
      expect((await read(waiting, 1)).deployments).toBe(0)
      await update({ enabled: true })
      services.clock.advance((Date.parse(`${date}T20:12:00Z`) - services.clock.now().getTime()) / 1000)
      await agent.deployed(only(await agent.claim(), 'Deployment'))
      expect(await read(waiting, 1)).toMatchObject({ deployments: 0, days: [] })
    })
  })

  it('reads what is queued in pages, each once', async () => {
    await withScene({}, async (waiting) => {
      const { services } = waiting
      const agent = await waiting.agent('agent-a')
      const targetIds = ['target-a', 'target-b', 'target-c']
      for (const targetId of targetIds) await waiting.target(targetId, agent.id)
      await waiting.request({ commonName: 'www.example.test', targetIds })
      const asked = only(await agent.claim())
      await agent.submit(asked, await agent.csr(asked))
      await waiting.work()
      const found: string[] = []
      for (let after: QueuedDeployment | undefined; ; ) {
        const page = await services.store.planFeed.listDeployments(at(400), { after, limit: 1 })
        after = page[0]
        if (after === undefined) break
        found.push(after.target_id)
        expect(after.served).toBeNull()
      }
      expect(found.toSorted()).toEqual(targetIds)
      expect(await services.store.planFeed.listDeployments(at(-400), { after: undefined, limit: 9 })).toEqual([])
    })
  })

  it('answers what would be, and changes nothing', async () => {
    const before = await scene.services.store.holders.countRenewals(scene.services.clock.now())
    const plan = await read(scene, 30, 47 * 86_400)
    expect(plan.lifetime_seconds).toBe(47 * 86_400)
    expect(plan.renewals).toBeGreaterThanOrEqual(0)
    expect(await scene.services.store.holders.countRenewals(scene.services.clock.now())).toEqual(before)
  })

  it('asks a CA that counts about its busiest day, and says which agents are away and which windows come too late', async () => {
    await withScene({ metered: true, lifeDays: 6 }, async (metered) => {
      await served(metered)
      await updateTarget(metered.services, {
        id: 'target-a',
        windows: [{ cron: '0 2 1 1 *', duration: '1h', time_zone: 'UTC' }],
        actor: operator,
        check: () => undefined,
      })
      const near = await read(metered, 5)
      expect(near.issuers).toMatchObject([{ id: 'iss-fake', metered: true, renewals: 1 }])
      expect(near.warnings).toMatchObject([{ kind: 'window_too_late', target_id: 'target-a' }])
      metered.services.clock.advance(600)
      expect((await read(metered, 5)).warnings).toMatchObject([{ kind: 'agent_silent', agent_id: 'agent-a' }])
    })
  })
})
