import { describe, expect, it } from '@jest/globals'
import { roomBeside } from '../../src/work/room-beside.js'

const held = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts).flatMap(([issuer, count]) => Array.from({ length: count }, () => issuer))

describe('the room of a copy that may have eight orders at one issuer', () => {
  it.each([
    ['all of it for one, at first', {}, { limit: 8, except: [] }],
    ['what is left of that', { a: 5 }, { limit: 3, except: [] }],
    ['what is left for whoever has most', { a: 2, b: 5 }, { limit: 3, except: [] }],
    ['a quarter more for others where one has all it may', { a: 8 }, { limit: 2, except: ['a'] }],
    ['the rest of that', { a: 8, b: 1 }, { limit: 1, except: ['a'] }],
    ['none at the end', { a: 8, b: 2 }, { limit: 0, except: ['a'] }],
    ['no more in all, however many there are', { a: 4, b: 3, c: 2 }, { limit: 1, except: [] }],
    ['the same for jobs of no issuer', { '': 8 }, { limit: 2, except: [''] }],
  ])('is %s', (_, underWay, room) => {
    expect(roomBeside(held(underWay), 8)).toEqual(room)
  })

  it('is one more where one at a time may run', () => {
    expect(roomBeside([], 1)).toEqual({ limit: 1, except: [] })
    expect(roomBeside(['a'], 1)).toEqual({ limit: 1, except: ['a'] })
    expect(roomBeside(['a', 'b'], 1)).toEqual({ limit: 0, except: ['a', 'b'] })
  })
})
