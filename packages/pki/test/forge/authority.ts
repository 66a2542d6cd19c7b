import {
  buildCertificate,
  type Certificate,
  type CertificateOptions,
  encodePem,
  generateKey,
  type KeyAlgorithm,
  parseCertificate,
} from '../../src/index.js'

export interface TestAuthority {
  certificate: Certificate
  der: Uint8Array
  pem: string
  privateKeyPem: string
  spki: Uint8Array
}

export const validity = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2036-01-01T00:00:00Z') }

export interface AuthorityOptions {
  name: string
  /** Absent: a root. */
  by?: TestAuthority | undefined
  algorithm?: KeyAlgorithm | undefined
  /** A key that exists, for cross-signing. */
  key?: { privateKeyPem: string; spki: Uint8Array } | undefined
  overrides?: Partial<CertificateOptions> | undefined
}

let serials = 0

export function nextSerial(): Uint8Array {
  serials += 1
  return Uint8Array.of(0x40, serials >> 8, serials & 0xff)
}

/** A CA, under another or on its own. */
export async function createAuthority({
  name,
  by,
  algorithm = 'EC-P256',
  key,
  overrides = {},
}: AuthorityOptions): Promise<TestAuthority> {
  const { privateKeyPem, spki } = key ?? (await generateKey(algorithm))
  const der = await buildCertificate({
    ...validity,
    serialNumber: nextSerial(),
    issuer: by === undefined ? { privateKey: privateKeyPem } : { privateKey: by.privateKeyPem, certificateDer: by.der },
    subject: [{ type: 'CN', value: name }],
    names: [],
    publicKeySpki: spki,
    isCa: true,
    keyUsages: ['keyCertSign', 'cRLSign'],
    extendedKeyUsages: [],
    mustStaple: false,
    ...overrides,
  })
  const certificate = parseCertificate(der)
  return { certificate, der, pem: encodePem('CERTIFICATE', der), privateKeyPem, spki }
}

/** A leaf under a CA. */
export async function createLeaf(
  by: TestAuthority,
  overrides: Partial<CertificateOptions> & { algorithm?: KeyAlgorithm } = {},
): Promise<TestAuthority> {
  const { algorithm, ...rest } = overrides
  return await createAuthority({
    name: 'www.example.com',
    by,
    algorithm,
    overrides: {
      isCa: false,
      names: [{ type: 'dns', value: 'www.example.com' }],
      keyUsages: ['digitalSignature'],
      extendedKeyUsages: ['serverAuth'],
      ...rest,
    },
  })
}
