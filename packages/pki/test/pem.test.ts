import { describe, expect, it } from '@jest/globals'
import { decodePem, encodePem, fingerprintOf, parseCertificate, parseCsr, splitCertificates } from '../src/index.js'
import { forgeCertificate } from './forge/certificate.js'
import { forgeCsr } from './forge/csr.js'

const der = forgeCertificate()
const pem = encodePem('CERTIFICATE', der)
const csrPem = encodePem('CERTIFICATE REQUEST', forgeCsr())

describe('PEM', () => {
  it('has lines of 64 characters and ends with a line end', () => {
    const lines = pem.split('\n')
    expect(lines[0]).toBe('-----BEGIN CERTIFICATE-----')
    expect(lines.at(-2)).toBe('-----END CERTIFICATE-----')
    expect(lines.at(-1)).toBe('')
    expect(lines.slice(1, -3).every((line) => line.length === 64)).toBe(true)
  })

  it('is read with other line ends, indented, on one line, and with text around it', () => {
    const oneLine = pem.replaceAll('\n', '')
    const indented = pem.replaceAll('\n', '\r\n  ')
    for (const text of [
      pem,
      pem.replaceAll('\n', '\r\n'),
      pem.replaceAll('\n', '\r'),
      oneLine,
      indented,
      `Subject: x\n${pem}\ntrailing words`,
    ])
      expect(decodePem(text).map((content) => [...content])).toEqual([[...der]])
  })

  it('gives blocks of the wanted label only, in order', () => {
    const mixed = encodePem('A', Uint8Array.of(1)) + encodePem('B', Uint8Array.of(2)) + encodePem('A', Uint8Array.of(3))
    expect(decodePem(mixed, 'A').map((content) => [...content])).toEqual([[1], [3]])
    expect(decodePem(mixed)).toHaveLength(3)
    expect(decodePem('no block here')).toEqual([])
    expect(decodePem('')).toEqual([])
  })

  it('does not decode blocks nobody asked for, so that a key beside a certificate is left alone', () => {
    const encrypted = '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n'
    expect(decodePem(encrypted + pem, 'CERTIFICATE')).toHaveLength(1)
    expect(() => decodePem(encrypted)).toThrow(
      expect.objectContaining({ message: expect.stringContaining('encrypted') }),
    )
  })

  it.each([
    ['without its end', pem.slice(0, -10), 'ends as something else'],
    ['without any end', pem.slice(0, 80), 'without its END line'],
    ['with another end', pem.replace('END CERTIFICATE', 'END CERTIFICATE REQUEST'), 'ends as something else'],
    ['with an empty body', '-----BEGIN X-----\n-----END X-----\n', 'not base64'],
    ['with a character outside base64', pem.replace('M', '!'), 'not base64'],
    ['with the URL alphabet', '-----BEGIN X-----\n_-8=\n-----END X-----\n', 'not base64'],
    ['without padding', '-----BEGIN X-----\nAA\n-----END X-----\n', 'not base64'],
    ['with bits after the last byte', '-----BEGIN X-----\nAB==\n-----END X-----\n', 'not base64'],
    ['without a label', '-----BEGIN -----\nAA==\n-----END -----\n', 'without a label'],
    ['with a label that never ends', `-----BEGIN ${'X'.repeat(1000)}`, 'without a label'],
  ])('%s is refused', (_, text, why) => {
    expect(() => decodePem(text)).toThrow(
      expect.objectContaining({ code: 'request_malformed', message: expect.stringContaining(why) }),
    )
  })

  it('of more than sixteen million characters is refused unread', () => {
    expect(() => decodePem('x'.repeat(16 * 1024 * 1024 + 1))).toThrow(expect.objectContaining({ code: 'too_large' }))
  })

  it('is read in time that grows with its length, also where it is made to be slow', () => {
    const slow = [
      '-----BEGIN '.repeat(20_000),
      `-----BEGIN ${'A '.repeat(20_000)}`,
      `-----BEGIN X-----${' '.repeat(200_000)}`,
      '-----BEGIN X-----'.repeat(20_000),
    ]
    for (const text of slow)
      expect(() => decodePem(text)).toThrow(expect.objectContaining({ code: 'request_malformed' }))
  })
})

describe('one structure as PEM or DER', () => {
  it('is the same either way', () => {
    expect(parseCertificate(pem).fingerprint).toBe(parseCertificate(der).fingerprint)
    expect(fingerprintOf(pem)).toBe(fingerprintOf(der))
    expect(parseCsr(csrPem).pem).toBe(csrPem)
  })

  it('may come under the older label of Microsoft', () => {
    const older = encodePem('NEW CERTIFICATE REQUEST', forgeCsr())
    expect(parseCsr(older).pem).toContain('-----BEGIN CERTIFICATE REQUEST-----')
  })

  it.each([
    ['two of them', csrPem + csrPem, 'There are 2 CSRs'],
    ['another label', pem, 'There is no CSR in this text'],
    ['no block', 'hello', '-----BEGIN CERTIFICATE REQUEST-----'],
    ['broken base64', csrPem.replace('M', '!'), 'not base64'],
  ])('is refused as no CSR where there is %s', (_, text, why) => {
    expect(() => parseCsr(text)).toThrow(
      expect.objectContaining({ code: 'csr_malformed', message: expect.stringContaining(why) }),
    )
  })
})

describe('a PEM text of several certificates', () => {
  it('is split into one text each, written anew', () => {
    const other = encodePem('CERTIFICATE', forgeCertificate({ tail: Uint8Array.of() }))
    expect(splitCertificates(`one\n${pem.replaceAll('\n', '\r\n')}two\n${other}`)).toEqual([pem, other])
    expect(splitCertificates('')).toEqual([])
  })
})
