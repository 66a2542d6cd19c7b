import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { nextWindow, type WindowRule, windowFault } from '../../src/lifecycle/placement/next-window.js'
import { beatsWindow } from '../../src/lifecycle/placement/window-of.js'

const minute = 60_000
const day = 86_400_000
const base = Date.parse('2026-11-25T12:00:00Z')
const utc = (cron: string, duration: string): WindowRule => ({ cron, duration, time_zone: 'UTC' })
const berlin = (cron: string, duration: string): WindowRule => ({ cron, duration, time_zone: 'Europe/Berlin' })
const next = (rule: WindowRule, at: string) => nextWindow([rule], new Date(at))?.toISOString()

interface Simple {
  minute: number
  hours: number[]
  weekdays: number[]
  minutesOpen: number
}

const simple: fc.Arbitrary<Simple> = fc.record({
  minute: fc.integer({ min: 0, max: 59 }),
  hours: fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { minLength: 1, maxLength: 3 }),
  weekdays: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 3 }),
  minutesOpen: fc.integer({ min: 1, max: 1500 }),
})

const ruleOf = ({ minute: at, hours, weekdays, minutesOpen }: Simple): WindowRule =>
  utc(`${at} ${hours.join(',')} * * ${weekdays.join(',')}`, `${minutesOpen}m`)

/** Every beginning in a month around, hour by hour. */
function startsOf({ minute: at, hours, weekdays }: Simple): number[] {
  const starts: number[] = []
  for (let hour = base - 3 * day; hour < base + 30 * day; hour += 3_600_000) {
    const time = new Date(hour)
    if (hours.includes(time.getUTCHours()) && weekdays.includes(time.getUTCDay())) starts.push(hour + at * minute)
  }
  return starts
}

describe('the next maintenance window', () => {
  it('is the first moment at which one is open', () => {
    const moment = fc.integer({ min: 0, max: 14 * day })
    fc.assert(
      fc.property(fc.array(simple, { minLength: 1, maxLength: 3 }), moment, (rules, offset) => {
        const at = base + offset
        const open = rules.flatMap((rule) =>
          startsOf(rule).map((start) => ({ start, end: start + rule.minutesOpen * minute })),
        )
        const isOpen = open.some(({ start, end }) => start <= at && at < end)
        const expected = isOpen ? at : Math.min(...open.map(({ start }) => start).filter((start) => start > at))
        expect(nextWindow(rules.map(ruleOf), new Date(at))?.getTime()).toBe(expected)
      }),
    )
  })

  it('is open from its first moment on, and no longer in the moment it ends', () => {
    const rule = utc('0 2 * * *', '4h')
    expect(next(rule, '2026-11-25T02:00:00.000Z')).toBe('2026-11-25T02:00:00.000Z')
    expect(next(rule, '2026-11-25T05:59:59.999Z')).toBe('2026-11-25T05:59:59.999Z')
    expect(next(rule, '2026-11-25T06:00:00.000Z')).toBe('2026-11-26T02:00:00.000Z')
    expect(next(rule, '2026-11-25T01:59:59.999Z')).toBe('2026-11-25T02:00:00.000Z')
  })

  it('follows the clocks of its time zone through the year', () => {
    expect(next(berlin('0 2 * * SAT', '4h'), '2026-11-25T12:00:00Z')).toBe('2026-11-28T01:00:00.000Z')
    expect(next(berlin('0 2 * * SAT', '4h'), '2026-07-01T12:00:00Z')).toBe('2026-07-04T00:00:00.000Z')
  })

  it('opens right after a clock that is put forward over its beginning, and once where it is put back', () => {
    expect(next(berlin('30 2 * * *', '1h'), '2027-03-27T12:00:00Z')).toBe('2027-03-28T01:00:00.000Z')
    expect(next(berlin('30 2 * * *', '30m'), '2026-10-24T12:00:00Z')).toBe('2026-10-25T00:30:00.000Z')
    expect(next(berlin('30 2 * * *', '30m'), '2026-10-25T01:00:00Z')).toBe('2026-10-26T01:30:00.000Z')
  })

  it('understands ranges, lists, steps and names', () => {
    expect(next(utc('*/20 22-23 * NOV-DEC MON-FRI', '10m'), '2026-11-25T12:00:00Z')).toBe('2026-11-25T22:00:00.000Z')
    expect(next(utc('*/20 22-23 * NOV-DEC MON-FRI', '10m'), '2026-11-25T22:11:00Z')).toBe('2026-11-25T22:20:00.000Z')
    expect(next(utc('0 3 1,15 * *', '1h'), '2026-11-25T12:00:00Z')).toBe('2026-12-01T03:00:00.000Z')
  })

  it('is none where no rule ever opens', () => {
    expect(nextWindow([utc('0 2 30 2 *', '1h')], new Date(base))).toBeUndefined()
    expect(nextWindow([], new Date(base))).toBeUndefined()
  })
})

describe('a rule of a maintenance window', () => {
  it('is refused by the field that is wrong', () => {
    const faultOf = (rule: WindowRule) => windowFault(rule, new Date(base))
    expect(faultOf(utc('0 2 * * SAT', '4h'))).toBeUndefined()
    expect(faultOf(utc('61 2 * * *', '4h'))).toMatchObject({
      field: 'cron',
      message: expect.stringContaining('minute'),
    })
    expect(faultOf(utc('0 2 * *', '4h'))).toMatchObject({ field: 'cron', message: expect.stringContaining('five') })
    expect(faultOf(utc('@daily', '4h'))).toMatchObject({ field: 'cron' })
    expect(faultOf(utc('0 2 30 2 *', '4h'))).toMatchObject({ field: 'cron', message: expect.stringContaining('never') })
    expect(faultOf(utc('0 2 * * *', 'soon'))).toMatchObject({ field: 'duration' })
    expect(faultOf(utc('0 2 * * *', '0s'))).toMatchObject({ field: 'duration' })
    expect(faultOf(utc('0 2 * * *', '8d'))).toMatchObject({ field: 'duration' })
    expect(faultOf({ cron: '0 2 * * *', duration: '4h', time_zone: 'Mars/Phobos' })).toMatchObject({
      field: 'time_zone',
    })
  })
})

describe('what is served', () => {
  const opensAt = new Date(base + day)
  const served = (notAfterMs: number, reason: string | null = null) => ({
    not_after: new Date(base + notAfterMs),
    revoked_at: reason === null ? null : new Date(base),
    revocation_reason: reason,
  })

  it('beats a window where it ends before that opens, has ended, or its key is known to others', () => {
    expect(beatsWindow(served(day - 1), opensAt)).toBe(true)
    expect(beatsWindow(served(-day), opensAt)).toBe(true)
    expect(beatsWindow(served(90 * day, 'keyCompromise'), opensAt)).toBe(true)
  })

  it('waits where it lives on, was revoked for less, or is nothing', () => {
    expect(beatsWindow(served(2 * day), opensAt)).toBe(false)
    expect(beatsWindow(served(90 * day, 'superseded'), opensAt)).toBe(false)
    expect(beatsWindow(undefined, opensAt)).toBe(false)
  })
})
