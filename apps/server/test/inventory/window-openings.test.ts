import { describe, expect, it, jest } from '@jest/globals'
import { Cron } from 'croner'
import fc from 'fast-check'
import { createOpenings } from '../../src/inventory/window-openings.js'
import { nextWindow } from '../../src/lifecycle/placement/next-window.js'

const begin = Date.parse('2026-10-20T12:00:00Z')
// Clocks in Berlin are put back, and forward, within ten days of these.
const begins = fc.constantFrom(begin, Date.parse('2027-03-22T12:00:00Z'))

describe('openings', () => {
  it('are those of the next window, at whichever moments and in whichever order they are asked for', () => {
    const rule = fc.record({
      cron: fc.constantFrom('0 2 * * SAT', '0 0 * * *', '12 20 * * *', '*/30 1-3 * * *', '30 2 1 * *'),
      duration: fc.constantFrom('1m', '90s', '29m', '4h', '2d'),
      time_zone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kathmandu'),
    })
    const moments = fc.array(fc.integer({ min: 0, max: 10 * 86_400_000 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 3 }), begins, moments, (rules, from, offsets) => {
        const openings = createOpenings(new Map([['target-a', rules]]))
        for (const offset of offsets)
          expect(openings('target-a', from + offset)).toBe(nextWindow(rules, new Date(from + offset))?.getTime())
      }),
      { numRuns: 100 },
    )
  })

  it('are found once for all targets with the same windows', () => {
    const rules = [{ cron: '0 2 * * SAT', duration: '4h', time_zone: 'UTC' }]
    const found = jest.spyOn(Cron.prototype, 'nextRun')
    try {
      const openings = createOpenings(
        new Map([
          ['target-a', rules],
          ['target-b', structuredClone(rules)],
        ]),
      )
      for (let minute = 0; minute < 7 * 24 * 60; minute += 1)
        for (const target of ['target-a', 'target-b']) openings(target, begin + minute * 60_000)
      expect(found.mock.calls.length).toBe(2)
    } finally {
      found.mockRestore()
    }
  })

  it('are at once where there are no windows', () => {
    const openings = createOpenings(new Map([['target-a', []]]))
    expect([openings('target-a', begin), openings('target-b', begin)]).toEqual([begin, begin])
  })
})
