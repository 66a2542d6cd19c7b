import { describe, expect, it } from '@jest/globals'
import { createJournal } from '../src/journal.js'
import { commandOf, fullSize, scenarioOf } from '../src/scenario.js'
import { describeViolation } from '../src/violation.js'

describe('the command that plays a run again', () => {
  it('names the seed, and only what differs from the usual world', () => {
    expect(commandOf(scenarioOf(7))).toBe('pnpm simulate --seeds 7')
    expect(commandOf(scenarioOf(7, { days: 40, lifetimes: [6] }))).toBe(
      `pnpm simulate --seeds 7 --scenario '{"days":40,"lifetimes":[6]}'`,
    )
    expect(commandOf(scenarioOf(3, fullSize))).toBe('pnpm simulate --full --seeds 3')
  })

  it('stands in what a failing seed prints, behind what was expected and what happened last', () => {
    const text = describeViolation({
      seed: 7,
      at: '2026-02-01T00:00:00.000Z',
      invariant: 'servesInTime',
      expected: 'target-1 serves nothing',
      lastEvents: ['one thing', 'another thing'],
      command: 'pnpm simulate --seeds 7',
    })
    expect(text.split('\n')).toEqual([
      'seed 7 fails at 2026-02-01T00:00:00.000Z: servesInTime',
      '  target-1 serves nothing',
      '  the last events:',
      '    one thing',
      '    another thing',
      '  play it again: pnpm simulate --seeds 7',
    ])
  })
})

describe('the journal', () => {
  it('keeps the last fifty lines and a hash over all of them', () => {
    const [one, same, other] = [createJournal(() => 0), createJournal(() => 0), createJournal(() => 0)]
    for (let number = 1; number <= 60; number++) {
      one.note(`event ${number}`)
      same.note(`event ${number}`)
      other.note(`event ${number === 1 ? 'another' : number}`)
    }
    expect(one.last()).toHaveLength(50)
    expect(one.last().at(-1)).toBe('1970-01-01T00:00:00.000Z event 60')
    expect(one.count()).toBe(60)
    expect(one.hash()).toBe(same.hash())
    expect(one.last()).toEqual(other.last())
    expect(one.hash()).not.toBe(other.hash())
  })
})
