import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { quoteTxt, splitTxt, unquoteTxt } from '../../src/index.js'

const bytesOf = (text: string): number => new TextEncoder().encode(text).length

describe('a TXT value', () => {
  it('is written in quotes, with quotes and backslashes escaped', () => {
    expect(quoteTxt('with "quotes" and a \\')).toBe('"with \\"quotes\\" and a \\\\"')
    expect(quoteTxt('')).toBe('""')
  })

  it('of more than 255 bytes is several strings, and is one value again', () => {
    const value = 'x'.repeat(600)
    expect(splitTxt(value).map(bytesOf)).toEqual([255, 255, 90])
    expect(quoteTxt(value).split(' ')).toHaveLength(3)
    expect(unquoteTxt(quoteTxt(value))).toBe(value)
  })

  it('is cut between characters, not inside one', () => {
    const parts = splitTxt(`${'x'.repeat(254)}ü${'🔒'.repeat(100)}`)
    expect(parts.join('')).toBe(`${'x'.repeat(254)}ü${'🔒'.repeat(100)}`)
    expect(Math.max(...parts.map(bytesOf))).toBeLessThanOrEqual(255)
  })

  it('what is not printable ASCII is written by its bytes', () => {
    expect(quoteTxt('ü\n')).toBe('"\\195\\188\\010"')
    expect(unquoteTxt('"\\195\\188" "\\010"')).toBe('ü\n')
  })

  it('without quotes is taken as it stands', () => {
    expect(unquoteTxt('v=spf1 include:_spf.example.test ~all')).toBe('v=spf1 include:_spf.example.test ~all')
    expect(unquoteTxt('a\\b"c"')).toBe('a\\b"c"')
  })

  it('is the same after it was written and read', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 600 }), (value) => unquoteTxt(quoteTxt(value)) === value),
    )
  })

  it('every part is at most 255 bytes, and the parts are the value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 900 }), (value) => {
        const parts = splitTxt(value)
        return parts.join('') === value && parts.every((part) => bytesOf(part) <= 255)
      }),
    )
  })
})
