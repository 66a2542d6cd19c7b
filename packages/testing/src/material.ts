import { type CertificateMaterial, type GeneralName, Secret, type SerialNumber } from '@certctl/core'
import { generateKey, parseCertificate } from '@certctl/pki'
import { createTestCa, type TestCa } from './test-ca.js'

export interface TestLeaf extends CertificateMaterial {
  readonly names: readonly GeneralName[]
  readonly serialNumber: SerialNumber
}

/** Certificates to deploy: the same names under different keys, from one throw-away CA. */
export interface Material {
  readonly ca: TestCa
  readonly rootPem: string
  /** The issuing CA alone: what servers send after the leaf. */
  readonly chainPem: string
  readonly leafs: readonly [TestLeaf, TestLeaf, TestLeaf, ...TestLeaf[]]
  /** A certificate with the key of another one. */
  readonly mismatched: TestLeaf
}

const names: readonly GeneralName[] = [
  { type: 'dns', value: 'www.example.test' },
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
]

let made: Promise<Material> | undefined

/** The material of this process; made once. */
export function createMaterial(): Promise<Material> {
  made ??= make()
  return made
}

async function make(): Promise<Material> {
  const ca = await createTestCa()
  const [first, second, third, fourth] = await Promise.all([leafOf(ca), leafOf(ca), leafOf(ca), leafOf(ca)])
  return {
    ca,
    rootPem: ca.rootPem,
    chainPem: ca.intermediatePem,
    leafs: [first, second, third],
    mismatched: { ...fourth, privateKeyPem: third.privateKeyPem },
  }
}

async function leafOf(ca: TestCa): Promise<TestLeaf> {
  const { privateKeyPem, spki } = await generateKey('EC-P256')
  const certificatePem = await ca.certify(spki, { names })
  const { fingerprint, serialNumber } = parseCertificate(certificatePem)
  return {
    certificatePem,
    chainPem: ca.intermediatePem,
    privateKeyPem: new Secret(privateKeyPem),
    fingerprint,
    names,
    serialNumber,
  }
}
