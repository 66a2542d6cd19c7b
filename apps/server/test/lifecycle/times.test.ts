import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { backoff } from '../../src/lifecycle/order/backoff.js'
import { renewalWindow } from '../../src/lifecycle/renewal/renewal-window.js'
import { severityOf } from '../../src/lifecycle/severity-of.js'
import { nextVerification } from '../../src/lifecycle/verification/next-verification.js'

const base = Date.parse('2026-11-25T12:00:00Z')
const day = 86_400_000
const at = (ms: number) => new Date(base + ms)
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const lifetime = fc.integer({ min: 1, max: 20 * 365 * day })

describe('the time of a renewal', () => {
  it('is never before the certificate came and never after it ends, so that an ended one is always due', () => {
    fc.assert(
      fc.property(
        lifetime,
        chance,
        fc.option(fc.integer({ min: 0, max: 400 }), { nil: undefined }),
        fc.option(fc.tuple(fc.integer({ min: -day, max: 400 * day }), fc.integer({ min: -day, max: 9 * day })), {
          nil: undefined,
        }),
        (life, random, policyWindowDays, window) => {
          const suggested =
            window === undefined ? undefined : { windowStart: at(window[0]), windowEnd: at(window[0] + window[1]) }
          const due = renewalWindow({
            receivedAt: at(0),
            notAfter: at(life),
            random: () => random,
            policyWindowDays,
            suggested,
          }).at.getTime()
          expect(due).toBeGreaterThanOrEqual(base)
          expect(due).toBeLessThanOrEqual(base + life)
        },
      ),
    )
  })

  it('is due at once for what ended before it came', () => {
    const { at: due } = renewalWindow({ receivedAt: at(0), notAfter: at(-1000), random: () => 0.5 })
    expect(due.getTime()).toBeLessThanOrEqual(base)
  })

  it('leaves a third of a long life, and half of one of ten days or less', () => {
    const dueOf = (life: number, random: number) =>
      (renewalWindow({ receivedAt: at(0), notAfter: at(life), random: () => random }).at.getTime() - base) / day
    expect(dueOf(90 * day, 0)).toBe(60)
    expect(dueOf(10 * day, 0)).toBe(5)
    expect(dueOf(6 * day, 0)).toBe(3)
    expect(dueOf(10.1 * day, 0)).toBeCloseTo(6.733, 2)
  })

  it('is spread towards earlier, by at most a tenth of what is left', () => {
    fc.assert(
      fc.property(lifetime, chance, (life, random) => {
        const latest = renewalWindow({ receivedAt: at(0), notAfter: at(life), random: () => 0 }).at.getTime()
        const spread = renewalWindow({ receivedAt: at(0), notAfter: at(life), random: () => random }).at.getTime()
        expect(spread).toBeLessThanOrEqual(latest)
        expect(latest - spread).toBeLessThanOrEqual((base + life - latest) / 10 + 1)
      }),
    )
  })

  it('counts from the moment it came, not from a notBefore the CA backdated', () => {
    // Six days of life, of which the CA took three away by backdating: what is left counts.
    const { at: due } = renewalWindow({ receivedAt: at(3 * day), notAfter: at(6 * day), random: () => 0 })
    expect(due).toEqual(at(4.5 * day))
  })

  it('follows a policy only where that leaves less than half the life', () => {
    const dueOf = (life: number, policyWindowDays: number) =>
      (renewalWindow({ receivedAt: at(0), notAfter: at(life), random: () => 0, policyWindowDays }).at.getTime() -
        base) /
      day
    expect(dueOf(90 * day, 14)).toBe(76)
    expect(dueOf(90 * day, 60)).toBe(60)
    expect(dueOf(6 * day, 31)).toBe(3)
  })

  it('lies in the window the CA suggests, where that is one', () => {
    const suggested = { windowStart: at(10 * day), windowEnd: at(12 * day) }
    expect(renewalWindow({ receivedAt: at(0), notAfter: at(90 * day), random: () => 0.5, suggested }).at).toEqual(
      at(11 * day),
    )
    const inverted = { windowStart: at(12 * day), windowEnd: at(10 * day) }
    const { at: due } = renewalWindow({
      receivedAt: at(0),
      notAfter: at(90 * day),
      random: () => 0,
      suggested: inverted,
    })
    expect(due).toEqual(at(60 * day))
  })
})

describe('the pause after a failure', () => {
  const waitOf = (question: Partial<Parameters<typeof backoff>[0]>) =>
    (backoff({ failures: 1, now: at(0), random: () => 0, ...question }).getTime() - base) / 1000

  it('grows from a minute and doubles', () => {
    expect([1, 2, 3, 4].map((failures) => waitOf({ failures }))).toEqual([60, 120, 240, 480])
  })

  it('is at most a tenth of the time left, and never longer than a day', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), lifetime, chance, (failures, life, random) => {
        const seconds = waitOf({ failures, endsAt: at(life), random: () => random })
        expect(seconds).toBeLessThanOrEqual(Math.max(60, Math.min(life / 1000 / 10, 86_400)) + 1)
        expect(seconds).toBeGreaterThanOrEqual(54)
      }),
    )
    expect(waitOf({ failures: 40 })).toBe(86_400)
  })

  it('goes on every hour at least after the certificate has ended', () => {
    expect(waitOf({ failures: 30, endsAt: at(-5 * day) })).toBe(3600)
    expect(waitOf({ failures: 1, endsAt: at(-5 * day) })).toBe(60)
  })

  it('is as long as the other side asks for, and a mistake of its does not stop renewals for ever', () => {
    expect(waitOf({ retryAfterSeconds: 1000 })).toBe(1000)
    expect(waitOf({ failures: 10, endsAt: at(day), retryAfterSeconds: 30_000 })).toBe(30_000)
    expect(waitOf({ retryAfterSeconds: 1e9 })).toBe(7 * 86_400)
  })
})

describe('a failure', () => {
  it('is grave in the last tenth of the life that still serves, and after it', () => {
    const serving = { received_at: at(0), not_after: at(90 * day) }
    expect(severityOf(serving, at(60 * day))).toBe('warning')
    expect(severityOf(serving, at(82 * day))).toBe('critical')
    expect(severityOf(serving, at(200 * day))).toBe('critical')
    expect(severityOf(undefined, at(0))).toBe('warning')
  })

  it('is grave in the last hour of what lives so shortly that an hour is more than its last tenth', () => {
    const serving = { received_at: at(0), not_after: at(day / 4) }
    expect(severityOf(serving, at(day / 4 - 3_600_000))).toBe('warning')
    expect(severityOf(serving, at(day / 4 - 3_599_000))).toBe('critical')
  })
})

describe('the next look at a placement', () => {
  it('comes within about an hour, and sooner where a grace window lets the target lag', () => {
    fc.assert(
      fc.property(chance, fc.constantFrom('served', 'deployed', 'unverifiable'), (random, state) => {
        const look = (config: object) =>
          (nextVerification({
            everySeconds: 3600,
            state: state as 'served',
            target: { config },
            now: at(0),
            random: () => random,
          }).getTime() -
            base) /
          1000
        expect(look({})).toBeLessThanOrEqual(3960)
        expect(look({})).toBeGreaterThanOrEqual(54)
        if (state === 'deployed') expect(look({ grace: '10m' })).toBeLessThanOrEqual(66)
      }),
    )
  })
})
