import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { dayOf, deploymentsOf, onDays, servedUntil, type WindowedCourse } from '../../src/inventory/plan-days.js'
import { createOpenings } from '../../src/inventory/window-openings.js'
import { nextWindow, type WindowRule } from '../../src/lifecycle/placement/next-window.js'
import { beatsWindow } from '../../src/lifecycle/placement/window-of.js'

const start = Date.parse('2026-11-25T00:00:00Z')
const minuteMs = 60_000
const dayMinutes = 24 * 60
const inMinutes = (minutes: number) => start + minutes * minuteMs
const span = { start, end: inMinutes(30.5 * dayMinutes) }

type Facts = Omit<WindowedCourse, 'opensAt'>

/** On which days a target is changed, by asking about each renewal. */
function oneByOne(rules: readonly WindowRule[], { first, interval, left, endsAt, waitsUntil = 0 }: Facts): number[] {
  const days: number[] = []
  let until = waitsUntil
  for (let at = first; at < span.end; at += interval) {
    if (until > at) continue
    const served = servedUntil(at === first ? endsAt : at + left)
    const opensAt = nextWindow(rules, new Date(at)) ?? new Date(at)
    if (opensAt.getTime() > at && !beatsWindow(served, opensAt)) until = opensAt.getTime()
    const deployedAt = Math.max(at, until)
    if (deployedAt < span.end) days.push(dayOf(deployedAt, span))
  }
  return days
}

describe('deployments to a target with windows', () => {
  it('are what asking about each renewal finds', () => {
    const minutes = (min: number, max: number) => fc.integer({ min: min * minuteMs, max: max * minuteMs })
    const facts = fc.record({
      first: minutes(0, 10 * dayMinutes).map((offset) => start + offset),
      interval: minutes(61, 20 * dayMinutes),
      left: minutes(1, 10 * dayMinutes),
      endsAt: fc.option(
        minutes(-60, 30 * dayMinutes).map((offset) => start + offset),
        { nil: undefined },
      ),
      waitsUntil: fc.option(
        minutes(0, 10 * dayMinutes).map((offset) => start + offset),
        { nil: undefined },
      ),
    })
    const rule = fc.record({
      cron: fc.constantFrom('0 2 * * SAT', '30 */6 * * *', '0 0 1 * *', '12 20 * * *'),
      duration: fc.constantFrom('1m', '4h', '3d'),
      time_zone: fc.constant('UTC'),
    })
    fc.assert(
      fc.property(rule, facts, (one, course) => {
        const openings = createOpenings(new Map([['target-a', [one]]]))
        const found = deploymentsOf({ ...course, opensAt: (at) => openings('target-a', at) }, span)
        expect(found.flatMap(({ day, times }) => Array.from({ length: times }, () => day))).toEqual(
          oneByOne([one], course),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('of certificates that live for minutes are looked at by the hour', () => {
    let asked = 0
    const opensAt = (at: number) => {
      asked += 1
      return at
    }
    const course = { first: start, interval: minuteMs, left: minuteMs, endsAt: undefined, waitsUntil: undefined }
    const found = deploymentsOf({ ...course, opensAt }, span)
    expect(found.reduce((sum, { times }) => sum + times, 0)).toBe(30.5 * dayMinutes)
    expect(asked).toBe(30.5 * 24)
  })
})

describe('renewals', () => {
  it('end with what is looked at, in the middle of a day too', () => {
    const found = onDays({ first: start, interval: 2 * 60 * minuteMs }, { start, end: inMinutes(1.5 * dayMinutes) })
    expect(found).toEqual([
      { day: 0, times: 12 },
      { day: 1, times: 6 },
    ])
  })
})
