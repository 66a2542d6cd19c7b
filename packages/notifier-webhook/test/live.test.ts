import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Host, parseConfig } from '@certctl/core'
import { createNodeHost } from '@certctl/kit'
import {
  createMaterial,
  createMemoryState,
  createTestMessage,
  type NotifierWorld,
  type Told,
  testNotifier,
} from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import webhook, { configSchema } from '../src/index.js'
import { receiverConfig, refusalOf } from './fake-receiver.js'

/** A receiver of our own over real TLS: no product stands behind the word webhook. */
const told: Told[] = []
let server: Server
let base: string
const material = await createMaterial()
const { secret } = receiverConfig

beforeAll(async () => {
  const [leaf] = material.leafs
  server = createServer(
    { key: leaf.privateKeyPem.reveal(), cert: leaf.certificatePem + leaf.chainPem },
    (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks)
        const headers = Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        )
        const seen = { method: request.method ?? '', url: new URL(request.url ?? '', base), headers, body }
        if (seen.url.pathname === '/redirect') return response.writeHead(307, { location: `${base}${pathOf()}` }).end()
        if (seen.url.pathname === '/cut') return request.socket.destroy()
        if (seen.url.pathname.startsWith('/page/'))
          return response.writeHead(Number(seen.url.pathname.slice(6))).end(Buffer.alloc(1_000_000, 'a page '))
        const refusal = refusalOf(seen, { secrets: [secret], now: Date.now() / 1000 })
        if (refusal !== undefined) return response.writeHead(refusal.status).end()
        told.push({ id: headers['x-certctl-delivery'], text: body.toString('utf8') })
        return response.writeHead(204).end()
      })
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `https://localhost:${(server.address() as AddressInfo).port}`
})

afterAll(() => new Promise((resolve) => server.close(resolve)).finally(() => server.closeAllConnections()))

function pathOf(): string {
  const { pathname, search } = new URL(receiverConfig.url)
  return pathname + search
}

function nodeHost(): Host {
  const nothing = () => undefined
  const log = { debug: nothing, info: nothing, warn: nothing }
  return createNodeHost({ instance: { id: 'notifier-webhook' }, state: createMemoryState(() => new Date()), log })
}

function configFor(path: string, changes: Record<string, unknown> = {}) {
  return { url: base + path, secret, allow_private_addresses: true, ca_pem: material.rootPem, ...changes }
}

function world(): NotifierWorld {
  told.length = 0
  return { host: nodeHost(), told: () => told, sweep: false }
}

describe('laws against a receiver over TLS', () => {
  // The port is known when the server listens, which is after the tests are registered.
  const config = new Proxy({} as Record<string, unknown>, {
    ownKeys: () => Object.keys(configFor('')),
    get: (_, name) => configFor(pathOf())[name as 'url'],
    getOwnPropertyDescriptor: (_, name) => ({
      enumerable: true,
      configurable: true,
      value: configFor(pathOf())[name as 'url'],
    }),
    has: (_, name) => name in configFor(''),
  })
  testNotifier({ test: it, definition: webhook, config, createWorld: world })
})

describe('over a real connection', () => {
  const send = (config: Record<string, unknown>) =>
    webhook.create(parseConfig(configSchema, config, 'Webhook'), nodeHost()).send(createTestMessage())

  it('a redirect is not followed', async () => {
    told.length = 0
    await expect(send(configFor('/redirect'))).rejects.toMatchObject({ code: 'upstream_rejected' })
    expect(told).toEqual([])
  })

  it('a receiver on this machine is refused unless private addresses are allowed, and the address stays out of the error', async () => {
    const refused = await send(configFor(pathOf(), { allow_private_addresses: false })).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'policy_denied' })
    expect(String(refused)).not.toContain('5ECRET')
  })

  it('a receiver whose certificate nobody vouches for is not told', async () => {
    const { ca_pem: _, ...unknown } = configFor(pathOf())
    told.length = 0
    const refused = await send(unknown).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'upstream_unavailable' })
    expect(String(refused)).not.toContain('5ECRET')
    expect(told).toEqual([])
  })

  it('an answer of any size counts by its status', async () => {
    expect(await send(configFor('/page/200'))).toMatchObject({ reference: expect.any(String) })
    await expect(send(configFor('/page/500'))).rejects.toMatchObject({ code: 'upstream_unavailable' })
    await expect(send(configFor('/page/404'))).rejects.toMatchObject({ code: 'upstream_rejected' })
  })

  it('a connection that is cut is tried again', async () => {
    await expect(send(configFor('/cut'))).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })
})
