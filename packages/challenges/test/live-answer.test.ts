import { describe, expect, it } from '@jest/globals'
import { liveAnswer } from '../src/index.js'
import { serverNameOf } from '../src/server-name.js'
import { thumbprint } from './ask.js'

const answer = (more: object) =>
  liveAnswer({
    kind: 'http-01',
    name: 'www.example.test',
    token: 'abc',
    keyAuthorization: `abc.${thumbprint}`,
    ...more,
  })

describe('an answer', () => {
  it('goes to the port where CAs come, unless another is named', () => {
    expect(answer({}).port).toBe(80)
    expect(answer({ port: 5002 }).port).toBe(5002)
    expect(answer({ kind: 'tls-alpn-01' })).toMatchObject({ port: 443, token: undefined })
  })

  it('has its name in canonical form', () => {
    expect(answer({ name: 'WWW.Example.test.' }).name).toBe('www.example.test')
    expect(answer({ name: '2001:0DB8::0001' }).name).toBe('2001:db8::1')
  })

  it.each(['', 'a/b', '../x', 'a%2e', 'a b', 'ä', 'a\r\nx: y', 'x'.repeat(257)])(
    'is refused for the token %j',
    (token) => {
      expect(() => answer({ token, keyAuthorization: `${token}.${thumbprint}` })).toThrow(
        expect.objectContaining({ code: 'upstream_protocol' }),
      )
    },
  )

  it.each(['', 'abc', `abd.${thumbprint}`, `abc.${thumbprint}x`, `abc.<script>`, `abc.${thumbprint}\n`])(
    'is refused for the key authorization %j, which is not of that token',
    (keyAuthorization) => {
      expect(() => answer({ keyAuthorization })).toThrow(expect.objectContaining({ code: 'upstream_protocol' }))
    },
  )

  it('says nothing of what the CA sent when it refuses it', () => {
    expect(() => answer({ keyAuthorization: 'abc.secret-of-somebody' })).toThrow(/^(?!.*secret-of-somebody)/)
  })

  it.each(['*.example.test', 'a@example.test', 'https://example.test', 'not a name'])(
    'is refused for %j, which these challenges cannot prove',
    (name) => {
      expect(() => answer({ name })).toThrow(expect.objectContaining({ code: 'identifier_rejected' }))
    },
  )

  it.each([0, -1, 65_536, 80.5])('is refused for port %d', (port) => {
    expect(() => answer({ port })).toThrow(expect.objectContaining({ code: 'config_invalid' }))
  })
})

describe('the server name of a validation', () => {
  it('is the host name itself, and the reverse name of an address (RFC 8738)', () => {
    expect(serverNameOf('www.example.test')).toBe('www.example.test')
    expect(serverNameOf('192.0.2.7')).toBe('7.2.0.192.in-addr.arpa')
    expect(serverNameOf('2001:db8::1')).toBe('1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa')
  })
})
