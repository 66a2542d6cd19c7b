/** Bar 12: reading certificates for the inventory. */
import { X509Certificate } from 'node:crypto'
import { buildCertificate, generateKey, parseCertificate, parseGeneralName } from '@certctl/pki'
import { x509 } from '../packages/pki/src/provider.js'
import type { Bar } from './harness.js'

const count = 200
const nodeMajor = Number.parseInt(process.versions.node, 10)

/** Ours reads every column with all checks and hashes certificate and key; node reads the columns it has, without the key's hash; the library reads the same fields. */
export async function bars(): Promise<readonly Bar[]> {
  const ders = await leaves()
  const der = (index: number): Buffer => ders[index % count] ?? Buffer.alloc(0)
  const ours = {
    name: 'parseCertificate: all columns, SHA-256 of certificate and key',
    run: (index: number) => parseCertificate(der(index)),
  }
  const node = {
    name: `crypto.X509Certificate of Node ${process.versions.node}, with fields`,
    run: (index: number) => nodeFields(der(index)),
  }
  const library = { name: '@peculiar/x509, with fields', run: (index: number) => libraryFields(der(index)) }
  return [
    // Node 24 brings an OpenSSL that decodes eight times as fast; the bar is of Node 20.
    {
      name: 'inventory-parse/node',
      title: 'read a certificate for the inventory',
      ours,
      theirs: node,
      floor: nodeMajor < 22 ? 8 : 3,
      aim: 12,
    },
    { name: 'inventory-parse/peculiar', title: 'the same', ours, theirs: library, floor: 100 },
  ]
}

function nodeFields(der: Buffer): unknown[] {
  const {
    subject,
    issuer,
    subjectAltName,
    validFrom,
    validTo,
    serialNumber,
    fingerprint256,
    keyUsage,
    ca,
    infoAccess,
  } = new X509Certificate(der)
  return [subject, issuer, subjectAltName, validFrom, validTo, serialNumber, fingerprint256, keyUsage, ca, infoAccess]
}

function libraryFields(der: Buffer): unknown[] {
  const { subject, issuer, notBefore, notAfter, serialNumber, publicKey, extensions } = new x509.X509Certificate(der)
  return [subject, issuer, notBefore, notAfter, serialNumber, publicKey, extensions]
}

/** Distinct leaves of the usual kind: three DNS names and an address, usages, identifiers, CRL and OCSP addresses. */
async function leaves(): Promise<Buffer[]> {
  const ca = await generateKey('EC-P256')
  const common = { notBefore: new Date('2026-01-01'), notAfter: new Date('2026-12-01'), mustStaple: false }
  const certificateDer = await buildCertificate({
    ...common,
    serialNumber: Uint8Array.of(1),
    issuer: { privateKey: ca.privateKeyPem },
    subject: [
      { type: 'C', value: 'DE' },
      { type: 'O', value: 'Example Trust' },
      { type: 'CN', value: 'Example Issuing CA' },
    ],
    names: [],
    publicKeySpki: ca.spki,
    isCa: true,
    keyUsages: ['keyCertSign', 'cRLSign'],
    extendedKeyUsages: [],
  })
  const one = async (index: number): Promise<Buffer> =>
    Buffer.from(
      await buildCertificate({
        ...common,
        serialNumber: Buffer.from(`5f00112233445566778899aabbcc${(index + 0x1000).toString(16)}`, 'hex'),
        issuer: { privateKey: ca.privateKeyPem, certificateDer },
        subject: [
          { type: 'O', value: 'Example' },
          { type: 'CN', value: `www${index}.example.com` },
        ],
        names: [
          `www${index}.example.com`,
          `api${index}.example.com`,
          `mail${index}.example.com`,
          `192.0.2.${index}`,
        ].map(parseGeneralName),
        publicKeySpki: (await generateKey('EC-P256')).spki,
        isCa: false,
        keyUsages: ['digitalSignature'],
        extendedKeyUsages: ['serverAuth', 'clientAuth'],
        crlUrls: ['http://ca.example.com/crl/issuing.crl'],
        authorityInfo: { ocspUrls: ['http://ocsp.example.com/'], caIssuerUrls: ['http://ca.example.com/issuing.cer'] },
      }),
    )
  return await Promise.all(Array.from({ length: count }, (_, index) => one(index)))
}
