import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { encodePem } from '@certctl/pki'
import { createMaterial, type HttpAnswer, type Material } from '@certctl/testing'
import { caName, type FakeEjbca, type FakeRequest, fakeEjbca } from './fake-ejbca.js'
import { createEjbcaMaterial } from './material.js'

export interface HttpsEjbca {
  readonly fake: FakeEjbca
  /** Of its listener. */
  readonly server: Material
  /** With client certificate, key and the server's CA in `folder`. */
  readonly config: Readonly<
    Record<'api_url' | 'client_cert_path' | 'client_key_path' | 'server_ca_path' | 'ca_name', string>
  >
  readonly folder: string
  /** Answers in place of EJBCA while it is set. */
  instead: HttpAnswer | undefined
  close(): Promise<void>
}

/** The fake behind real TLS, which asks for client certificates as EJBCA's server does. */
export async function startHttpsEjbca(options: Parameters<typeof fakeEjbca>[1] = {}): Promise<HttpsEjbca> {
  const [material, server] = await Promise.all([createEjbcaMaterial(), createMaterial()])
  const fake = fakeEjbca(material, options)
  const [leaf] = server.leafs
  const own = { key: leaf.privateKeyPem.reveal(), cert: leaf.certificatePem + leaf.chainPem }
  // The intermediate of the client's CA is not sent by the client, so it is an anchor here.
  const clientCas = [material.admins.intermediatePem, material.admins.rootPem]
  const tls = { ...own, requestCert: true, rejectUnauthorized: false, ca: clientCas }
  const https = createServer(tls, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const asked = requestOf(request, Buffer.concat(chunks).toString())
      Promise.resolve(ejbca.instead ?? fake.answer(asked)).then((answer) => {
        response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
        response.end(answer.json === undefined ? answer.body : JSON.stringify(answer.json))
      }, request.destroy)
    })
  })
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve))
  const folder = mkdtempSync(join(tmpdir(), 'certctl-ejbca-'))
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    return join(folder, name)
  }
  const ejbca: HttpsEjbca = {
    fake,
    server,
    folder,
    instead: undefined,
    config: {
      api_url: `https://localhost:${(https.address() as AddressInfo).port}`,
      client_cert_path: file('client.pem', material.adminPem),
      client_key_path: file('client.key', material.adminKeyPem),
      server_ca_path: file('server-ca.pem', server.rootPem),
      ca_name: caName,
    },
    async close() {
      await new Promise((resolve) => https.close(resolve).closeAllConnections())
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return ejbca
}

function requestOf(request: IncomingMessage, body: string): FakeRequest {
  const socket = request.socket as TLSSocket
  const peer = socket.authorized ? socket.getPeerCertificate().raw : undefined
  const { pathname: path, searchParams: query } = new URL(request.url ?? '', 'https://localhost')
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
  const clientCertificate = peer && encodePem('CERTIFICATE', peer)
  return { method: request.method ?? '', path, query, headers, body, clientCertificate }
}
