import { X509Certificate } from 'node:crypto'
import type { GeneralName } from '@certctl/core'
import { beforeAll, describe, expect, it } from '@jest/globals'
import {
  buildCertificate,
  type CertificateOptions,
  createSigner,
  encodePem,
  generateKey,
  keyAlgorithms,
  keyIdentifierOf,
  parseCertificate,
  parseGeneralName,
  parsePublicKey,
  positiveSerial,
  serialNumberOf,
  usableKeyUsages,
} from '../src/index.js'
import { x509 } from '../src/provider.js'
import { createAuthority, createLeaf, type TestAuthority, validity } from './forge/authority.js'

let ca: TestAuthority
let key: { privateKeyPem: string; spki: Uint8Array }

beforeAll(async () => {
  ca = await createAuthority({ name: 'Issuing CA', overrides: { pathLength: 0 } })
  key = await generateKey('EC-P256')
})

function options(overrides: Partial<CertificateOptions> = {}): CertificateOptions {
  return {
    ...validity,
    serialNumber: Uint8Array.of(0x12, 0x34),
    issuer: { privateKey: ca.privateKeyPem, certificateDer: ca.der },
    subject: [{ type: 'CN', value: 'www.example.com' }],
    names: [{ type: 'dns', value: 'www.example.com' }],
    publicKeySpki: key.spki,
    isCa: false,
    keyUsages: ['digitalSignature'],
    extendedKeyUsages: ['serverAuth'],
    mustStaple: false,
    ...overrides,
  }
}

const built = async (overrides: Partial<CertificateOptions> = {}) =>
  parseCertificate(await buildCertificate(options(overrides)))

const everyName: readonly GeneralName[] = [
  'www.example.com',
  '*.example.com',
  'bücher.example',
  '192.0.2.1',
  '2001:db8::1',
  'a@example.com',
  'spiffe://example.com/x',
].map(parseGeneralName)

describe('a certificate that was built', () => {
  it('says what it was asked to say', async () => {
    const certificate = await built({
      subject: [
        { type: 'C', value: 'at' },
        { type: 'O', value: 'Beispiel' },
        { type: 'CN', value: 'www.example.com' },
      ],
      names: everyName,
      keyUsages: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsages: ['serverAuth', 'clientAuth', '1.3.6.1.4.1.99999.1', 'SERVERAUTH'],
      mustStaple: true,
      crlUrls: ['http://ca.example/a.crl', 'http://ca.example/b.crl'],
      authorityInfo: { ocspUrls: ['http://ocsp.example/'], caIssuerUrls: ['http://ca.example/ca.cer'] },
      noRevocation: true,
    })
    expect(certificate).toMatchObject({
      version: 3,
      serialNumber: '1234',
      subjectText: 'CN=www.example.com,O=Beispiel,C=AT',
      issuerText: 'CN=Issuing CA',
      names: everyName,
      ...validity,
      keyUsages: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsages: ['serverAuth', 'clientAuth', '1.3.6.1.4.1.99999.1'],
      isCa: false,
      pathLength: undefined,
      mustStaple: true,
      crlUrls: ['http://ca.example/a.crl', 'http://ca.example/b.crl'],
      ocspUrls: ['http://ocsp.example/'],
      caIssuerUrls: ['http://ca.example/ca.cer'],
      unknownCritical: [],
    })
    expect(certificate.extensions).toContain('2.5.29.56')
    expect(Buffer.from(certificate.publicKey.spki)).toEqual(Buffer.from(key.spki))
  })

  it('is read in the same way by node and by @peculiar/x509', async () => {
    const der = await buildCertificate(options({ names: everyName }))
    const node = new X509Certificate(der)
    expect(node.subjectAltName).toBe(
      'DNS:www.example.com, DNS:*.example.com, DNS:xn--bcher-kva.example, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, email:a@example.com, URI:spiffe://example.com/x',
    )
    expect(node.verify(new X509Certificate(ca.der).publicKey)).toBe(true)
    expect(new x509.X509Certificate(Buffer.from(der)).serialNumber).toBe('1234')
  })

  it.each(keyAlgorithms.filter((algorithm) => algorithm !== 'RSA-4096'))(
    'by a %s key is signed as its algorithm says',
    async (algorithm) => {
      const issuer = await createAuthority({ name: 'CA', algorithm })
      const leaf = await createLeaf(issuer, { algorithm: 'EC-P256' })
      expect(new X509Certificate(leaf.der).verify(new X509Certificate(issuer.der).publicKey)).toBe(true)
      expect(leaf.certificate.signatureAlgorithm).toBe(createSigner(issuer.privateKeyPem).signatureName)
    },
  )

  it('names its issuer byte for byte, whatever string types the issuer’s name has', async () => {
    const certificate = await built()
    expect(Buffer.from(certificate.issuerDer)).toEqual(Buffer.from(ca.certificate.subjectDer))
  })

  it('carries the issuer’s own key identifier, whatever method made it', async () => {
    const odd = Buffer.from(ca.der)
    const own = Buffer.from(ca.certificate.subjectKeyIdentifier ?? '', 'hex')
    Buffer.from('a method of its own!').copy(odd, odd.indexOf(own))
    const certificate = await built({ issuer: { privateKey: ca.privateKeyPem, certificateDer: odd } })
    expect(certificate.authorityKeyIdentifier).toBe(Buffer.from('a method of its own!').toString('hex'))
  })

  it('has a key identifier of 160 bits of its key’s SHA-256', async () => {
    const certificate = await built()
    expect(certificate.subjectKeyIdentifier).toBe(Buffer.from(keyIdentifierOf(key.spki)).toString('hex'))
    expect(certificate.subjectKeyIdentifier).toMatch(/^[0-9a-f]{40}$/)
  })

  it('has critical names where it has no subject, and only there', async () => {
    const critical = (der: Uint8Array) => new x509.X509Certificate(Buffer.from(der)).getExtension('2.5.29.17')?.critical
    expect(critical(await buildCertificate(options({ subject: [] })))).toBe(true)
    expect(critical(await buildCertificate(options()))).toBe(false)
  })

  it('ends in 2049 as UTCTime and in 2050 as GeneralizedTime', async () => {
    const before = await buildCertificate(options({ notAfter: new Date('2049-12-31T23:59:59Z') }))
    const after = await buildCertificate(options({ notAfter: new Date('2050-01-01T00:00:00Z') }))
    expect(Buffer.from(before).includes('491231235959Z')).toBe(true)
    expect(Buffer.from(after).includes('20500101000000Z')).toBe(true)
    expect(parseCertificate(after).notAfter).toEqual(new Date('2050-01-01T00:00:00Z'))
  })

  it('has a serial number with its top bit set written as a positive one', async () => {
    expect((await built({ serialNumber: Uint8Array.of(0xff, 1, 2) })).serialNumber).toBe('ff0102')
  })

  it('can be signed by whoever has the shape of a signer, a key elsewhere for instance', async () => {
    const near = createSigner(ca.privateKeyPem)
    let asked = 0
    const far = {
      keyAlgorithm: near.keyAlgorithm,
      signatureName: near.signatureName,
      algorithmIdentifier: near.algorithmIdentifier,
      sign: async (bytes: Uint8Array) => {
        asked += 1
        return await near.sign(bytes)
      },
    }
    const der = await buildCertificate(options({ issuer: { privateKey: far, certificateDer: ca.der } }))
    expect(new X509Certificate(der).verify(new X509Certificate(ca.der).publicKey)).toBe(true)
    expect(asked).toBe(1)
  })

  it('of a root has no authority key identifier and verifies itself', async () => {
    const root = await createAuthority({ name: 'Root' })
    expect(root.certificate).toMatchObject({ isCa: true, isSelfIssued: true, authorityKeyIdentifier: undefined })
    expect(new X509Certificate(root.der).verify(new X509Certificate(root.der).publicKey)).toBe(true)
  })

  it('of a CA says how deep it goes, zero included', () => {
    expect(ca.certificate).toMatchObject({ isCa: true, pathLength: 0, keyUsages: ['keyCertSign', 'cRLSign'] })
  })
})

describe('what no certificate can carry is refused', () => {
  it.each<readonly [string, Partial<CertificateOptions>, string, string]>([
    ['a serial number of zero', { serialNumber: new Uint8Array(4) }, 'request_malformed', 'positive'],
    ['a serial number of 21 octets', { serialNumber: new Uint8Array(21).fill(1) }, 'request_malformed', '20 octets'],
    [
      'a serial number of 20 octets with the top bit set',
      { serialNumber: new Uint8Array(20).fill(0x80) },
      'request_malformed',
      '20 octets',
    ],
    ['an end before the beginning', { notAfter: new Date('2020-01-01') }, 'request_malformed', 'before it begins'],
    ['a year of five digits', { notAfter: new Date('+010000-01-01T00:00:00Z') }, 'request_malformed', '1950 to 9999'],
    ['neither subject nor names', { subject: [], names: [] }, 'request_malformed', 'names nothing'],
    [
      'a CA without subject',
      { subject: [], isCa: true, keyUsages: ['keyCertSign'] },
      'request_malformed',
      'must have a subject',
    ],
    ['a path length of a leaf', { pathLength: 1 }, 'request_malformed', 'path length'],
    ['an unknown key usage', { keyUsages: ['everything'] }, 'request_malformed', 'digitalSignature'],
    ['an unknown extended key usage', { extendedKeyUsages: ['webServer'] }, 'request_malformed', 'serverAuth'],
    ['an unknown attribute', { subject: [{ type: 'FOO', value: 'x' }] }, 'request_malformed', 'known attribute'],
    ['an empty attribute', { subject: [{ type: 'O', value: '' }] }, 'request_malformed', 'is empty'],
    [
      'a common name of 65 characters',
      { subject: [{ type: 'CN', value: 'x'.repeat(65) }] },
      'request_malformed',
      '64 characters',
    ],
    ['a country of three letters', { subject: [{ type: 'C', value: 'DEU' }] }, 'request_malformed', 'two letters'],
    ['a control character', { subject: [{ type: 'O', value: 'a\nb' }] }, 'request_malformed', 'control character'],
    [
      'an e-mail attribute outside ASCII',
      { subject: [{ type: 'emailAddress', value: 'jürgen@example.com' }] },
      'request_malformed',
      'ASCII',
    ],
    ['a DNS name that is none', { names: [{ type: 'dns', value: 'a b' }] }, 'identifier_rejected', 'a b'],
    ['an address that is none', { names: [{ type: 'ip', value: '1.2.3' }] }, 'identifier_rejected', '1.2.3'],
  ])('%s', async (_, overrides, code, message) => {
    const attempt = buildCertificate(options(overrides))
    await expect(attempt).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
  })

  it('an extended key usage on a root', async () => {
    const root = options({ issuer: { privateKey: ca.privateKeyPem }, isCa: true, keyUsages: ['keyCertSign'] })
    await expect(buildCertificate(root)).rejects.toMatchObject({ message: expect.stringContaining('root') })
  })

  it('an ACME identifier that is no SHA-256 digest', async () => {
    await expect(buildCertificate(options({ acmeIdentifier: new Uint8Array(31) }))).rejects.toThrow(/32 octets/)
  })

  it('a public key that is none', async () => {
    await expect(buildCertificate(options({ publicKeySpki: Uint8Array.of(1, 2, 3) }))).rejects.toThrow()
  })
})

describe('an answer to tls-alpn-01', () => {
  it('carries the digest as a critical extension, in an octet string of its own (RFC 8737 §3)', async () => {
    const digest = new Uint8Array(32).fill(0xab)
    const der = await buildCertificate(options({ acmeIdentifier: digest }))
    const extension = Buffer.from(`06082b0601050507011f0101ff04220420${'ab'.repeat(32)}`, 'hex')
    expect(Buffer.from(der).includes(extension)).toBe(true)
    expect(Buffer.from(await buildCertificate(options())).includes(extension.subarray(0, 10))).toBe(false)
  })
})

describe('keys', () => {
  it.each(keyAlgorithms)('of %s are made with the size they say', async (algorithm) => {
    const { privateKeyPem, spki } = await generateKey(algorithm)
    const { algorithm: kind, size, curve, exponent } = parsePublicKey(spki)
    const expected =
      algorithm === 'Ed25519'
        ? ['Ed25519', 256]
        : [algorithm.slice(0, algorithm.indexOf('-')), Number(algorithm.replace(/\D+/, ''))]
    expect([kind, size]).toEqual(expected)
    expect(curve).toBe(kind === 'EC' ? algorithm.replace('EC-P', 'P-') : undefined)
    expect(exponent).toBe(kind === 'RSA' ? 65_537n : undefined)
    expect(privateKeyPem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
  })

  it('that are slow do not sign on the event loop', async () => {
    const offers = async (algorithm: (typeof keyAlgorithms)[number]) =>
      createSigner((await generateKey(algorithm)).privateKeyPem).signNow !== undefined
    expect(await Promise.all((['EC-P256', 'Ed25519', 'EC-P384', 'EC-P521', 'RSA-2048'] as const).map(offers))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
  })

  it('of other kinds are refused as signers', async () => {
    const x448 = encodePem('PRIVATE KEY', Buffer.from(`3046020100300506032b656f043a0438${'42'.repeat(56)}`, 'hex'))
    expect(() => createSigner(x448)).toThrow(expect.objectContaining({ code: 'request_malformed' }))
  })

  it('can be used only for what their kind can do', () => {
    const wanted = ['digitalSignature', 'keyEncipherment', 'keyAgreement'] as const
    expect(usableKeyUsages('RSA', wanted)).toEqual(['digitalSignature', 'keyEncipherment'])
    expect(usableKeyUsages('EC', wanted)).toEqual(['digitalSignature', 'keyAgreement'])
    expect(usableKeyUsages('Ed25519', ['keyEncipherment'])).toEqual(['digitalSignature'])
  })
})

describe('a serial number out of random octets', () => {
  it('is positive and of one length, whatever the draw', () => {
    for (const fill of [0, 0xff, 0x80, 0x3f]) {
      const octets = positiveSerial(new Uint8Array(16).fill(fill))
      expect(serialNumberOf(octets)).toMatch(/^[4-7][0-9a-f]{31}$/)
    }
  })

  it('leaves the draw itself as it was', () => {
    const random = new Uint8Array(16).fill(0xff)
    positiveSerial(random)
    expect(random[0]).toBe(0xff)
  })
})
