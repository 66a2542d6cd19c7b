import { execFileSync } from 'node:child_process'
import { decodePem } from '@certctl/pki'
import { createMaterial } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { isReplaceable, ownMarker, requireReplaceable } from '../src/certificate-material.js'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const material = await createMaterial()
const [{ certificatePem, chainPem, privateKeyPem }] = material.leafs
const key = privateKeyPem.reveal()
const [der = new Uint8Array()] = decodePem(certificatePem)
const openssl = (argv: readonly string[], input: string): string =>
  execFileSync('openssl', argv, { input, encoding: 'utf8' })

describe('what a deployment may replace', () => {
  it.each<[string, string]>([
    ['an empty file', ''],
    ['white space', ' \r\n\n'],
    ['a certificate', certificatePem],
    ['a certificate and its chain', certificatePem + chainPem],
    ['a key', key],
    ['key, certificate and chain in one', key + certificatePem + chainPem],
    ['PEM with Windows line ends', certificatePem.replaceAll('\n', '\r\n')],
    ['PEM without a final line end', certificatePem.trimEnd()],
    ['PEM with comments', `# made by hand\n\n${certificatePem}# end\n`],
    [
      'PEM with bag attributes',
      `Bag Attributes\n    localKeyID: 01 02\nsubject=CN = a\nissuer=CN = b\n${certificatePem}`,
    ],
    [
      'an old encrypted key',
      `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AA\n\nAAAA\n-----END RSA PRIVATE KEY-----\n`,
    ],
    ['EC parameters', `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${key}`],
    ['a file of ours', `# ${ownMarker}\nssl_certificate /a;\n`],
  ])('includes %s', (_, text) => {
    expect(isReplaceable(bytes(text))).toBe(true)
  })

  it('includes what openssl prints before a certificate', () => {
    expect(isReplaceable(bytes(openssl(['x509', '-text'], certificatePem)))).toBe(true)
  })

  it('includes DER, PKCS #12 and Java keystores', () => {
    const pkcs12 = execFileSync('openssl', ['pkcs12', '-export', '-passout', 'pass:x'], { input: key + certificatePem })
    expect(isReplaceable(der)).toBe(true)
    expect(isReplaceable(pkcs12)).toBe(true)
    expect(isReplaceable(Buffer.from('3080020103300000', 'hex'))).toBe(true)
    expect(isReplaceable(Buffer.from('feedfeed00000002', 'hex'))).toBe(true)
    expect(isReplaceable(Buffer.from('cececece00000002', 'hex'))).toBe(true)
    expect(isReplaceable(Buffer.from('3003020101', 'hex'))).toBe(true)
  })

  it.each<[string, string]>([
    ['a configuration', 'listen_addresses = localhost\n'],
    ['a script', '#!/bin/sh\nrm -rf /\n'],
    ['a password file', 'root:x:0:0:root:/root:/bin/bash\n'],
    ['a key for SSH', '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n'],
    ['a PGP block', '-----BEGIN PGP PRIVATE KEY BLOCK-----\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n'],
    ['a configuration with PEM inside', `client\ndev tun\n<ca>\n${certificatePem}</ca>\n`],
    ['PEM with a line of something else', `${certificatePem}ssl on;\n`],
    ['a block that does not end', certificatePem.slice(0, -20)],
    ['a comment alone', '# nothing here\n'],
    ['JSON', '{}'],
    ['zeros', '\0\0\0\0'],
  ])('does not include %s', (_, text) => {
    expect(isReplaceable(bytes(text))).toBe(false)
  })

  it('does not include binary data that only begins like DER', () => {
    expect(isReplaceable(Buffer.concat([der, Buffer.from('x')]))).toBe(false)
    expect(isReplaceable(der.subarray(0, -1))).toBe(false)
    expect(isReplaceable(Buffer.from('308500000000050201', 'hex'))).toBe(false)
    expect(isReplaceable(Buffer.from('30', 'hex'))).toBe(false)
    expect(isReplaceable(Buffer.from('0123456789', 'hex'))).toBe(false)
  })

  it('takes no longer for text that nearly matches', () => {
    const hostile = `-----BEGIN CERTIFICATE-----\n${'A'.repeat(500_000)}\n-----END CERTIFICAT-----\n`.repeat(4)
    expect(isReplaceable(bytes(hostile))).toBe(false)
  })
})

describe('requireReplaceable', () => {
  it('names the file and what to do', () => {
    expect(() => requireReplaceable('/etc/app.conf', { kind: 'file' }, bytes('a = b'))).toThrow(
      expect.objectContaining({
        code: 'deploy_failed',
        message: expect.stringMatching(/^\/etc\/app\.conf holds .* move it away/),
      }),
    )
  })

  it.each(['directory', 'other'] as const)('refuses a %s', (kind) => {
    expect(() => requireReplaceable('/etc', { kind }, bytes(''))).toThrow('/etc is not a regular file')
  })

  it('lets certificate material pass', () => {
    expect(requireReplaceable('/a.pem', { kind: 'file' }, bytes(certificatePem))).toBeUndefined()
  })
})
