import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { element, oid, sequence } from '../src/der/writer.js'
import {
  checkKeyPolicy,
  checkProofOfPossession,
  createCsr,
  generateKey,
  keyAlgorithms,
  parseCsr,
  parseGeneralName,
} from '../src/index.js'
import { attributeOf, forgeCsr, requesting } from './forge/csr.js'
import { altNames, general } from './forge/general-names.js'
import { testKeys } from './forge/keys.js'
import { text } from './forge/names.js'

const names = [
  'www.example.com',
  '*.example.com',
  '192.0.2.1',
  '2001:db8::1',
  'a@example.com',
  'https://example.com/x',
].map(parseGeneralName)

describe('a CSR of ours', () => {
  it.each(keyAlgorithms.filter((algorithm) => algorithm !== 'RSA-4096'))(
    'with a %s key says what it was asked to say and proves its key',
    async (algorithm) => {
      const { privateKeyPem, spki } = await generateKey(algorithm)
      const subject = [{ type: 'O', value: 'Beispiel' }]
      const pem = await createCsr({
        privateKeyPem,
        commonName: 'www.example.com',
        subject,
        names,
        extendedKeyUsages: ['serverAuth'],
        mustStaple: true,
      })
      const csr = parseCsr(pem)
      expect(csr).toMatchObject({
        pem,
        subjectText: 'CN=www.example.com,O=Beispiel',
        commonName: 'www.example.com',
        names,
        requested: { extendedKeyUsages: ['serverAuth'], keyUsages: [], mustStaple: true, isCa: false },
      })
      expect(Buffer.from(csr.publicKey.spki)).toEqual(Buffer.from(spki))
      expect(() => checkKeyPolicy(csr.publicKey)).not.toThrow()
      expect(() => checkProofOfPossession(csr)).not.toThrow()
    },
  )

  it('may have no common name, then its names are critical, and no name, then it has no list of them', async () => {
    const { privateKeyPem } = await generateKey('EC-P256')
    expect(parseCsr(await createCsr({ privateKeyPem, names }))).toMatchObject({
      subject: [],
      commonName: undefined,
      names,
    })
    expect(parseCsr(await createCsr({ privateKeyPem, commonName: 'x', names: [] }))).toMatchObject({
      names: [],
      attributes: [],
    })
  })

  it('is made from keys in the older forms as well', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const privateKeyPem = privateKey.export({ type: 'sec1', format: 'pem' }).toString()
    const pem = await createCsr({ privateKeyPem, names })
    expect(() => checkProofOfPossession(parseCsr(pem))).not.toThrow()
  })

  it('is not made for a name or a subject that no certificate can carry', async () => {
    const { privateKeyPem } = await generateKey('EC-P256')
    await expect(createCsr({ privateKeyPem, names: [{ type: 'dns', value: '*' }] })).rejects.toMatchObject({
      code: 'identifier_rejected',
    })
    await expect(createCsr({ privateKeyPem, commonName: 'x'.repeat(65), names })).rejects.toMatchObject({
      code: 'request_malformed',
    })
  })

  it('is not made with something that is no key, and that something is not quoted', async () => {
    await expect(createCsr({ privateKeyPem: 'my secret', names })).rejects.toMatchObject({
      code: 'request_malformed',
      message: expect.not.stringContaining('secret'),
    })
  })
})

describe('a CSR of somebody else', () => {
  it('has its names in canonical form, each once', () => {
    const der = forgeCsr(undefined, {
      attributes: [
        requesting(
          altNames(
            general.dns('WWW.Example.com'),
            general.dns('www.example.com'),
            general.dns('xn--bcher-kva.example'),
            general.email('A@EXAMPLE.com'),
          ),
        ),
      ],
    })
    expect(parseCsr(der).names).toEqual(['www.example.com', 'bücher.example', 'A@example.com'].map(parseGeneralName))
  })

  it('may ask for usages and for being a CA, which is reported and nothing more', () => {
    const usage = sequence(oid('2.5.29.15'), element(0x04, element(0x03, Uint8Array.of(1, 0x06))))
    const ca = sequence(oid('2.5.29.19'), element(0x04, sequence(element(0x01, Uint8Array.of(0xff)))))
    expect(parseCsr(forgeCsr(undefined, { attributes: [requesting(usage, ca)] })).requested).toEqual({
      extendedKeyUsages: [],
      keyUsages: ['keyCertSign', 'cRLSign'],
      mustStaple: false,
      isCa: true,
      extensions: ['2.5.29.15', '2.5.29.19'],
    })
  })

  it('may carry SCEP’s challenge password beside the rest', () => {
    const attributes = [
      attributeOf('1.2.840.113549.1.9.7', text.utf8('open sesame')),
      requesting(altNames(general.dns('a.example'))),
    ]
    expect(parseCsr(forgeCsr(undefined, { attributes }))).toMatchObject({
      challengePassword: 'open sesame',
      attributes: ['1.2.840.113549.1.9.7', '1.2.840.113549.1.9.14'],
      names: [{ type: 'dns', value: 'a.example' }],
    })
  })

  it('that asks twice is refused, whether in two attributes or in two values of one', () => {
    const twice = [requesting(altNames(general.dns('a.example'))), requesting(altNames(general.dns('b.example')))]
    expect(() => parseCsr(forgeCsr(undefined, { attributes: twice }))).toThrow(
      expect.objectContaining({ code: 'csr_malformed' }),
    )
    const one = [
      attributeOf(
        '1.2.840.113549.1.9.14',
        sequence(altNames(general.dns('a.example'))),
        sequence(altNames(general.dns('b.example'))),
      ),
    ]
    expect(() => parseCsr(forgeCsr(undefined, { attributes: one }))).toThrow(
      expect.objectContaining({ code: 'csr_malformed' }),
    )
  })

  it('with one bit of it changed after signing proves nothing any more', () => {
    for (const key of Object.values(testKeys)) {
      const der = Uint8Array.from(forgeCsr(key))
      const at = Buffer.from(der).indexOf('www.example.com')
      der[at] = 'v'.charCodeAt(0)
      expect(() => checkProofOfPossession(parseCsr(der))).toThrow(expect.objectContaining({ code: 'csr_rejected' }))
    }
  })

  it('keeps the bytes it came in', () => {
    const der = forgeCsr()
    expect(Buffer.from(parseCsr(der).der)).toEqual(Buffer.from(der))
  })
})
