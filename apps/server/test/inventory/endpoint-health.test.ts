import { fingerprintOf, generateKey, parseCertificate } from '@certctl/pki'
import { createTestCa, type TestCa } from '@certctl/testing'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { type EndpointExpectation, judgeEndpoint } from '../../src/inventory/judge-endpoint.js'
import { anchorsOf } from '../../src/inventory/known-anchors.js'
import { nextHealth } from '../../src/inventory/next-health.js'
import { endpointText, parseEndpoint } from '../../src/inventory/parse-endpoint.js'

const now = new Date('2026-11-25T12:00:00Z')
const day = 86_400_000
const derOf = (pem: string) => parseCertificate(pem).der

let ca: TestCa
let leaf: Uint8Array
let known: EndpointExpectation
beforeAll(async () => {
  ca = await createTestCa(now)
  leaf = await certify('www.example.test')
  known = { name: 'www.example.test', fingerprints: [], anchors: anchorsOf([ca.rootPem]), now }
})

async function certify(name: string, notAfter?: Date): Promise<Uint8Array> {
  const { spki } = await generateKey('EC-P256')
  const type = /^[\d.]+$/.test(name) ? 'ip' : 'dns'
  return derOf(await ca.certify(spki, { names: [{ type, value: name }], notAfter }))
}

describe('an endpoint is judged by what clients would say:', () => {
  const reasonOf = (chain: readonly Uint8Array[], over: Partial<EndpointExpectation> = {}) =>
    judgeEndpoint({ chain }, { ...known, ...over })

  it('a valid certificate of the right name whose chain leads to a known CA is healthy', () => {
    expect(reasonOf([leaf, derOf(ca.intermediatePem)])).toEqual({ outcome: 'healthy' })
  })

  it('a known CA below the root is enough, and so is an intermediate that nobody has to send', () => {
    expect(reasonOf([leaf], { anchors: anchorsOf([ca.intermediatePem]) })).toEqual({ outcome: 'healthy' })
  })

  it('without the intermediate that clients need it is not', () => {
    expect(reasonOf([leaf])).toMatchObject({ outcome: 'bad', reason: expect.stringContaining('leads to no CA') })
  })

  it('a chain of a stranger is not, however complete', async () => {
    const stranger = await createTestCa(now)
    const chain = [leaf, derOf(ca.intermediatePem), derOf(ca.rootPem)]
    expect(reasonOf(chain, { anchors: anchorsOf([stranger.rootPem]) })).toMatchObject({ outcome: 'bad' })
  })

  it('a certificate that has ended, or has not begun, is not', () => {
    const chain = [leaf, derOf(ca.intermediatePem)]
    const ended = reasonOf(chain, { now: new Date(now.getTime() + 91 * day) })
    expect(ended).toMatchObject({ outcome: 'bad', reason: expect.stringContaining('ended at') })
    const early = reasonOf(chain, { now: new Date(now.getTime() - 2 * day) })
    expect(early).toMatchObject({ outcome: 'bad', reason: expect.stringContaining('valid only from') })
  })

  it('one that was revoked is not', () => {
    const verdict = reasonOf([leaf, derOf(ca.intermediatePem)], { revokedAt: now })
    expect(verdict).toMatchObject({ outcome: 'bad', reason: 'Its certificate was revoked at 2026-11-25T12:00:00.000Z' })
  })

  it('one for another name is not; an address must be in the certificate as an address', async () => {
    const chain = [leaf, derOf(ca.intermediatePem)]
    expect(reasonOf(chain, { name: 'mail.example.test' })).toMatchObject({
      outcome: 'bad',
      reason: 'Its certificate is not for mail.example.test',
    })
    const byAddress = [await certify('192.0.2.7'), derOf(ca.intermediatePem)]
    expect(reasonOf(byAddress, { name: '192.0.2.7' })).toEqual({ outcome: 'healthy' })
    expect(reasonOf(byAddress, { name: '192.0.2.8' })).toMatchObject({ outcome: 'bad' })
  })

  it('another leaf than one of those expected is a mismatch, even a good one', () => {
    const chain = [leaf, derOf(ca.intermediatePem)]
    expect(reasonOf(chain, { fingerprints: ['ab'.repeat(32), fingerprintOf(leaf)] })).toEqual({ outcome: 'healthy' })
    expect(reasonOf(chain, { fingerprints: ['ab'.repeat(32)] })).toMatchObject({ outcome: 'mismatch' })
  })

  it('what cannot be read, and a handshake without a certificate, is bad; silence is silence', () => {
    expect(reasonOf([new Uint8Array([1, 2, 3])])).toMatchObject({ outcome: 'bad' })
    expect(reasonOf([])).toMatchObject({ outcome: 'bad' })
    expect(judgeEndpoint({ silent: 'refused' }, known)).toEqual({ outcome: 'silent', reason: 'refused' })
  })
})

describe('the state of an endpoint', () => {
  const after = (outcomes: readonly ('healthy' | 'bad' | 'mismatch' | 'silent')[]) => {
    let known: Parameters<typeof nextHealth>[0] = {
      status: 'unknown',
      consecutive_failures: 0,
      degraded_threshold: 2,
      down_threshold: 5,
    }
    for (const outcome of outcomes) {
      const { status, failures } = nextHealth(known, outcome === 'healthy' ? { outcome } : { outcome, reason: '' })
      known = { ...known, status, consecutive_failures: failures }
    }
    return known.status
  }

  it('degrades at the second silence in a row and is down at the fifth', () => {
    expect(after(['silent'])).toBe('unknown')
    expect(after(['healthy', 'silent'])).toBe('healthy')
    expect(after(['healthy', 'silent', 'silent'])).toBe('degraded')
    expect(after(['silent', 'silent', 'silent', 'silent'])).toBe('degraded')
    expect(after(['silent', 'silent', 'silent', 'silent', 'silent'])).toBe('down')
  })

  it('degrades at once where clients are refused for certain, and is down when that stays', () => {
    expect(after(['healthy', 'bad'])).toBe('degraded')
    expect(after(['bad', 'bad', 'bad', 'bad', 'bad'])).toBe('down')
  })

  it('says at once that another certificate is served', () => {
    expect(after(['healthy', 'mismatch'])).toBe('cert_mismatch')
    expect(after(['mismatch', 'mismatch', 'mismatch', 'mismatch', 'mismatch', 'mismatch'])).toBe('cert_mismatch')
    expect(after(['mismatch', 'silent'])).toBe('degraded')
  })

  it('is healthy again after one good look, whatever was', () => {
    for (const before of ['bad', 'mismatch', 'silent'] as const)
      expect(after([before, before, before, before, before, before, 'healthy', 'silent'])).toBe('healthy')
  })
})

describe('an endpoint as text', () => {
  it('has a port, 443 where none is given, and its host in lower case', () => {
    const canonical = (text: string) => endpointText(parseEndpoint(text))
    expect(canonical('WWW.example.test')).toBe('www.example.test:443')
    expect(canonical('www.example.test:8443')).toBe('www.example.test:8443')
    expect(canonical('https://www.example.test/')).toBe('www.example.test:443')
    expect(canonical('[2001:DB8::1]:8443')).toBe('[2001:db8::1]:8443')
    expect(canonical('192.0.2.1:443')).toBe('192.0.2.1:443')
  })

  it('that is something else is refused by the name of the field', () => {
    for (const text of [
      '',
      'a b',
      'host:0',
      'host:65536',
      'host:x',
      'http://host',
      '[zz]:443',
      'host:1/path',
      '2001:db8::1',
    ])
      expect(() => parseEndpoint(text)).toThrow('endpoint: must be host:port')
  })
})
