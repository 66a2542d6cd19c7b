import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { emptyPlaces, type Places, pauseBeforeUpdate, planToHold, withoutWanting } from '../src/places.js'

/** What acme-dns does with an update: two rows, the one with the smaller second is replaced, the first one where they are equal. */
function createRows() {
  const rows = [
    { value: '', at: 0 },
    { value: '', at: 0 },
  ]
  return {
    update(value: string, at: number) {
      const [first, second] = rows
      if (first === undefined || second === undefined) return
      Object.assign(second.at < first.at ? second : first, { value, at })
    },
    values: () => rows.map(({ value }) => value),
  }
}

const held = (value: string, wanted = true, at = 100) => ({ value, wanted, at })
const places = (...entries: Places['held']): Places => ({ settled: true, sentAt: 100, held: entries })

describe('what is sent', () => {
  it('is the value alone where the older place is free to be replaced', () => {
    for (const there of [emptyPlaces, places(held('a')), places(held('x', false), held('a'))])
      expect(planToHold(there, 'b', 200)).toMatchObject({ step: 'send', values: ['b'] })
  })

  it('is the other value first where that is the older one', () => {
    expect(planToHold(places(held('a'), held('x', false)), 'b', 200)).toMatchObject({
      step: 'send',
      values: ['a', 'b'],
    })
  })

  it('is both where it is not known whether an update happened', () => {
    const there = { ...places(held('a'), held('b')), settled: false }
    expect(planToHold(there, 'b', 200)).toMatchObject({ step: 'send', values: ['a', 'b'] })
  })

  it('is nothing where the value is there, even when it was given up before', () => {
    expect(planToHold(places(held('a')), 'a', 200)).toEqual({ step: 'nothing' })
    const again = { step: 'remember', held: [{ value: 'a', wanted: true, at: 200 }] }
    expect(planToHold(places(held('a', false)), 'a', 200)).toEqual(again)
  })

  it('waits while two others are wanted, and no longer than an hour', () => {
    const there = places(held('a'), held('b'))
    expect(planToHold(there, 'c', 200)).toEqual({ step: 'wait' })
    expect(planToHold(there, 'c', 100 + 3600)).toMatchObject({ step: 'send', values: ['c'] })
  })

  it('is more than a second after what was sent before, or may have been', () => {
    expect(pauseBeforeUpdate(places(), 100.1)).toBeCloseTo(1)
    expect(pauseBeforeUpdate(places(), 102)).toBe(0)
    expect(pauseBeforeUpdate({ ...places(), settled: false }, 5000)).toBeCloseTo(1.1)
    expect(pauseBeforeUpdate(emptyPlaces, 5000)).toBe(0)
    // A clock that was put back must not stop an order.
    expect(pauseBeforeUpdate(places(), 50)).toBeCloseTo(1.1)
  })
})

describe('whatever is asked for and given up, and wherever an answer is lost', () => {
  interface Act {
    value: string
    present: boolean
    seconds: number
    lost: 'before' | 'after' | undefined
  }
  const acts: fc.Arbitrary<Act[]> = fc.array(
    fc.record({
      value: fc.constantFrom('a', 'b', 'c', 'd'),
      present: fc.boolean(),
      seconds: fc.constantFrom(0, 0.3, 1, 5),
      lost: fc.constantFrom(undefined, undefined, undefined, 'before' as const, 'after' as const),
    }),
    { maxLength: 40 },
  )

  it('what was reported as published, and is not given up, is there', () => {
    fc.assert(
      fc.property(acts, (steps) => runAll(steps)),
      { numRuns: 2000 },
    )
  })

  function runAll(steps: readonly Act[]): void {
    const rows = createRows()
    const published = new Set<string>()
    let there = emptyPlaces
    let now = 1000
    for (const { value, present, seconds, lost } of steps) {
      now += seconds
      const plan = planToHold(there, value, now)
      if (!present) {
        published.delete(value)
        there = withoutWanting(there, value) ?? there
      } else if (plan.step === 'remember') {
        there = { ...there, held: plan.held }
        published.add(value)
      } else if (plan.step === 'send') {
        for (const [index, sent] of plan.values.entries()) {
          now += pauseBeforeUpdate(there, now)
          const isLast = index === plan.values.length - 1
          if (!(isLast && lost === 'before')) rows.update(sent, Math.floor(now))
          there = { settled: !isLast || lost === undefined, sentAt: now, held: plan.held }
        }
        if (lost === undefined) published.add(value)
      }
      for (const one of published) expect(rows.values()).toContain(one)
    }
  }
})
