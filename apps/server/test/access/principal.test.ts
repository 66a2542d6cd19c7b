import { describe, expect, it } from '@jest/globals'
import { actorOf, type Principal, publicPrincipal, systemActor } from '../../src/access/principal.js'

const key = (id: string, owner?: string): Principal => ({ kind: 'key', id, name: id, role: 'operator', owner })
const personOf = (principal: Principal) => actorOf(principal).person

describe('a person', () => {
  it.each([
    ['Ada Lovelace', 'ada lovelace'],
    ['  ada   LOVELACE ', 'ada lovelace'],
    ['o-ada', 'O-ADA'],
    ['Jürgen', 'JÜRGEN'],
    // Composed and decomposed, and full-width letters, are read as the same name by people.
    ['J\u00fcrgen', 'Ju\u0308rgen'],
    ['\uff21da', 'ada'],
  ])('is the same whether the owner of a key is written %s or %s', (one, other) => {
    expect(personOf(key('key-1', one))).toBe(personOf(key('key-2', other)))
  })

  it('is not the same as another owner', () => {
    expect(personOf(key('key-1', 'ada'))).not.toBe(personOf(key('key-1', 'grace')))
  })

  it.each([undefined, '', '   '])('is the key itself where its owner is %j', (owner) => {
    expect(personOf(key('key-1', owner))).toBe('key:key-1')
    expect(personOf(key('key-1', owner))).not.toBe(personOf(key('key-2', owner)))
  })

  it('is no agent, no server and nobody unknown', () => {
    expect(personOf({ kind: 'agent', id: 'agent-1', name: 'web' })).toBeUndefined()
    expect(personOf(publicPrincipal)).toBeUndefined()
    expect(systemActor.person).toBeUndefined()
  })
})
