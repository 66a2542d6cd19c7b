import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { type IssuerHost, parseConfig } from '@certctl/core'
import { createNodeHost } from '@certctl/kit'
import { encodePem } from '@certctl/pki'
import {
  createIssuanceRequest,
  createMaterial,
  createMemoryState,
  createTestIssuerHost,
  type HttpAnswer,
} from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import ejbca from '../src/index.js'
import { caName, fakeEjbca } from './fake-ejbca.js'
import { createEjbcaMaterial } from './material.js'

/** The fake behind real TLS, which asks for client certificates as EJBCA's server does. */
const material = await createEjbcaMaterial()
const server = await createMaterial()
const fake = fakeEjbca(material)
let instead: HttpAnswer | undefined
let https: Server
let folder: string
let config: Readonly<Record<string, string>>

beforeAll(async () => {
  const [leaf] = server.leafs
  const options = { key: leaf.privateKeyPem.reveal(), cert: leaf.certificatePem + leaf.chainPem }
  // The intermediate of the client's CA is not sent by the client, so it is an anchor here.
  const clientCas = [material.admins.intermediatePem, material.admins.rootPem]
  const tls = { ...options, requestCert: true, rejectUnauthorized: false, ca: clientCas }
  https = createServer(tls, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      answerTo(request, Buffer.concat(chunks).toString()).then((answer) => {
        response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
        response.end(answer.json === undefined ? answer.body : JSON.stringify(answer.json))
      }, request.destroy)
    })
  })
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve))
  folder = mkdtempSync(join(tmpdir(), 'certctl-ejbca-'))
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    return join(folder, name)
  }
  config = {
    api_url: `https://localhost:${(https.address() as AddressInfo).port}`,
    client_cert_path: file('client.pem', material.adminPem),
    client_key_path: file('client.key', material.adminKeyPem),
    server_ca_path: file('server-ca.pem', server.rootPem),
    ca_name: caName,
  }
})
afterAll(async () => {
  await new Promise((resolve) => https.close(resolve).closeAllConnections())
  rmSync(folder, { recursive: true, force: true })
})

async function answerTo(request: IncomingMessage, body: string): Promise<HttpAnswer> {
  const socket = request.socket as TLSSocket
  const peer = socket.authorized ? socket.getPeerCertificate().raw : undefined
  const { pathname: path, searchParams: query } = new URL(request.url ?? '', 'https://localhost')
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
  const clientCertificate = peer && encodePem('CERTIFICATE', peer)
  return instead ?? (await fake.answer({ method: request.method ?? '', path, query, headers, body, clientCertificate }))
}

function start(changes: Readonly<Record<string, string | undefined>> = {}) {
  const nothing = () => undefined
  const { challenges, dns } = createTestIssuerHost()
  const node = createNodeHost({
    instance: { id: 'iss-ejbca' },
    state: createMemoryState(() => new Date()),
    log: { debug: nothing, info: nothing, warn: nothing },
  })
  const host: IssuerHost = { ...node, challenges, dns }
  return ejbca.create(parseConfig(ejbca.configSchema, { ...config, ...changes }, ejbca.type), host)
}
const request = () => createIssuanceRequest({ names: [{ type: 'dns', value: 'www.example.test' }] })
const never = new AbortController().signal

describe('over real TLS', () => {
  it('the client certificate is proven, the server is checked against its CA, and a certificate is issued and revoked', async () => {
    const connector = start()
    expect((await connector.test?.(never))?.detail).toContain('EJBCA 9.3.7')
    const outcome = await connector.issue(await request())
    if (outcome.status !== 'valid') throw new Error(outcome.status)
    const { vendorRef, certificatePem, chainPem } = outcome
    const certificate = { vendorRef, certificatePem, chainPem, serialNumber: '', fingerprint: '' }
    const revocation = { id: 'r', attempt: 1, firstAskedAt: new Date(), reasonText: 'x', signal: never }
    expect(await connector.revoke?.({ ...revocation, certificate, reason: 'keyCompromise' })).toEqual({
      status: 'confirmed',
    })
    expect(fake.certificates.at(-1)?.revoked).toBe('KEY_COMPROMISE')
  })

  it('without the CA of the server nothing is sent', async () => {
    const before = fake.calls.length
    await expect(start({ server_ca_path: undefined }).issue(await request())).rejects.toMatchObject({
      code: 'upstream_unavailable',
    })
    expect(fake.calls).toHaveLength(before)
  })

  it('a client certificate of another CA is not let in', async () => {
    const [leaf] = server.leafs
    writeFileSync(join(folder, 'other.pem'), leaf.certificatePem)
    writeFileSync(join(folder, 'other.key'), leaf.privateKeyPem.reveal())
    const others = { client_cert_path: join(folder, 'other.pem'), client_key_path: join(folder, 'other.key') }
    await expect(start(others).issue(await request())).rejects.toMatchObject({ code: 'upstream_rejected' })
  })

  it.each<[string, HttpAnswer, string]>([
    ['a redirect', { status: 302, headers: { location: 'https://localhost:1/' } }, 'upstream_protocol'],
    ['a page with 200', { status: 200, body: '<html>login</html>' }, 'upstream_protocol'],
    ['half a document', { status: 201, body: '{"certificate":"MII' }, 'upstream_protocol'],
    ['a huge document', { status: 201, body: `{"certificate":"${'A'.repeat(5_000_000)}"}` }, 'upstream_protocol'],
    ['a gateway’s page', { status: 502, body: '<html>Bad Gateway</html>' }, 'upstream_unavailable'],
  ])('%s gets the right code, and no certificate', async (_what, answer, code) => {
    instead = answer
    try {
      await expect(start().issue(await request())).rejects.toMatchObject({ code })
    } finally {
      instead = undefined
    }
  })
})
