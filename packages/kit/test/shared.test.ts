import { CertctlError } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { systemClock } from '../src/clock.js'
import { nextLookSeconds } from '../src/next-look.js'
import { createShared } from '../src/shared.js'

/** An action whose end the test decides. */
const gate = () => {
  let open: () => void = () => undefined
  let fail: (error: unknown) => void = () => undefined
  const passed = new Promise<void>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  let begun = 0
  const action = async () => {
    begun += 1
    await passed
    return begun
  }
  return { action, open, fail, begun: () => begun }
}
const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('a shared action', () => {
  it('runs once for all who ask before it begins', async () => {
    const shared = createShared()
    let runs = 0
    const action = async () => ++runs
    expect(await Promise.all([shared('k', action), shared('k', action), shared('k', action)])).toEqual([1, 1, 1])
  })

  it('is never joined once it has begun: who comes later gets a run of their own, afterwards', async () => {
    const shared = createShared()
    const first = gate()
    const one = shared('k', first.action)
    await settle()
    expect(first.begun()).toBe(1)
    const second = gate()
    const [two, three] = [shared('k', second.action), shared('k', async () => 'not run')]
    await settle()
    expect(second.begun()).toBe(0)
    first.open()
    await one
    await settle()
    expect(second.begun()).toBe(1)
    second.open()
    expect(await Promise.all([two, three])).toEqual([1, 1])
  })

  it('of another key does not wait', async () => {
    const shared = createShared()
    const blocked = gate()
    void shared('a', blocked.action)
    expect(await shared('b', async () => 'done')).toBe('done')
    blocked.open()
  })

  it('that fails does so for all who joined, and for nobody else', async () => {
    const shared = createShared()
    const action = async (): Promise<never> => Promise.reject(new Error('no'))
    const joined = [shared('k', action), shared('k', async () => 'not run')]
    const outcomes = await Promise.allSettled(joined)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await shared('k', async () => 'fine')).toBe('fine')
  })

  it('that its first caller interrupted is run again for the others', async () => {
    const shared = createShared()
    const interrupted = shared('k', async () => Promise.reject(new CertctlError('aborted', 'interrupted')))
    const other = shared('k', async () => 'done')
    await expect(interrupted).rejects.toMatchObject({ code: 'aborted' })
    expect(await other).toBe('done')
  })

  it('is reloads for two hundred deployments: few, and each after the deployment that asked', async () => {
    const shared = createShared()
    let written = 0
    let runs = 0
    const reload = async () => {
      runs += 1
      const seen = written
      await settle()
      return seen
    }
    const deployments = Array.from({ length: 200 }, async (_, index) => {
      for (let turn = 0; turn < index % 7; turn += 1) await settle()
      written += 1
      const mine = written
      return (await shared('reload', reload)) >= mine
    })
    expect(await Promise.all(deployments)).toEqual(Array(200).fill(true))
    expect(runs).toBeLessThan(10)
  })
})

describe('the next look', () => {
  const middle = () => 0.5

  it('is after 5, 15, 45, 120 and 300 s, then hourly', () => {
    expect([0, 1, 2, 3, 4, 5, 50].map((look) => nextLookSeconds(look, middle))).toEqual([
      5, 15, 45, 120, 300, 3600, 3600,
    ])
  })

  it('is at most a fifth earlier or later', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (look, random) => {
        const ratio = nextLookSeconds(look, () => random) / nextLookSeconds(look, middle)
        return ratio > 0.799 && ratio < 1.201
      }),
    )
  })

  it('is never earlier than the other side asked', () => {
    expect(nextLookSeconds(0, middle, 60)).toBe(60)
    expect(nextLookSeconds(4, middle, 60)).toBe(300)
  })
})

describe('the clock of the machine', () => {
  it('tells the time and waits', async () => {
    const before = Date.now()
    await systemClock.delay(0.01, new AbortController().signal)
    expect(systemClock.now().getTime()).toBeGreaterThanOrEqual(before)
  })

  it('stops waiting when interrupted, also when that was before', async () => {
    const controller = new AbortController()
    const waiting = systemClock.delay(600, controller.signal)
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' })
    await expect(systemClock.delay(600, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' })
  })
})
