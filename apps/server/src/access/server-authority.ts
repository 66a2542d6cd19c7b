import { createHash, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import type { GeneralName } from '@certctl/core'
import { buildCertificate, decodePem, encodePem, generateKey, positiveSerial } from '@certctl/pki'
import { z } from 'zod'
import type { Services } from '../services.js'

export interface KeyPair {
  /** The leaf first, then what it chains to. */
  certificatePem: string
  privateKeyPem: string
}

/** The small CA that signs nothing but listener certificates. All copies share it; agents and the command line pin its key. */
export interface ServerAuthority {
  readonly certificatePem: string
  /** Lower-case hex: SHA-256 over the SubjectPublicKeyInfo. What join tokens carry. */
  readonly spkiSha256: string
  /** A new key and a certificate for it, the CA's behind it. */
  issue(request: {
    commonName: string
    names: readonly GeneralName[]
    notBefore: Date
    notAfter: Date
  }): Promise<KeyPair>
}

const name = 'server-authority'
const place = { table: 'server_secrets', id: name, column: 'value' }
const storedSchema = z.object({ certificate_pem: z.string(), private_key_pem: z.string() })
const years = 20
const serialBytes = 16

/** Made on first start, sealed in the database. Copies that start together agree on one. */
export async function openServerAuthority(
  services: Pick<Services, 'store' | 'sealing' | 'clock'>,
): Promise<ServerAuthority> {
  const { store, sealing, clock } = services
  const value =
    (await store.serverSecrets.find(name)) ??
    (await store.serverSecrets.keepFirst({
      name,
      value: sealing.seal(JSON.stringify(await makeAuthority(clock.now())), place),
      created_at: clock.now(),
    }))
  const { certificate_pem, private_key_pem } = storedSchema.parse(JSON.parse(sealing.open(value, place).toString()))
  const spki = createPublicKey(certificate_pem).export({ type: 'spki', format: 'der' })
  return {
    certificatePem: certificate_pem,
    spkiSha256: createHash('sha256').update(spki).digest('hex'),
    issue: async (request) => await issueLeaf({ certificate_pem, private_key_pem }, request),
  }
}

async function makeAuthority(now: Date): Promise<z.input<typeof storedSchema>> {
  const { privateKeyPem, spki } = await generateKey('EC-P256')
  const notAfter = new Date(now)
  notAfter.setUTCFullYear(now.getUTCFullYear() + years)
  const der = await buildCertificate({
    serialNumber: positiveSerial(randomBytes(serialBytes)),
    issuer: { privateKey: createPrivateKey(privateKeyPem) },
    // Two installations have two CAs, and people see which is which.
    subject: [{ type: 'CN', value: `certctl server CA ${randomBytes(4).toString('hex')}` }],
    names: [],
    publicKeySpki: spki,
    notBefore: dayBefore(now),
    notAfter,
    isCa: true,
    pathLength: 0,
    keyUsages: ['keyCertSign', 'cRLSign'],
    extendedKeyUsages: [],
    mustStaple: false,
  })
  return { certificate_pem: encodePem('CERTIFICATE', der), private_key_pem: privateKeyPem }
}

/** Clients whose clock is behind must be able to connect, or they never learn the time. */
function dayBefore(now: Date): Date {
  return new Date(now.getTime() - 86_400_000)
}

async function issueLeaf(
  authority: z.output<typeof storedSchema>,
  request: Parameters<ServerAuthority['issue']>[0],
): Promise<KeyPair> {
  const { privateKeyPem, spki } = await generateKey('EC-P256')
  const [certificateDer] = decodePem(authority.certificate_pem)
  const der = await buildCertificate({
    serialNumber: positiveSerial(randomBytes(serialBytes)),
    issuer: { certificateDer, privateKey: createPrivateKey(authority.private_key_pem) },
    subject: [{ type: 'CN', value: request.commonName.slice(0, 64) }],
    names: request.names,
    publicKeySpki: spki,
    notBefore: request.notBefore,
    notAfter: request.notAfter,
    isCa: false,
    keyUsages: ['digitalSignature'],
    extendedKeyUsages: ['serverAuth'],
    mustStaple: false,
  })
  return { certificatePem: encodePem('CERTIFICATE', der) + authority.certificate_pem, privateKeyPem }
}
