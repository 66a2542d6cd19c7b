import { describe, expect, it } from '@jest/globals'
import { createStatementNames, plannedAnew } from '../../src/store/kept-plans.js'

/** The third time is the first that counts. */
const thrice = (nameOf: (statement: string) => string | undefined, statement: string) =>
  [1, 2, 3].map(() => nameOf(statement))

describe('the plan of a statement', () => {
  it('is kept under one name from the third time on, another one for every text', () => {
    const nameOf = createStatementNames()
    const [first, second, third] = thrice(nameOf, 'select $1')
    expect([first, second]).toEqual([undefined, undefined])
    expect(third).toMatch(/^[0-9a-f]{32}$/)
    expect(nameOf('select $1')).toBe(third)
    expect(thrice(nameOf, 'select $1, $2')[2]).not.toBe(third)
  })

  it('has the same name on every connection and in every copy', () => {
    expect(thrice(createStatementNames(), 'select $1')).toEqual(thrice(createStatementNames(), 'select $1'))
  })

  it('is never kept where the values decide which plan is good', () => {
    const nameOf = createStatementNames()
    const statement = `${plannedAnew}select $1`
    expect([...thrice(nameOf, statement), nameOf(statement)]).toEqual([undefined, undefined, undefined, undefined])
  })

  it('is kept of so many only: what came first keeps its own, and lists of ever new lengths take no more', () => {
    const nameOf = createStatementNames()
    const texts = Array.from({ length: 1000 }, (_, index) => `select ${index}, $1`)
    const named = texts.map((text) => thrice(nameOf, text)[2]).filter((name) => name !== undefined)
    expect(new Set(named).size).toBe(400)
    expect(nameOf(texts[0] ?? '')).toBe(named[0])
    expect(nameOf(texts.at(-1) ?? '')).toBeUndefined()
  })
})
