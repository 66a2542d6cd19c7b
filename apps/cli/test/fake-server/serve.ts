import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import {
  type ApiError,
  allows,
  apiError,
  bind,
  operations,
  type RawReply,
  type RawRequest,
  type Route,
} from '@certctl/api'
import { createMaterial } from '@certctl/testing'
import { befall, type Fault } from './faults.js'
import { createHandlers, type Principal } from './handlers.js'
import { createOnce, type Once } from './once.js'
import { createWorld, keys, type World } from './world.js'

export interface FakeServer {
  url: string
  caPem: string
  world: World
  /** For the next requests that change something, one each; `undefined` leaves one alone. */
  faults: (Fault | undefined)[]
  /** The same for the next that only look. */
  faultsOfLooks: (Fault | undefined)[]
  /** The keys that requests were sent under. */
  once: Once
  close(): Promise<void>
}

/** The model behind real TLS 1.3 and the real binder; strict in both directions. */
export async function startFakeServer(now: () => number): Promise<FakeServer> {
  const { leafs, chainPem, rootPem } = await createMaterial()
  const world = createWorld(now)
  const routes = routesOf(world)
  const once = createOnce()
  const faults: FakeServer['faults'] = []
  const faultsOfLooks: FakeServer['faults'] = []
  const server = createServer(
    { cert: leafs[0].certificatePem + chainPem + rootPem, key: leafs[0].privateKeyPem.reveal(), minVersion: 'TLSv1.3' },
    (request, response) => {
      const fault = (request.method === 'GET' ? faultsOfLooks : faults).shift()
      befall(fault, { request, response, server, once }, () => answer(routes, request, once)).then(
        (made) => made && send(response, made),
        (error: ApiError) => send(response, problemOf(error)),
      )
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caPem: rootPem,
    world,
    faults,
    faultsOfLooks,
    once,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

function routesOf(world: World): Route<RawRequest>[] {
  const routes: Route<RawRequest>[] = []
  bind(operations, createHandlers(world), {
    route: (route) => routes.push(route),
    authorize: (operation, request): Principal => {
      const role = roleOf(request.headers.authorization)
      if (role === undefined) throw apiError('unauthenticated', 'The API key is not known', { status: 401 })
      if (!allows(role, operation))
        throw apiError('forbidden', `${operation.operationId} needs ${operation.permission}`, { status: 403 })
      world.seen.push({ operationId: operation.operationId, body: request.body, query: request.query })
      return { name: role === 'admin' ? 'ada' : 'victor', role }
    },
    checkReplies: true,
  })
  return routes
}

function roleOf(header: unknown): 'admin' | 'viewer' | undefined {
  if (header === `Bearer ${keys.admin}`) return 'admin'
  return header === `Bearer ${keys.viewer}` ? 'viewer' : undefined
}

async function answer(routes: readonly Route<RawRequest>[], request: IncomingMessage, once: Once): Promise<RawReply> {
  const url = new URL(request.url ?? '/', 'https://localhost')
  for (const route of routes) {
    const found = new RegExp(`^${route.path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`).exec(url.pathname)
    if (found === null || route.method !== request.method) continue
    const text = (await request.toArray()).join('')
    const params = Object.entries(found.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)])
    const asked: RawRequest = {
      params: Object.fromEntries(params),
      query: Object.fromEntries(url.searchParams),
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
      headers: request.headers,
      signal: AbortSignal.timeout(10_000),
    }
    return await once.answer(request, text, () => route.handle(asked))
  }
  throw apiError('not_found', `There is no ${request.method} ${url.pathname}`, { status: 404 })
}

function send(response: ServerResponse, { status, headers, body }: RawReply): void {
  response.writeHead(status, { ...headers })
  if (body === undefined || typeof body === 'string') response.end(body)
  else Readable.from(body).pipe(response)
}

function problemOf({ status = 500, code = 'internal', message, errors, problem }: ApiError): RawReply {
  const standard = {
    type: `urn:certctl:problem:${code}`,
    title: code,
    status,
    detail: message,
    code,
    error: code,
    message,
    request_id: 'req-1',
    errors,
  }
  return {
    status,
    headers: { 'content-type': 'application/problem+json' },
    body: JSON.stringify({ ...standard, ...problem }),
  }
}
