import { createHash } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { buildCertificate, decodePem, encodePem, generateKey, parseCertificate } from '@certctl/pki'
import { createTestCa } from '@certctl/testing'

/** A CA with a server and a client certificate, as PEM. */
export interface TlsParty {
  keyPem: string
  certificatePem: string
}

export const ca = await createTestCa()

export async function partyOf(names: readonly string[]): Promise<TlsParty> {
  const { privateKeyPem, spki } = await generateKey('EC-P256')
  const general = names.map((value) => ({ type: /^\d/.test(value) ? 'ip' : 'dns', value }) as const)
  const certificatePem = await ca.certify(spki, { names: general, extendedKeyUsages: ['serverAuth', 'clientAuth'] })
  return { keyPem: privateKeyPem, certificatePem }
}

/** What a server sends that also shows its root. */
export const wholeChain = ({ certificatePem }: TlsParty): string => certificatePem + ca.intermediatePem + ca.rootPem

export function spkiHash(certificatePem: string): string {
  return createHash('sha256').update(parseCertificate(certificatePem).publicKey.spki).digest('hex')
}

/** A certificate that claims to be issued by our CA and is signed by somebody else under the same name. */
export async function impostorOf(names: readonly string[]): Promise<TlsParty> {
  const [authority, leaf] = [await generateKey('EC-P256'), await generateKey('EC-P256')]
  const { subject } = parseCertificate(ca.rootPem)
  const dates = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 86_400_000) }
  const common = { ...dates, extendedKeyUsages: [], mustStaple: false, serialNumber: new Uint8Array([1]) }
  const root = await buildCertificate({
    ...common,
    issuer: { privateKey: authority.privateKeyPem },
    subject,
    names: [],
    publicKeySpki: authority.spki,
    isCa: true,
    keyUsages: ['keyCertSign'],
  })
  const certificate = await buildCertificate({
    ...common,
    issuer: { privateKey: authority.privateKeyPem, certificateDer: root },
    subject: [{ type: 'CN', value: names[0] ?? '' }],
    names: names.map((value) => ({ type: 'dns', value }) as const),
    publicKeySpki: leaf.spki,
    isCa: false,
    keyUsages: ['digitalSignature'],
  })
  return { keyPem: leaf.privateKeyPem, certificatePem: encodePem('CERTIFICATE', certificate) }
}

export interface Running {
  port: number
  server: Server
  close(): Promise<void>
}

export async function listenTls(
  options: Parameters<typeof createServer>[0],
  answer: RequestListener,
): Promise<Running> {
  const server = createServer(options, answer)
  return { server, ...(await listen(server)) }
}

export async function listen(server: NetServer, path?: string): Promise<{ port: number; close(): Promise<void> }> {
  await new Promise<void>((done) =>
    path === undefined ? server.listen(0, '127.0.0.1', done) : server.listen(path, done),
  )
  const sockets = new Set<import('node:net').Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  return {
    port: path === undefined ? (server.address() as AddressInfo).port : 0,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}

export const derOf = (pem: string): Uint8Array => decodePem(pem)[0] ?? new Uint8Array()
