import { describe, expect, it } from '@jest/globals'
import { isOut, upTime } from '../src/outages.js'

describe('outages', () => {
  it('begin at their first moment and are over at their last', () => {
    const outages = [{ from: 10, to: 20 }]
    expect([9, 10, 19, 20].map((ms) => isOut(outages, ms))).toEqual([false, true, true, false])
  })

  it('leave the rest of a span, however they overlap and whatever their order', () => {
    expect(upTime([], { from: 0, to: 100 })).toBe(100)
    expect(
      upTime(
        [
          { from: 50, to: 70 },
          { from: 20, to: 60 },
        ],
        { from: 0, to: 100 },
      ),
    ).toBe(50)
    expect(
      upTime(
        [
          { from: -50, to: 10 },
          { from: 90, to: 500 },
        ],
        { from: 0, to: 100 },
      ),
    ).toBe(80)
    expect(
      upTime(
        [
          { from: -50, to: 500 },
          { from: 20, to: 30 },
        ],
        { from: 0, to: 100 },
      ),
    ).toBe(0)
    expect(
      upTime(
        [
          { from: 200, to: 300 },
          { from: -20, to: -10 },
        ],
        { from: 0, to: 100 },
      ),
    ).toBe(100)
  })
})
