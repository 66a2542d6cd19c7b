import { Secret } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createSealing } from '../../src/access/sealing.js'

const place = { table: 'connections', id: 'iss-1', column: 'secrets' }
const sealing = createSealing([new Secret('one key of more than thirty-two bytes')])

describe('sealing', () => {
  it('opens what it sealed, whatever it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (plain) => {
        expect(new Uint8Array(sealing.open(sealing.seal(plain, place), place))).toEqual(plain)
      }),
    )
  })

  it('never gives the same bytes twice, and none of the plain ones', () => {
    const [one, other] = [sealing.seal('canary-canary-canary', place), sealing.seal('canary-canary-canary', place)]
    expect(one.equals(other)).toBe(false)
    expect(one.includes('canary')).toBe(false)
  })

  it('does not open a value that was moved to another row, column or table', () => {
    const sealed = sealing.seal('secret', place)
    for (const moved of [{ id: 'iss-2' }, { column: 'config' }, { table: 'targets' }])
      expect(() => sealing.open(sealed, { ...place, ...moved })).toThrow('belongs to another row')
  })

  it('does not take two places that join to the same text for one', () => {
    const sealed = sealing.seal('secret', { table: 'a', id: 'b","c', column: 'd' })
    expect(() => sealing.open(sealed, { table: 'a', id: 'b', column: 'c","d' })).toThrow('cannot be opened')
  })

  it('notices every changed byte and every cut', () => {
    const sealed = sealing.seal('a secret of some length', place)
    for (let at = 0; at < sealed.length; at++) {
      const altered = Buffer.from(sealed)
      altered[at] = (altered[at] ?? 0) ^ 1
      expect(() => sealing.open(altered, place)).toThrow('cannot be opened')
      expect(() => sealing.open(sealed.subarray(0, at), place)).toThrow('cannot be opened')
    }
  })

  it('opens values of an older key while it seals with the new one', () => {
    const [older, newer] = [
      new Secret('the older key, which is long enough'),
      new Secret('the newer key, which is long enough'),
    ]
    const before = createSealing([older])
    const during = createSealing([newer, older])
    const after = createSealing([newer])
    expect(during.open(before.seal('old', place), place).toString()).toBe('old')
    expect(after.open(during.seal('new', place), place).toString()).toBe('new')
    expect(() => after.open(before.seal('old', place), place)).toThrow('with a key that this server was not given')
  })

  it('names the cell, never the value, when it cannot open', () => {
    const altered = Buffer.concat([sealing.seal('canary', place), Buffer.of(1)])
    expect(() => sealing.open(altered, place)).toThrow(
      expect.objectContaining({ code: 'internal', message: expect.stringMatching(/connections\.secrets of "iss-1"/) }),
    )
  })
})
