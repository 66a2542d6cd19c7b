import { describe, expect, it } from '@jest/globals'
import { createRandom } from '../src/random.js'

const many = (seed: string, count = 2000): number[] => {
  const random = createRandom(seed)
  return Array.from({ length: count }, random.next)
}

describe('chance from a seed', () => {
  it('is the same again for the same seed, and another for another', () => {
    expect(many('a')).toEqual(many('a'))
    expect(many('a')).not.toEqual(many('b'))
  })

  it('lies from 0 to below 1, and everywhere in between', () => {
    const numbers = many('spread')
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...numbers)).toBeLessThan(1)
    for (let tenth = 0; tenth < 10; tenth++) {
      const inside = numbers.filter((number) => Math.floor(number * 10) === tenth)
      expect(inside.length).toBeGreaterThan(130)
      expect(inside.length).toBeLessThan(270)
    }
  })

  it('gives a part its own sequence, whatever others have asked for', () => {
    const asked = createRandom('a')
    asked.next()
    expect(asked.fork('x').next()).toBe(createRandom('a').fork('x').next())
    expect(createRandom('a').fork('x').next()).not.toBe(createRandom('a').fork('y').next())
  })

  it('reaches both ends of a range of whole numbers, and every member of a list', () => {
    const random = createRandom('dice')
    const thrown = new Set(Array.from({ length: 200 }, () => random.whole(1, 6)))
    expect([...thrown].toSorted()).toEqual([1, 2, 3, 4, 5, 6])
    expect(new Set(Array.from({ length: 50 }, () => random.pick(['a', 'b'])))).toEqual(new Set(['a', 'b']))
    expect(() => random.pick([])).toThrow(RangeError)
  })

  it('makes UUIDs of version 4 that differ', () => {
    const random = createRandom('ids')
    const ids = Array.from({ length: 100 }, () => random.uuid())
    expect(new Set(ids).size).toBe(100)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
