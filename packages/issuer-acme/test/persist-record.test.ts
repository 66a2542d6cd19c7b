import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { authorizes, type PersistRecord, parsePersistRecord, persistValueOf } from '../src/challenge/persist-record.js'

const now = new Date('2026-11-25T00:00:00Z')
const wanted: PersistRecord = {
  issuerDomain: 'ca.example',
  accountUri: 'https://ca.example/acct/1',
  coversWildcard: false,
  persistUntil: undefined,
}
const value = persistValueOf(wanted)

describe('a standing record', () => {
  it('is read as it is written', () => {
    const record = fc.record({
      issuerDomain: fc.domain().map((name) => name.toLowerCase()),
      accountUri: fc.webUrl().filter((url) => /^[\x21-\x3a\x3c-\x7e]*$/.test(url)),
      coversWildcard: fc.boolean(),
      persistUntil: fc.option(fc.nat(), { nil: undefined }),
    })
    fc.assert(fc.property(record, (one) => expect(parsePersistRecord(persistValueOf(one))).toEqual(one)))
  })

  it('is read from any text without harm', () => {
    fc.assert(fc.property(fc.string(), (text) => void parsePersistRecord(text)))
  })

  it.each([
    ['with blanks and tabs around its parts', `  ca.example \t;\taccounturi = https://ca.example/acct/1 `],
    ['with its tags in capitals, and the domain as well', 'CA.EXAMPLE; AccountURI=https://ca.example/acct/1'],
    ['with tags nobody knows', `${value}; colour=blue`],
    ['for wildcards too', `${value}; policy=WildCard`],
    ['that ends later', `${value}; persistUntil=1800000000`],
  ])('%s authorizes', (_, text) => {
    expect(authorizes(text, wanted, now)).toBe(true)
  })

  it.each([
    ['of another CA', value.replace('ca.example;', 'other.example;')],
    ['of another account', `${value}0`],
    ['without an account', 'ca.example'],
    ['that has ended', `${value}; persistUntil=1700000000`],
    ['with a tag twice', `${value}; policy=wildcard; Policy=x`],
    ['with an empty part at its end', `${value};`],
    ['with a part that is no pair', `${value}; wildcard`],
    ['with a time that is no number', `${value}; persistUntil=tomorrow`],
    ['that is something else altogether', 'v=spf1 -all'],
    ['that is empty', ''],
  ])('%s does not', (_, text) => {
    expect(authorizes(text, wanted, now)).toBe(false)
  })

  it('authorizes wildcards only where it says so', () => {
    const wildcard = { ...wanted, coversWildcard: true }
    expect(authorizes(value, wildcard, now)).toBe(false)
    expect(authorizes(persistValueOf(wildcard), wildcard, now)).toBe(true)
  })

  it('with another end than the configured one is not the one that is wanted', () => {
    const ending = { ...wanted, persistUntil: 1_900_000_000 }
    expect(authorizes(value, ending, now)).toBe(false)
    expect(authorizes(persistValueOf(ending), ending, now)).toBe(true)
  })
})
