import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Role } from '@certctl/api'
import { createApiKey } from '../../src/access/api-keys.js'
import { systemActor } from '../../src/access/principal.js'
import { createHttpApp, type HttpApp } from '../../src/http/app.js'
import { type HttpSettings, httpSettingsOf } from '../../src/http/settings.js'
import { createAgent } from '../../src/inventory/create-agent.js'
import { createTestServices, type TestServices, type TestServicesOptions } from '../postgres.js'

export interface Answer {
  status: number
  headers: Readonly<Record<string, string>>
  text: string
  /** The body as JSON; anything a test wants to look into. */
  json: Record<string, unknown> & { data?: Record<string, unknown>[] }
}

export interface CallOptions {
  /** A bearer token. */
  key?: string | undefined
  body?: unknown
  /** Sent as it is, instead of `body`. */
  raw?: string | Buffer | undefined
  headers?: Readonly<Record<string, string>> | undefined
  /** Without saying beforehand how long the body is. */
  chunked?: boolean | undefined
  /** The loopback address it comes from. */
  from?: string | undefined
}

export interface TestApp {
  services: TestServices
  app: HttpApp
  server: Server
  port: number
  /** API keys by role. */
  keys: Readonly<Record<Exclude<Role, 'agent'>, string>>
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  /** As the administrator. */
  admin(method: string, path: string, body?: unknown): Promise<Answer>
  addAgent(name: string): Promise<{ id: string; key: string }>
  close(): Promise<void>
}

export const testCaPin = 'ab'.repeat(32)

/** The real app on the real listener functions, with keys of every role; over plain HTTP, since TLS is the listener's business. */
export async function createTestApp(
  options: TestServicesOptions & { settings?: Partial<HttpSettings> | undefined } = {},
): Promise<TestApp> {
  const { settings = {}, ...serviceOptions } = options
  const services = await createTestServices(serviceOptions)
  const running = { caSpkiSha256: async () => testCaPin, isStopping: () => false, checkReplies: true }
  const usual = httpSettingsOf(services.config, running)
  const unlimited = { ...usual.rateLimit, enabled: false }
  const app = createHttpApp(services, { ...usual, rateLimit: unlimited, ...settings })
  const server = createServer(app.options, app.listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const keys = await createKeys(services)
  const call: TestApp['call'] = async (method, path, callOptions = {}) => await send(port, method, path, callOptions)
  return {
    services,
    app,
    server,
    port,
    keys,
    call,
    admin: async (method, path, body) => await call(method, path, { key: keys.admin, body }),
    async addAgent(name) {
      const description = { name, hostname: `${name}.test` }
      const { row, apiKey } = await createAgent(services, { description, actor: systemActor })
      return { id: row.id, key: apiKey }
    },
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
      await app.close()
      await services.close()
    },
  }
}

async function createKeys(services: TestServices): Promise<TestApp['keys']> {
  const roles = ['admin', 'operator', 'viewer', 'auditor'] as const
  const made = await Promise.all(
    roles.map(async (role) => {
      const { key } = await createApiKey(services, { name: `the ${role}`, role, actor: systemActor })
      return [role, key] as const
    }),
  )
  return Object.fromEntries(made) as TestApp['keys']
}

async function send(port: number, method: string, path: string, options: CallOptions): Promise<Answer> {
  const { key, body, raw, headers = {}, chunked = false, from = '127.0.0.1' } = options
  const content = raw ?? (body === undefined ? undefined : JSON.stringify(body))
  return await new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, localAddress: from, method, path, agent: false })
    if (key !== undefined) request.setHeader('authorization', `Bearer ${key}`)
    if (content !== undefined) {
      request.setHeader('content-type', 'application/json')
      if (!chunked) request.setHeader('content-length', Buffer.byteLength(content))
    }
    for (const [name, value] of Object.entries(headers)) request.setHeader(name, value)
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers as Record<string, string>,
          text,
          json: readJson(text),
        })
      })
    })
    if (chunked) request.write(content)
    request.end(chunked ? undefined : content)
  })
}

function readJson(text: string): Answer['json'] {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
