import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  type ApiError,
  apiError,
  bind,
  createClient,
  type HandlersOf,
  type Issuer,
  operations,
  type RawReply,
  type RawRequest,
  type Route,
  reply,
  replyJson,
  type Send,
} from '../src/index.js'

type Principal = { name: string }

/** A server small enough to be read: routes by pattern, problems as they come, text in pieces. */
function serve(routes: readonly Route<RawRequest>[]): Server {
  return createServer((request, response) => {
    void answer(routes, request).then(
      (made) => send(response, made),
      (error: ApiError) => send(response, problemOf(error)),
    )
  })
}

async function answer(routes: readonly Route<RawRequest>[], request: IncomingMessage): Promise<RawReply> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  for (const route of routes) {
    const pattern = new RegExp(`^${route.path.replace(/:(\w+)/g, '(?<$1>[^/]+)').replaceAll('.', '\\.')}$`)
    const found = pattern.exec(url.pathname)
    if (found === null || route.method !== request.method) continue
    const text = (await request.toArray()).join('')
    return await route.handle({
      params: { ...found.groups },
      query: Object.fromEntries(url.searchParams),
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
      headers: request.headers,
      signal: AbortSignal.timeout(5000),
    })
  }
  throw apiError('not_found', `There is no ${request.method} ${url.pathname}`, { status: 404 })
}

function send(response: ServerResponse, { status, headers, body }: RawReply): void {
  response.writeHead(status, { ...headers })
  if (body === undefined || typeof body === 'string') response.end(body)
  else Readable.from(body).pipe(response)
}

function problemOf({ status, code, message, errors }: ApiError): RawReply {
  const body = {
    type: `urn:certctl:problem:${code}`,
    title: code,
    status,
    detail: message,
    code,
    error: code,
    message,
    request_id: 'r-1',
    errors,
  }
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'retry-after': '7' },
    body: JSON.stringify(body),
  }
}

const at = '2026-01-31T12:00:00.000Z'

function issuer(id: string): Issuer {
  return {
    id,
    name: id,
    type: 'local',
    config: { password: '********' },
    enabled: true,
    available: true,
    test_status: 'untested',
    source: 'api',
    created_at: at,
    updated_at: at,
  }
}

const handlers: Partial<HandlersOf<typeof operations, Principal>> = {
  getHealth: async () => reply(200, { status: 'healthy' }),
  getIssuer: async ({ params: { id } }) => {
    if (id === 'missing') throw apiError('not_found', `No issuer "${id}"`, { status: 404 })
    if (id === 'leaky') return reply(200, Object.assign(issuer(id), { password: 'hunter2' }))
    return reply(200, issuer(id), { etag: '"1"' })
  },
  createIssuer: async ({ body, principal }) =>
    reply(201, { ...issuer(body.id ?? 'made'), name: body.name, enabled: body.enabled, source: principal.name }),
  deleteIssuer: async () => reply(204, undefined),
  listIssuers: async ({ query }) =>
    replyJson(200, JSON.stringify({ data: [], total: 0, page: query.page ?? 1, per_page: query.per_page ?? 50 })),
  listRetiredAgents: async () => reply(200, { data: [], total: 0, page: 1, per_page: 50 }),
  getAgent: async ({ params }) => {
    throw apiError('gone', `Agent ${params.id} is gone`, { status: 410 })
  },
  renewCertificate: async ({ query, body }) =>
    reply(202, { status: 'renewal_triggered', job_ids: [String(query.force), String(body.force)] }),
  exportAudit: async () => reply(200, pieces()),
}

async function* pieces() {
  yield '{"a":1}\n'
  yield '{"b":2}\n'
}

let server: Server
let send1: Send
let asked: string[] = []

beforeAll(async () => {
  const routes: Route<RawRequest>[] = []
  bind(operations, handlers, {
    route: (route) => routes.push(route),
    authorize: (operation, { headers }) => {
      asked.push(operation.operationId)
      if (operation.permission === 'public') return { name: 'anyone' }
      if (headers.authorization === 'Bearer right') return { name: 'ada' }
      throw apiError('unauthenticated', 'Send an API key', { status: 401 })
    },
    checkReplies: true,
  })
  server = serve(routes)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  send1 = async ({ path, method, headers, body, signal }) => {
    const response = await fetch(base + path, {
      method,
      headers: { authorization: 'Bearer right', ...headers },
      body: body ?? null,
      signal: signal ?? null,
    })
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() }
  }
})

afterAll(() => {
  server.close()
  server.closeAllConnections()
})

const client = () => createClient(operations, (request) => send1(request))

async function failureOf(call: Promise<unknown>): Promise<ApiError> {
  return await call.then(
    () => {
      throw new Error('it was answered')
    },
    (error: ApiError) => error,
  )
}

describe('a call from client to handler and back', () => {
  it('arrives parsed, with defaults filled in, and its answer comes back typed with its headers', async () => {
    const made = await client().createIssuer({ body: { id: 'iss-1', name: '  My CA ', type: 'local' } })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({ id: 'iss-1', name: 'My CA', enabled: true, source: 'ada' })
    const read = await client().getIssuer({ params: { id: 'iss-1' } })
    expect(read.headers.etag).toBe('"1"')
    expect(read.body.config).toEqual({ password: '********' })
  })

  it('needs no argument where the operation takes none', async () => {
    expect((await client().getHealth()).body.status).toBe('healthy')
  })

  it('carries numbers and truths in the query as their types', async () => {
    const page = await client().listIssuers({ query: { page: 3, per_page: 7 } })
    expect(page.body).toMatchObject({ data: [], page: 3, per_page: 7 })
    const renewed = await client().renewCertificate({ params: { id: 'c1' }, query: { force: true } })
    expect(renewed.body.job_ids).toEqual(['true', 'undefined'])
  })

  it('may leave out a body that has nothing in it', async () => {
    const renewed = await client().renewCertificate({ params: { id: 'c1' } })
    expect(renewed.body.job_ids).toEqual(['undefined', 'undefined'])
  })

  it('has no body where the answer has none', async () => {
    const gone = await client().deleteIssuer({ params: { id: 'iss-1' } })
    expect(gone).toMatchObject({ status: 204, body: undefined })
  })

  it('brings text that the server sent in pieces as one', async () => {
    expect((await client().exportAudit()).body).toBe('{"a":1}\n{"b":2}\n')
  })

  it('finds a literal path before a parameter', async () => {
    expect((await client().listRetiredAgents()).body.data).toEqual([])
    expect((await failureOf(client().getAgent({ params: { id: 'a1' } }))).code).toBe('gone')
  })
})

describe('a refusal', () => {
  it('is an error with the code, the sentence and the whole problem document', async () => {
    const failure = await failureOf(client().getIssuer({ params: { id: 'missing' } }))
    expect(failure).toBeInstanceOf(Error)
    expect(failure).toMatchObject({
      code: 'not_found',
      status: 404,
      message: 'No issuer "missing"',
      retryAfterSeconds: 7,
    })
    expect(failure.problem).toMatchObject({ request_id: 'r-1', error: 'not_found' })
  })

  it('lists every fault of path, query and body at once', async () => {
    const body = { name: '', type: 'local', colour: 'red' }
    const failure = await failureOf(client().createIssuer({ body }))
    expect(failure.code).toBe('request_malformed')
    expect(failure.errors).toEqual([
      { field: 'name', message: 'must not be empty' },
      { field: 'colour', message: 'is not a known field' },
    ])
    const both = await failureOf(client().renewCertificate({ params: { id: '../x' }, query: { force: 'maybe' } }))
    expect(both.errors?.map(({ field }) => field)).toEqual(['id', 'force'])
  })

  it('of a stranger comes before any word about faults', async () => {
    const stranger = createClient(operations, (request) =>
      send1({ ...request, headers: { ...request.headers, authorization: 'Bearer wrong' } }),
    )
    const failure = await failureOf(stranger.createIssuer({ body: { name: '', type: '' } }))
    expect(failure.code).toBe('unauthenticated')
    expect(failure.errors).toBeUndefined()
  })

  it('that is no problem document gets the code of its status and none of its text', async () => {
    const proxied = (status: number) =>
      createClient(operations, async () => ({
        status,
        headers: { 'content-type': 'text/html' },
        body: '<h1>secret</h1>',
      }))
    expect(await failureOf(proxied(401).getStatus())).toMatchObject({ code: 'unauthenticated', status: 401 })
    expect(await failureOf(proxied(502).getStatus())).toMatchObject({ code: 'upstream_unavailable' })
    expect(await failureOf(proxied(302).getStatus())).toMatchObject({ code: 'upstream_protocol' })
    expect((await failureOf(proxied(500).getStatus())).message).not.toContain('secret')
  })
})

describe('an answer', () => {
  it('with a field the contract does not know is caught where replies are checked', async () => {
    const failure = await failureOf(client().getIssuer({ params: { id: 'leaky' } }))
    expect(failure).toMatchObject({ code: 'internal', status: 500 })
    expect(failure.message).toContain('password: is not a known field')
  })

  it('from a newer server keeps the fields this client does not know', async () => {
    const newer = createClient(operations, async () => ({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...issuer('x'), novelty: 1 }),
    }))
    expect((await newer.getIssuer({ params: { id: 'x' } })).body).toHaveProperty('novelty', 1)
  })

  it('that breaks the contract, or is no JSON, is refused by the client', async () => {
    const answering = (body: string) =>
      createClient(operations, async () => ({ status: 200, headers: { 'content-type': 'application/json' }, body }))
    expect((await failureOf(answering('{"status":"ill"}').getHealth())).code).toBe('upstream_protocol')
    expect((await failureOf(answering('{').getHealth())).code).toBe('upstream_protocol')
  })

  it('is asked of the authoriser once for each request', async () => {
    asked = []
    await client().getHealth()
    expect(asked).toEqual(['getHealth'])
  })
})
