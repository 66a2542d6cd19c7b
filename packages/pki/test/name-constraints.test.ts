import { describe, expect, it } from '@jest/globals'
import { element, sequence } from '../src/der/writer.js'
import { nameConstraintFault, parseCertificate, parseGeneralName } from '../src/index.js'
import { criticalMark, extension, forgeCertificate } from './forge/certificate.js'
import { general } from './forge/general-names.js'
import { attribute, name, nameOids, text } from './forge/names.js'

const tree = (base: Uint8Array) => sequence(base)
const directory = (...attributes: readonly Uint8Array[]) => element(0xa4, name(...attributes))

/** A CA certificate with these constraints. */
function constrained(permitted: readonly Uint8Array[], excluded: readonly Uint8Array[] = []) {
  const value = sequence(
    ...(permitted.length > 0 ? [element(0xa0, ...permitted.map(tree))] : []),
    ...(excluded.length > 0 ? [element(0xa1, ...excluded.map(tree))] : []),
  )
  const { nameConstraints } = parseCertificate(
    forgeCertificate({ extensions: [extension('2.5.29.30', value, criticalMark)] }),
  )
  if (nameConstraints === undefined) throw new Error('the constraints were not read')
  return nameConstraints
}

const faultOf = (constraints: ReturnType<typeof constrained>, ...names: readonly string[]) =>
  nameConstraintFault(constraints, { names: names.map(parseGeneralName), subject: [] })

describe('a CA with name constraints', () => {
  it.each([
    ['example.com', 'example.com', true],
    ['example.com', 'www.example.com', true],
    ['example.com', '*.example.com', true],
    ['EXAMPLE.com', 'a.b.example.com', true],
    ['example.com', 'badexample.com', false],
    ['example.com', 'example.com.evil.example', false],
    ['.example.com', 'www.example.com', true],
    ['.example.com', 'example.com', false],
    ['', 'anything.example', true],
  ])('for the domain "%s" may certify %s: %s', (base, dns, may) => {
    expect(faultOf(constrained([general.dns(base)]), dns) === undefined).toBe(may)
    expect(faultOf(constrained([], [general.dns(base)]), dns) === undefined).toBe(!may)
  })

  it.each([
    ['192.0.2.77', true],
    ['192.0.3.1', false],
    ['2001:db8::1', false],
  ])('for 192.0.2.0/24 may certify %s: %s', (address, may) => {
    expect(faultOf(constrained([general.ip(192, 0, 2, 0, 255, 255, 255, 0)]), address) === undefined).toBe(may)
  })

  it.each([
    ['example.com', 'a@example.com', true],
    ['example.com', 'a@mail.example.com', false],
    ['.example.com', 'a@mail.example.com', true],
    ['.example.com', 'a@example.com', false],
    ['a@EXAMPLE.com', 'a@example.com', true],
    ['a@example.com', 'A@example.com', false],
  ])('for the mailboxes %s may certify %s: %s', (base, email, may) => {
    expect(faultOf(constrained([general.email(base)]), email) === undefined).toBe(may)
  })

  it.each([
    ['example.com', 'https://example.com/x', true],
    ['example.com', 'https://user@example.com:8443/x', true],
    ['example.com', 'https://www.example.com/x', false],
    ['.example.com', 'https://www.example.com/x', true],
    ['example.com', 'urn:uuid:1', false],
  ])('for the URIs of %s may certify %s: %s', (base, uri, may) => {
    expect(faultOf(constrained([general.uri(base)]), uri) === undefined).toBe(may)
  })

  it('limits only the kinds of names that it speaks of', () => {
    const constraints = constrained([general.dns('example.com')])
    expect(faultOf(constraints, '192.0.2.1', 'a@elsewhere.example', 'https://elsewhere.example/')).toBeUndefined()
  })

  it('says which name it is and whether it is excluded or not permitted, exclusion first', () => {
    const constraints = constrained([general.dns('example.com')], [general.dns('secret.example.com')])
    expect(faultOf(constraints, 'www.example.com', 'a.secret.example.com')).toMatch(
      /^a\.secret\.example\.com is excluded/,
    )
    expect(faultOf(constraints, 'www.example.com', 'elsewhere.example')).toMatch(/^elsewhere\.example is not permitted/)
  })

  it('limits subjects by the parts they begin with, whatever their case and string type', () => {
    const constraints = constrained([
      directory(attribute(nameOids.c, text.printable('DE')), attribute(nameOids.o, text.printable('Example  Works'))),
    ])
    const subject = (...parts: readonly [string, string][]) => ({
      names: [],
      subject: parts.map(([type, value]) => ({ type, value })),
    })
    expect(nameConstraintFault(constraints, subject(['C', 'de'], ['O', 'example works'], ['CN', 'x']))).toBeUndefined()
    expect(nameConstraintFault(constraints, subject(['C', 'DE'], ['CN', 'x']))).toMatch(/the subject is not permitted/)
    expect(nameConstraintFault(constraints, { names: [], subject: [] })).toBeUndefined()
  })

  it('that has a minimum or maximum is refused, since their meaning was given up', () => {
    const value = sequence(element(0xa0, sequence(general.dns('example.com'), element(0x80, Uint8Array.of(1)))))
    expect(() => parseCertificate(forgeCertificate({ extensions: [extension('2.5.29.30', value)] }))).toThrow(
      expect.objectContaining({ message: expect.stringContaining('minimum or maximum') }),
    )
  })

  it('with an address range of a length that does not exist is refused', () => {
    const value = sequence(element(0xa0, sequence(general.ip(1, 2, 3, 4))))
    expect(() => parseCertificate(forgeCertificate({ extensions: [extension('2.5.29.30', value)] }))).toThrow(
      expect.objectContaining({ code: 'request_malformed' }),
    )
  })
})
