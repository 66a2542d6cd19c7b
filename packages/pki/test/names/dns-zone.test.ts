import { describe, expect, it } from '@jest/globals'
import { canonicalDnsName, deepestZones, nameInZone, zoneCandidates } from '../../src/index.js'

describe('which zone holds a name', () => {
  const deepest = (name: string, zones: string[]) => deepestZones(name, zones, (zone) => zone)

  it('it is the deepest one, and a name may be a zone itself', () => {
    const zones = ['test', 'example.test', 'www.example.test', 'other.test']
    expect(deepest('_acme-challenge.www.example.test', zones)).toEqual(['www.example.test'])
    expect(deepest('_acme-challenge.mail.example.test', zones)).toEqual(['example.test'])
    expect(deepest('www.example.test', zones)).toEqual(['www.example.test'])
  })

  it('letters at the end are not labels at the end', () => {
    expect(deepest('badexample.test', ['example.test'])).toEqual([])
    expect(nameInZone('badexample.test', 'example.test')).toBeUndefined()
  })

  it('case and a final dot make no difference, on either side', () => {
    expect(deepest('A.Example.TEST.', ['example.Test.'])).toEqual(['example.Test.'])
    expect(nameInZone('A.Example.TEST.', 'example.Test.')).toBe('a')
    expect(canonicalDnsName('Example.TEST.')).toBe('example.test')
  })

  it('zones that share a name are all found', () => {
    const twins = [
      { id: 1, name: 'example.test' },
      { id: 2, name: 'example.test' },
      { id: 3, name: 'test' },
    ]
    expect(deepestZones('a.example.test', twins, ({ name }) => name).map(({ id }) => id)).toEqual([1, 2])
  })

  it('a zone calls its own name @ and others by what is in front of it', () => {
    expect(nameInZone('example.test', 'example.test')).toBe('@')
    expect(nameInZone('_acme-challenge.a.b.example.test', 'example.test')).toBe('_acme-challenge.a.b')
  })

  it('candidates are every ending of the name, deepest first', () => {
    expect(zoneCandidates('a.b.test.')).toEqual(['a.b.test', 'b.test', 'test'])
  })
})
