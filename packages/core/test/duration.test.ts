import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { formatDuration, parseDuration } from '../src/duration.js'

describe('a duration', () => {
  it.each([
    ['500ms', 0.5],
    ['30s', 30],
    ['5m', 300],
    ['6h', 21_600],
    ['7d', 604_800],
    ['1h30m', 5400],
    ['1.5h', 5400],
    ['0s', 0],
    [' 10s ', 10],
  ])('%s is %d seconds', (text, seconds) => {
    expect(parseDuration(text)).toBeCloseTo(seconds, 9)
  })

  it.each(['', '30', 's', '30 s', '-5m', '5M', '1w', '1e3s', '5m!', '1..5s', '0x10s', 'five minutes'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined()
    },
  )

  it.each([
    [0.5, '500ms'],
    [0, '0ms'],
    [1, '1s'],
    [90, '90s'],
    [120, '2m'],
    [3600, '1h'],
    [5400, '90m'],
    [86_400, '1d'],
    [90_000, '25h'],
  ])('of %d seconds is written as the shortest exact text', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text)
  })

  it('survives being written and read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds / 1000))).toBeCloseTo(milliseconds / 1000, 6)
      }),
    )
  })
})
