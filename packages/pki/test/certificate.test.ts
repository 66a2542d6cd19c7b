import { describe, expect, it } from '@jest/globals'
import { element, oid, sequence, smallInteger } from '../src/der/writer.js'
import { parseCertificate, parsePublicKey } from '../src/index.js'
import { extension, forgeCertificate } from './forge/certificate.js'
import { altNames, general } from './forge/general-names.js'
import { oddKeys, testKeys } from './forge/keys.js'
import { attribute, name, nameOids, text } from './forge/names.js'

const read = (...extensions: readonly Uint8Array[]) => parseCertificate(forgeCertificate({ extensions }))
const access = (method: string, location: Uint8Array) => sequence(oid(method), location)

describe('the inventory’s columns', () => {
  it('of a bare certificate are empty lists and nothing made up', () => {
    expect(parseCertificate(forgeCertificate())).toMatchObject({
      names: [],
      otherNames: [],
      isCa: false,
      pathLength: undefined,
      keyUsages: [],
      extendedKeyUsages: [],
      subjectKeyIdentifier: undefined,
      authorityKeyIdentifier: undefined,
      mustStaple: false,
      crlUrls: [],
      ocspUrls: [],
      caIssuerUrls: [],
      policies: [],
      nameConstraints: undefined,
      hasTimestamps: false,
      extensions: [],
      unknownCritical: [],
    })
  })

  it('show names of other kinds as text', () => {
    const other = read(
      altNames(
        general.dns('a.example'),
        general.upn('a@example.com'),
        general.directory('Somebody'),
        element(0x88, Uint8Array.of(0x2a, 3)),
      ),
    )
    expect(other.names).toEqual([{ type: 'dns', value: 'a.example' }])
    expect(other.otherNames).toEqual([
      'otherName 1.3.6.1.4.1.311.20.2.3',
      'directoryName CN=Somebody',
      'registeredID 2a03',
    ])
  })

  it('tell where CRLs, OCSP and issuers are, and pass over places that are no URLs', () => {
    const names = element(
      0xa0,
      element(0xa0, general.uri('http://a.example/1.crl'), general.directory('x'), general.uri('ldap://b.example/2')),
    )
    const reasonsOnly = sequence(element(0x81, Uint8Array.of(1, 6)))
    const info = sequence(
      access('1.3.6.1.5.5.7.48.1', general.uri('http://o.example')),
      access('1.3.6.1.5.5.7.48.2', general.directory('x')),
      access('1.3.6.1.5.5.7.48.3', general.uri('http://t.example')),
    )
    expect(
      read(extension('2.5.29.31', sequence(sequence(names), reasonsOnly)), extension('1.3.6.1.5.5.7.1.1', info)),
    ).toMatchObject({
      crlUrls: ['http://a.example/1.crl', 'ldap://b.example/2'],
      ocspUrls: ['http://o.example'],
      caIssuerUrls: [],
    })
  })

  it('tell policies, timestamps and features', () => {
    const policies = sequence(
      sequence(oid('2.23.140.1.2.1'), sequence(sequence(oid('1.3.6.1.5.5.7.2.1'), text.ia5('http://cps')))),
    )
    const features = sequence(smallInteger(17), smallInteger(5))
    const certificate = read(
      extension('2.5.29.32', policies),
      extension('1.3.6.1.5.5.7.1.24', features),
      extension('1.3.6.1.4.1.11129.2.4.2', element(0x04, Uint8Array.of(0, 0))),
    )
    expect(certificate).toMatchObject({ policies: ['2.23.140.1.2.1'], mustStaple: true, hasTimestamps: true })
    expect(read(extension('1.3.6.1.5.5.7.1.24', sequence(smallInteger(17)))).mustStaple).toBe(false)
  })

  it('identify the issuer’s key where its identifier is given beside others', () => {
    const aki = sequence(
      element(0x80, Uint8Array.of(0xab, 0xcd)),
      element(0xa1, general.directory('x')),
      element(0x82, Uint8Array.of(1)),
    )
    expect(read(extension('2.5.29.35', aki)).authorityKeyIdentifier).toBe('abcd')
    expect(read(extension('2.5.29.35', sequence())).authorityKeyIdentifier).toBeUndefined()
  })

  it('write names as RFC 4514 does, most specific first, special characters escaped', () => {
    const subject = name(
      attribute(nameOids.c, text.printable('DE')),
      attribute(nameOids.o, text.utf8(' Sue, Grabbit + Runn #1 ')),
      attribute(nameOids.unknown, text.utf8('x')),
      attribute(nameOids.cn, text.utf8('#a"b\\c<d>e;f=g')),
    )
    expect(parseCertificate(forgeCertificate({ subject })).subjectText).toBe(
      'CN=\\#a\\"b\\\\c\\<d\\>e\\;f\\=g,1.3.6.1.4.1.99999.7=x,O=\\ Sue\\, Grabbit \\+ Runn #1\\ ,C=DE',
    )
  })

  it('join the parts that belong together with a plus', () => {
    const subject = sequence(
      element(0x31, attribute(nameOids.cn, text.utf8('a')), attribute(nameOids.ou, text.utf8('b'))),
    )
    expect(parseCertificate(forgeCertificate({ subject })).subjectText).toBe('CN=a+OU=b')
  })

  it('show a value that is not text as its encoding', () => {
    const subject = name(attribute('2.5.4.45', element(0x03, Uint8Array.of(0, 0xaa))))
    expect(parseCertificate(forgeCertificate({ subject })).subjectText).toBe('2.5.4.45=#030200aa')
  })

  it('take the last common name, which is the most specific', () => {
    const subject = name(attribute(nameOids.cn, text.utf8('first')), attribute(nameOids.cn, text.utf8('last')))
    expect(parseCertificate(forgeCertificate({ subject })).commonName).toBe('last')
  })

  it('read every string type that certificates have had', () => {
    for (const value of [text.utf8('Zoë'), text.bmp('Zoë'), text.universal('Zoë'), text.teletex('Zoë')])
      expect(parseCertificate(forgeCertificate({ subject: name(attribute(nameOids.cn, value)) })).commonName).toBe(
        'Zoë',
      )
  })
})

describe('serial numbers', () => {
  it.each([
    [[0x01], '01'],
    [[0x00, 0xff], 'ff'],
    [[0x0a, 0xbc], '0abc'],
    [[0x00], '00'],
    [[0xff], '-01'],
    [[0x80, 0x00], '-8000'],
  ])('of the octets %j are %s', (octets, serialNumber) => {
    expect(parseCertificate(forgeCertificate({ serial: element(0x02, Uint8Array.from(octets)) })).serialNumber).toBe(
      serialNumber,
    )
  })
})

describe('public keys', () => {
  it.each([
    [testKeys.p256, { algorithm: 'EC', size: 256, curve: 'P-256' }],
    [testKeys.p384, { algorithm: 'EC', size: 384, curve: 'P-384' }],
    [testKeys.p521, { algorithm: 'EC', size: 521, curve: 'P-521' }],
    [testKeys.ed25519, { algorithm: 'Ed25519', size: 256 }],
    [testKeys.rsa, { algorithm: 'RSA', size: 2048, exponent: 65_537n }],
    [oddKeys.rsa1024, { algorithm: 'RSA', size: 1024 }],
    [oddKeys.secp256k1, { algorithm: 'EC', curve: 'secp256k1' }],
    [oddKeys.explicit, { algorithm: 'EC', curve: 'explicit' }],
  ])('are told with their size and curve', ({ spki }, expected) => {
    expect(parsePublicKey(spki)).toMatchObject(expected)
    expect(parseCertificate(forgeCertificate({ spki })).publicKey).toMatchObject(expected)
  })

  it('carry no more than a reader needs: no reasons for refusing them', () => {
    expect(Object.keys(parsePublicKey(oddKeys.explicit.spki))).not.toContain('fault')
  })

  it('with bytes after them are refused', () => {
    expect(() => parsePublicKey(Buffer.concat([testKeys.p256.spki, Uint8Array.of(0)]))).toThrow(
      expect.objectContaining({ code: 'request_malformed' }),
    )
  })
})
