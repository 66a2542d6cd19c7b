import type { ChallengeAnswer } from '@certctl/core'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { retireAgent } from '../../src/inventory/retire-agent.js'
import { createScene, only, operator, type Scene, type SceneAgent } from './scene.js'

const thumbprint = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'
let scene: Scene
let one: SceneAgent
let two: SceneAgent

beforeEach(async () => {
  scene = await createScene()
  one = await scene.agent('agent-one')
  two = await scene.agent('agent-two')
  await scene.agent('agent-stranger')
  for (const agent of [one, two]) await scene.target(`target-${agent.id}`, agent.id)
  await scene.request({ commonName: 'www.example.test', targetIds: ['target-agent-one', 'target-agent-two'] })
  await scene.target('target-alone', one.id)
  await scene.request({ commonName: 'alone.example.test', targetIds: ['target-alone'] })
  // Their own requests for CSRs are not what this is about.
  for (const agent of [one, two])
    asked.set(
      agent.id,
      (await agent.claim()).map(({ id }) => id),
    )
})
afterEach(async () => await scene.close())

const asked = new Map<string, string[]>()

function answer(token: string, more: Partial<ChallengeAnswer> = {}): ChallengeAnswer {
  const keyAuthorization = `${token}.${thumbprint}`
  return {
    by: 'agents',
    kind: 'http-01',
    name: 'www.example.test',
    token,
    keyAuthorization,
    ...more,
  } as ChallengeAnswer
}
const publish = async (given: ChallengeAnswer, issuer = scene.issuerId) =>
  await scene.services.challenges.publish(issuer, given)
const withdraw = async (given: ChallengeAnswer) => await scene.services.challenges.withdraw(scene.issuerId, given)
const claimed = async (agent: SceneAgent) => await agent.claim(asked.get(agent.id))

describe('an answer that agents give', () => {
  it('is published when every agent that holds the name has confirmed, and no other is asked', async () => {
    expect(await publish(answer('a'))).toBe('waiting')
    const job = only(await claimed(one))
    expect(job).toMatchObject({
      type: 'Challenge',
      status: 'Running',
      challenge: {
        kind: 'http-01',
        name: 'www.example.test',
        token: 'a',
        key_authorization: `a.${thumbprint}`,
        port: 80,
        expires_at: '2026-11-25T14:00:00.000Z',
      },
    })
    await one.report(job, { outcome: 'done' })
    expect(await publish(answer('a'))).toBe('waiting')
    await two.report(only(await claimed(two)), { outcome: 'done' })
    expect(await publish(answer('a'))).toBe('published')
    expect(await publish(answer('a'))).toBe('published')
    expect([await claimed(one), await claimed(two)]).toEqual([[], []])
    const { services } = scene
    expect((await services.store.jobs.page({ agentId: 'agent-stranger' }, { limit: 9, count: false })).rows).toEqual([])
  })

  it('asks only who holds that very name', async () => {
    expect(await publish(answer('a', { name: 'alone.example.test' }))).toBe('waiting')
    await one.report(only(await claimed(one)), { outcome: 'done' })
    expect(await publish(answer('a', { name: 'alone.example.test' }))).toBe('published')
  })

  it('is refused where nobody holds the name, or only for another issuer', async () => {
    await expect(publish(answer('a', { name: 'nobody.example.test' }))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('No agent holds a certificate of iss-fake with the name nobody.example.test'),
    })
    await expect(publish(answer('a'), 'iss-other')).rejects.toMatchObject({ code: 'conflict' })
  })

  it('says which agent could not and why, and asks it again', async () => {
    await publish(answer('a', { name: 'alone.example.test' }))
    const message = 'Port 80 (all addresses) cannot be opened'
    await one.report(only(await claimed(one)), { outcome: 'refused', code: 'conflict', message })
    await expect(publish(answer('a', { name: 'alone.example.test' }))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(
        /Agent agent-one cannot answer http-01 for alone.example.test on port 80: Port 80/,
      ),
    })
    await one.report(only(await claimed(one)), { outcome: 'done' })
    expect(await publish(answer('a', { name: 'alone.example.test' }))).toBe('published')
  })

  it('is not waited for at an agent that was retired', async () => {
    await publish(answer('a'))
    await one.report(only(await claimed(one)), { outcome: 'done' })
    await retireAgent(scene.services, { id: two.id, force: true, reason: 'gone', actor: operator })
    expect(await publish(answer('a'))).toBe('published')
  })

  it('opens no port of the server', async () => {
    await publish(answer('a', { port: 1 }))
    expect(await scene.services.store.challenges.listServed(scene.services.clock.now())).toEqual([])
  })
})

describe('its withdrawal', () => {
  it('reaches whoever gives it, and whoever may be about to', async () => {
    await publish(answer('a'))
    const first = only(await claimed(one))
    await one.report(first, { outcome: 'done' })
    const underWay = only(await claimed(two))
    await withdraw(answer('a'))
    for (const agent of [one, two]) {
      const job = only(await agent.claim([...(asked.get(agent.id) ?? []), underWay.id]))
      expect(job.challenge).toMatchObject({ token: 'a', withdrawn: true })
      await agent.report(job, { outcome: 'done' })
    }
    await withdraw(answer('a'))
    expect(await claimed(one)).toEqual([])
  })

  it('cancels what no agent has taken', async () => {
    await publish(answer('a'))
    await withdraw(answer('a'))
    expect([await claimed(one), await claimed(two)]).toEqual([[], []])
  })

  it('turns what is claimed afterwards into a withdrawal', async () => {
    await publish(answer('a', { name: 'alone.example.test' }))
    const lost = only(await claimed(one))
    await withdraw(answer('a', { name: 'alone.example.test' }))
    const jobs = await claimed(one)
    expect(jobs.map(({ id }) => id)).toContain(lost.id)
    expect(jobs.map(({ challenge }) => challenge?.withdrawn)).toEqual([true, true])
  })

  it('is undone by publishing again, which every agent confirms anew', async () => {
    const alone = answer('a', { name: 'alone.example.test' })
    await publish(alone)
    await one.report(only(await claimed(one)), { outcome: 'done' })
    await withdraw(alone)
    await one.report(only(await claimed(one)), { outcome: 'done' })
    expect(await publish(alone)).toBe('waiting')
    const again = only(await claimed(one))
    expect(again.challenge?.withdrawn).toBeUndefined()
    await one.report(again, { outcome: 'done' })
    expect(await publish(alone)).toBe('published')
  })

  it('comes too late for what has ended by itself: there is nothing to do any more', async () => {
    await publish(answer('a'))
    scene.services.clock.advance(3 * 3600)
    expect((await claimed(one)).filter(({ type }) => type === 'Challenge')).toEqual([])
    await scene.services.store.challenges.removeExpired(scene.services.clock.now())
    await withdraw(answer('a'))
  })
})
