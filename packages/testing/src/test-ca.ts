import { randomBytes } from 'node:crypto'
import type { GeneralName } from '@certctl/core'
import { buildCertificate, encodePem, generateKey, parseCsr } from '@certctl/pki'

export interface SignOptions {
  /** Default: the names of the CSR. */
  names?: readonly GeneralName[] | undefined
  subject?: readonly { type: string; value: string }[] | undefined
  extendedKeyUsages?: readonly string[] | undefined
  keyUsages?: readonly string[] | undefined
  mustStaple?: boolean | undefined
  /** Default: ninety days from now. */
  notBefore?: Date | undefined
  notAfter?: Date | undefined
  /** Default: random. */
  serialNumber?: Uint8Array | undefined
}

/** A throw-away authority: a root, an intermediate that issues, and nobody who should trust either. */
export interface TestCa {
  readonly rootPem: string
  readonly intermediatePem: string
  /** PKCS #8 of the intermediate, for fakes that sign in their own way. */
  readonly intermediateKeyPem: string
  /** Signs what it is given, without asking: a fake decides what it accepts. PEM. */
  sign(csrPem: string, options?: SignOptions): Promise<string>
  /** The same for a bare public key. */
  certify(spki: Uint8Array, options: SignOptions & { names: readonly GeneralName[] }): Promise<string>
}

const hour = 3_600_000
const day = 24 * hour

/** Makes a throw-away CA whose certificates are valid around `now`. CAs backdate, so it does too: by an hour. */
export async function createTestCa(now: Date = new Date()): Promise<TestCa> {
  const notBefore = new Date(Math.floor(now.getTime() / 1000) * 1000 - hour)
  const [root, intermediate] = await Promise.all([generateKey('EC-P256'), generateKey('EC-P256')])
  const authority = {
    isCa: true,
    names: [],
    keyUsages: ['keyCertSign', 'cRLSign'],
    extendedKeyUsages: [],
    mustStaple: false,
  }
  const rootDer = await buildCertificate({
    ...authority,
    serialNumber: freshSerial(),
    issuer: { privateKey: root.privateKeyPem },
    subject: [{ type: 'CN', value: 'Throw-away Root' }],
    publicKeySpki: root.spki,
    notBefore,
    notAfter: new Date(notBefore.getTime() + 3650 * day),
  })
  const intermediateDer = await buildCertificate({
    ...authority,
    serialNumber: freshSerial(),
    issuer: { privateKey: root.privateKeyPem, certificateDer: rootDer },
    subject: [{ type: 'CN', value: 'Throw-away Issuing CA' }],
    publicKeySpki: intermediate.spki,
    pathLength: 0,
    notBefore,
    notAfter: new Date(notBefore.getTime() + 1825 * day),
  })

  const certify: TestCa['certify'] = async (spki, options) => {
    const { names, subject = subjectOf(names), extendedKeyUsages = ['serverAuth'], mustStaple = false } = options
    const der = await buildCertificate({
      serialNumber: options.serialNumber ?? freshSerial(),
      issuer: { privateKey: intermediate.privateKeyPem, certificateDer: intermediateDer },
      subject,
      names,
      publicKeySpki: spki,
      notBefore: options.notBefore ?? notBefore,
      notAfter: options.notAfter ?? new Date(notBefore.getTime() + 90 * day),
      isCa: false,
      keyUsages: options.keyUsages ?? ['digitalSignature'],
      extendedKeyUsages,
      mustStaple,
    })
    return encodePem('CERTIFICATE', der)
  }
  return {
    rootPem: encodePem('CERTIFICATE', rootDer),
    intermediatePem: encodePem('CERTIFICATE', intermediateDer),
    intermediateKeyPem: intermediate.privateKeyPem,
    certify,
    async sign(csrPem, options = {}) {
      const csr = parseCsr(csrPem)
      return await certify(csr.publicKey.spki, { ...options, names: options.names ?? csr.names })
    },
  }
}

function subjectOf(names: readonly GeneralName[]): { type: string; value: string }[] {
  const dns = names.find(({ type }) => type === 'dns')
  return dns === undefined ? [] : [{ type: 'CN', value: dns.value }]
}

/** RFC 5280 §4.1.2.2: positive and at most 20 octets, so the top bit is cleared; the next one is set so that none is ever short. */
function freshSerial(): Uint8Array {
  const bytes = new Uint8Array(randomBytes(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}
