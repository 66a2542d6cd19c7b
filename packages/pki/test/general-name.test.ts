import { describe, expect, it } from '@jest/globals'
import { formatGeneralName, parseGeneralName, sameGeneralName, sameNames } from '../src/index.js'

describe('a name as a person writes it', () => {
  it.each([
    // DNS
    ['www.example.com', 'dns', 'www.example.com'],
    ['WWW.Example.COM', 'dns', 'www.example.com'],
    ['www.example.com.', 'dns', 'www.example.com'],
    ['  www.example.com ', 'dns', 'www.example.com'],
    ['*.example.com', 'dns', '*.example.com'],
    ['localhost', 'dns', 'localhost'],
    ['_dmarc.example.com', 'dns', '_dmarc.example.com'],
    ['bücher.example', 'dns', 'xn--bcher-kva.example'],
    ['*.BÜCHER.example', 'dns', '*.xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'dns', 'xn--bcher-kva.example'],
    ['例え.テスト', 'dns', 'xn--r8jz45g.xn--zckzah'],
    ['faß.de', 'dns', 'xn--fa-hia.de'],
    ['DNS:www.example.com', 'dns', 'www.example.com'],
    [`${'a'.repeat(63)}.example`, 'dns', `${'a'.repeat(63)}.example`],
    // IP
    ['192.0.2.1', 'ip', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', 'ip', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', 'ip', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', 'ip', '1:0:0:2::3'],
    ['::', 'ip', '::'],
    ['IP:[::1]', 'ip', '::1'],
    ['::ffff:192.0.2.1', 'ip', '::ffff:c000:201'],
    // e-mail
    ['Some.One@Example.COM', 'email', 'Some.One@example.com'],
    ['a@bücher.example', 'email', 'a@xn--bcher-kva.example'],
    ["o'neil+tag@example.com", 'email', "o'neil+tag@example.com"],
    // URI
    ['HTTPS://User@Example.COM:8443/Path?Q=1#F', 'uri', 'https://User@example.com:8443/Path?Q=1#F'],
    ['spiffe://Example.org/ns/prod', 'uri', 'spiffe://example.org/ns/prod'],
    ['urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'uri', 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
    ['https://bücher.example/käse', 'uri', 'https://xn--bcher-kva.example/k%C3%A4se'],
    ['https://[2001:DB8::1]:8443/', 'uri', 'https://[2001:db8::1]:8443/'],
    ['https://192.0.2.1/', 'uri', 'https://192.0.2.1/'],
    ['mailto:a@example.com', 'uri', 'mailto:a@example.com'],
    ['URI:dns:www.example.com', 'uri', 'dns:www.example.com'],
  ])('%s is the %s name %s', (text, type, value) => {
    const name = parseGeneralName(text)
    expect(name).toEqual({ type, value })
    expect(parseGeneralName(formatGeneralName(name))).toEqual(name)
  })

  it.each([
    ['', 'is empty'],
    ['*', 'wildcard'],
    ['*.', 'is empty'],
    ['w*.example.com', 'wildcard'],
    ['www.*.example.com', 'wildcard'],
    ['*.*.example.com', 'wildcard'],
    ['a..example', 'empty label'],
    ['.example.com', 'empty label'],
    ['-a.example', 'hyphen'],
    ['a-.example', 'hyphen'],
    [`${'a'.repeat(64)}.example`, '63 characters'],
    [`${'abcdefgh.'.repeat(29)}example`, '253 characters'],
    ['a b.example', 'holds a character'],
    ['a/b.example', 'holds a character'],
    ['1.2.3', 'IP address'],
    ['300.1.1.1', 'IP address'],
    ['0x7f.1', 'IP address'],
    ['www.example.0x1f', 'IP address'],
    ['１２７.0.0.1', 'IP address'],
    ['xn--0000h.example', 'international'],
    ['XN--BCHER-KVA.example.xn--', 'international'],
    ['\ud800.example', 'international'],
    ['IP:www.example.com', 'is not an IPv4 or IPv6 address'],
    ['IP:192.0.2.0/24', 'is not an IPv4 or IPv6 address'],
    ['IP:010.0.0.1', 'is not an IPv4 or IPv6 address'],
    ['IP:fe80::1%eth0', 'is not an IPv4 or IPv6 address'],
    ['@example.com', 'no @ between'],
    ['a b@example.com', 'mailbox'],
    ['"quoted"@example.com', 'mailbox'],
    ['.a@example.com', 'mailbox'],
    ['jürgen@example.com', 'mailbox'],
    ['a@[192.0.2.1]', 'holds a character'],
    ['a@192.0.2.1', 'IP address'],
    [`${'a'.repeat(65)}@example.com`, 'mailbox'],
    ['https:', 'not absolute'],
    ['https:///path', 'no host'],
    ['https://exa mple.com/', 'percent-encoded'],
    ['https://a_b|c.example/', 'percent-encoded'],
    ['https://example.com:port/', 'no host'],
    ['https://*.example.com/', 'wildcard'],
    [`https://example.com/${'a'.repeat(2100)}`, '2048 characters'],
  ])('%j is refused, and the sentence says why', (text, why) => {
    expect(() => parseGeneralName(text)).toThrow(
      expect.objectContaining({ code: 'identifier_rejected', message: expect.stringContaining(why) }),
    )
  })

  it('is quoted printably and shortly in a refusal', () => {
    const message = catchMessage(() => parseGeneralName(`a\n\u0007b ${'x'.repeat(5000)}`))
    expect(message.length).toBeLessThan(300)
    expect(message).not.toMatch(/\p{Cc}/u)
  })
})

function catchMessage(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
  return ''
}

describe('two names are one', () => {
  it.each([
    ['DNS:WWW.example.com', 'DNS:www.EXAMPLE.com.'],
    ['DNS:bücher.example', 'DNS:xn--bcher-kva.example'],
    ['IP:2001:db8::1', 'IP:2001:0db8:0:0::0001'],
    ['email:a@EXAMPLE.com', 'email:a@example.com'],
    ['URI:HTTPS://EXAMPLE.com/a', 'URI:https://example.com/a'],
  ])('%s and %s', (a, b) => {
    expect(sameGeneralName(parseGeneralName(a), parseGeneralName(b))).toBe(true)
  })

  it('also where a value is not canonical', () => {
    expect(sameGeneralName({ type: 'dns', value: 'A.example.' }, { type: 'dns', value: 'a.example' })).toBe(true)
    expect(sameGeneralName({ type: 'ip', value: '0:0::1' }, { type: 'ip', value: '::1' })).toBe(true)
  })

  it.each([
    ['DNS:www.example.com', 'DNS:example.com'],
    ['DNS:*.example.com', 'DNS:www.example.com'],
    ['IP:192.0.2.1', 'IP:::ffff:192.0.2.1'],
    ['email:A@example.com', 'email:a@example.com'],
    ['URI:https://example.com/a', 'URI:https://example.com/A'],
    ['URI:https://example.com', 'URI:https://example.com/'],
  ])('not %s and %s', (a, b) => {
    expect(sameGeneralName(parseGeneralName(a), parseGeneralName(b))).toBe(false)
  })

  it('not of two kinds, whatever their values', () => {
    expect(sameGeneralName({ type: 'dns', value: '192.0.2.1' }, { type: 'ip', value: '192.0.2.1' })).toBe(false)
  })

  it('never because two values are both unusable', () => {
    expect(sameGeneralName({ type: 'dns', value: '*' }, { type: 'dns', value: '' })).toBe(false)
  })
})

describe('lists of names', () => {
  const list = (...texts: readonly string[]) => texts.map(parseGeneralName)

  it('that hold the same in any order and number differ in nothing', () => {
    expect(sameNames(list('a.example', 'b.example'), list('B.example', 'a.example', 'a.example.'))).toEqual({
      missing: [],
      extra: [],
    })
  })

  it('tell what is missing and what is too much, each once', () => {
    const { missing, extra } = sameNames(
      list('a.example', 'b.example', 'b.example'),
      list('a.example', 'IP:192.0.2.1', '192.0.2.1'),
    )
    expect(missing.map(formatGeneralName)).toEqual(['b.example'])
    expect(extra.map(formatGeneralName)).toEqual(['192.0.2.1'])
  })
})
