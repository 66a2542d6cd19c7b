import { buildCertificate, generateKey, type KeyAlgorithm, parseCertificate } from '../../src/index.js'

export interface Pair {
  der: Uint8Array
  privateKeyPem: string
}

/** A root and a leaf under it, both of one algorithm. */
export async function createPair(
  algorithm: KeyAlgorithm,
  commonName = 'leaf.example.test',
): Promise<{ root: Pair; leaf: Pair }> {
  const rootKey = await generateKey(algorithm)
  const leafKey = await generateKey(algorithm)
  const common = {
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2036-01-01T00:00:00Z'),
    extendedKeyUsages: [],
    mustStaple: false,
  }
  const root = await buildCertificate({
    ...common,
    serialNumber: Uint8Array.of(1),
    issuer: { privateKey: rootKey.privateKeyPem },
    subject: [{ type: 'CN', value: `Root of ${algorithm}` }],
    names: [],
    publicKeySpki: rootKey.spki,
    isCa: true,
    keyUsages: ['keyCertSign', 'cRLSign'],
  })
  const leaf = await buildCertificate({
    ...common,
    serialNumber: Uint8Array.of(2),
    issuer: { privateKey: rootKey.privateKeyPem, certificateDer: parseCertificate(root).der },
    subject: [{ type: 'CN', value: commonName }],
    names: [{ type: 'dns', value: 'leaf.example.test' }],
    publicKeySpki: leafKey.spki,
    isCa: false,
    keyUsages: ['digitalSignature'],
  })
  return {
    root: { der: root, privateKeyPem: rootKey.privateKeyPem },
    leaf: { der: leaf, privateKeyPem: leafKey.privateKeyPem },
  }
}
