import { afterEach, describe, expect, it, jest } from '@jest/globals'
import fc from 'fast-check'
import { type AlignedClock, createAlignedClock } from '../src/aligned-clock.js'

const start = Date.parse('2026-11-25T12:00:00Z')

/** A machine whose two clocks and a database whose one are moved by hand. */
async function world() {
  const times = { database: start, wall: start + 3_600_000, monotonic: 5000, tripMs: 0, fails: false }
  const warnings: string[] = []
  const clock = await createAlignedClock({
    async measure() {
      if (times.fails) throw new Error('the database is gone')
      times.monotonic += times.tripMs / 2
      const at = new Date(times.database)
      times.monotonic += times.tripMs / 2
      return at
    },
    monotonicMs: () => times.monotonic,
    wallMs: () => times.wall,
    log: { warn: (_fields, message) => void warnings.push(message) },
  })
  clocks.push(clock)
  const pass = (ms: number): void => {
    times.database += ms
    times.wall += ms
    times.monotonic += ms
  }
  return { times, clock, pass, warnings }
}

const clocks: AlignedClock[] = []
afterEach(() => {
  for (const clock of clocks.splice(0)) clock.close()
  jest.useRealTimers()
})

describe('the aligned clock', () => {
  it("says the database's time, whatever the machine believes", async () => {
    const { clock, pass } = await world()
    expect(clock.now().getTime()).toBe(start)
    pass(90_000)
    expect(clock.now().getTime()).toBe(start + 90_000)
  })

  it('takes the middle of the way to the database and back for the moment of the answer', async () => {
    const { times, clock } = await world()
    times.tripMs = 200
    await clock.align()
    const { monotonic } = times
    times.tripMs = 0
    expect(clock.now().getTime()).toBeGreaterThanOrEqual(start + 100)
    expect(times.monotonic).toBe(monotonic)
  })

  it("does not move when the machine's clock is set", async () => {
    const { times, clock, pass } = await world()
    times.wall -= 86_400_000
    pass(1000)
    expect(clock.now().getTime()).toBe(start + 1000)
  })

  it('measures again when the machine slept, by itself, and then knows the time', async () => {
    jest.useFakeTimers()
    const { times, clock } = await world()
    times.wall += 3_600_000
    times.database += 3_600_000
    await jest.advanceTimersByTimeAsync(1000)
    expect(clock.now().getTime()).toBe(start + 3_600_000)
  })

  it('measures again by itself every ten minutes', async () => {
    jest.useFakeTimers()
    const { times, clock, pass } = await world()
    pass(600_000)
    times.database += 700
    await jest.advanceTimersByTimeAsync(1000)
    expect(clock.now().getTime()).toBe(start + 600_700)
  })

  it('goes on as it was while the database does not answer, and says so', async () => {
    const { times, clock, pass, warnings } = await world()
    times.fails = true
    await clock.align()
    pass(5000)
    expect(clock.now().getTime()).toBe(start + 5000)
    expect(warnings).toEqual(['the time of the database could not be measured'])
  })

  it('measures once for all who ask at the same time', async () => {
    const { clock } = await world()
    expect(clock.align()).toBe(clock.align())
    await clock.align()
  })

  it('runs at half speed instead of going back, until the database has caught up', async () => {
    const { times, clock, pass, warnings } = await world()
    times.database -= 10_000
    await clock.align()
    expect(clock.now().getTime()).toBe(start)
    pass(8000)
    expect(clock.now().getTime()).toBe(start + 4000)
    pass(12_000)
    expect(clock.now().getTime()).toBe(start + 10_000)
    pass(1000)
    expect(clock.now().getTime()).toBe(start + 11_000)
    expect(warnings[0]).toContain('half speed')
  })

  it('never goes back, whatever happens to any clock', async () => {
    const happenings = fc.array(
      fc.record({
        database: fc.integer({ min: -5000, max: 5000 }),
        wall: fc.integer({ min: -5000, max: 5000 }),
        passed: fc.nat(3000),
        align: fc.boolean(),
      }),
      { maxLength: 30 },
    )
    await fc.assert(
      fc.asyncProperty(happenings, async (steps) => {
        const { times, clock, pass } = await world()
        let last = clock.now().getTime()
        for (const { database, wall, passed, align } of steps) {
          times.database += database
          times.wall += wall
          pass(passed)
          if (align) await clock.align()
          const now = clock.now().getTime()
          expect(now).toBeGreaterThanOrEqual(last)
          last = now
        }
        clock.close()
      }),
      { numRuns: 100 },
    )
  })
})
