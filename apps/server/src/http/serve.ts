import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RawReply, Route } from '@certctl/api'
import { CertctlError, isCertctlError, messageOf } from '@certctl/core'
import type { Authenticator } from '../access/authenticator.js'
import type { ActAs } from '../access/legacy-agents.js'
import { type Principal, publicPrincipal } from '../access/principal.js'
import { answerOnce } from '../inventory/answer-once.js'
import type { Services } from '../services.js'
import { principalOf, requireAllowed } from './auth.js'
import { etagOf, namesTag } from './etag.js'
import type { HttpRequest } from './handlers.js'
import { problemOf } from './problem.js'
import type { RateLimit } from './rate-limit.js'
import { readBody } from './read-body.js'
import { requirePlain } from './require-plain.js'
import { securityHeaders } from './security-headers.js'
import { type FlatHeaders, type Pair, sendReply } from './send-reply.js'

/** What answering one request needs; made once. */
export interface Edge {
  services: Services
  authenticator: Authenticator
  rateLimit: RateLimit
  addressOf: (peer: string | undefined, forwardedFor: string | readonly string[] | undefined) => string
  corsHeaders: (origin: string | undefined) => FlatHeaders
  loginRefused: (refusal: { address: string; path: string; reason: string }) => Promise<void>
  /** Where old installations let operators' keys be agents: the agent that a key acts as. */
  actAs: ActAs
  maxBodyBytes: number
}

/** One request on its way, as handlers see it and with what the edge knows besides. A class, since object literals with a getter are slow to make and to collect. */
class Exchange implements HttpRequest {
  query: Record<string, unknown> = {}
  body: unknown
  /** Set as soon as it is known. */
  principal: Principal = publicPrincipal
  readonly requestId = randomUUID()
  readonly edge: Edge
  readonly incoming: IncomingMessage
  readonly address: string
  readonly headers: IncomingMessage['headers']
  readonly params: Readonly<Record<string, unknown>>
  /** As it was sent: Express shortens the one of the request. */
  readonly url: string
  readonly route: Route<HttpRequest> | undefined
  readonly #outgoing: ServerResponse
  #gone: AbortController | undefined

  constructor(edge: Edge, { route, params = {}, url }: Found, { incoming, outgoing }: Pair) {
    this.edge = edge
    this.incoming = incoming
    this.#outgoing = outgoing
    this.route = route
    this.params = params
    this.url = url ?? incoming.url ?? ''
    this.headers = incoming.headers
    this.address = edge.addressOf(incoming.socket.remoteAddress, incoming.headers['x-forwarded-for'])
  }

  /** Fires when the client went away before its answer. Made when somebody asks for it: a signal that nobody hears costs as much as all else here. */
  get signal(): AbortSignal {
    if (this.#gone !== undefined) return this.#gone.signal
    const made = new AbortController()
    this.#gone = made
    const abort = (): void => {
      if (!this.#outgoing.writableFinished) made.abort()
    }
    if (this.#outgoing.destroyed) abort()
    else this.#outgoing.once('close', abort)
    return made.signal
  }
}

/** What the router found; a fault instead of a route where there is none. */
export interface Found {
  route?: Route<HttpRequest> | undefined
  params?: Readonly<Record<string, unknown>> | undefined
  url?: string | undefined
  fault?: unknown
}

/** Whatever lets a route answer: same authentication, limits, headers, log and metrics in the hot lane and behind Express. */
export async function serve(edge: Edge, found: Found, { incoming, outgoing }: Pair): Promise<void> {
  const began = performance.now()
  const exchange = new Exchange(edge, found, { incoming, outgoing })
  const reply = await answerOrProblem(exchange, found.fault)
  const { requestId } = exchange
  const always = [...securityHeaders, ...edge.corsHeaders(incoming.headers.origin), 'x-request-id', requestId]
  await sendReply({ incoming, outgoing }, reply, always).catch((error: unknown) =>
    edge.services.log.warn({ request_id: requestId, reason: messageOf(error) }, 'an answer was cut off'),
  )
  finish(exchange, reply.status, (performance.now() - began) / 1000)
}

async function answerOrProblem(exchange: Exchange, fault: unknown): Promise<RawReply> {
  try {
    if (exchange.route === undefined || fault !== undefined) return await refuseUnknown(exchange, fault)
    return await answer(exchange, exchange.route)
  } catch (error) {
    if (!isCertctlError(error) || error.code === 'internal')
      exchange.edge.services.log.error(
        { request_id: exchange.requestId, err: error },
        'a request failed inside the server',
      )
    return problemOf(error, exchange.requestId)
  }
}

/** Strangers who look for doors are counted by address like all others. */
async function refuseUnknown({ edge, address }: Exchange, fault: unknown): Promise<never> {
  await edge.rateLimit.ofAddress(address)
  throw fault ?? new CertctlError('not_found', 'There is nothing under this path; see /docs')
}

async function answer(exchange: Exchange, route: Route<HttpRequest>): Promise<RawReply> {
  const { edge, incoming, params } = exchange
  exchange.principal = await edge.actAs(await authenticate(exchange, route), route.operation, params)
  requireAllowed(exchange.principal, route.operation, params)
  if (route.operation.body !== undefined) exchange.body = await readBody(incoming, edge.maxBodyBytes)
  exchange.query = queryOf(exchange.url)
  requirePlain(exchange.query)
  requirePlain(exchange.body)
  return tagged(route, incoming, await once(exchange, route))
}

/** Authentication first, then the limit: a principal's by its id. Whoever fails counts by address, and is not even looked up beyond that. */
async function authenticate(exchange: Exchange, { operation }: Route<HttpRequest>): Promise<Principal> {
  const { edge, incoming, address } = exchange
  if (operation.permission === 'public') {
    await edge.rateLimit.ofAddress(address)
    return publicPrincipal
  }
  const { authorization } = incoming.headers
  const beforeStranger = async () => await edge.rateLimit.requireTrust(address)
  try {
    const { agent_bootstrap_token: bootstrapToken } = edge.services.config
    const credentials = { authorization, beforeStranger, bootstrapToken }
    const principal = await principalOf(edge.authenticator, operation, credentials)
    await edge.rateLimit.ofPrincipal(principal)
    return principal
  } catch (error) {
    if (!isCertctlError(error) || (error.code !== 'unauthenticated' && error.code !== 'gone')) throw error
    if (authorization !== undefined) await edge.rateLimit.failed(address)
    await edge.rateLimit.ofAddress(address)
    if (authorization !== undefined && error.code === 'unauthenticated')
      await edge.loginRefused({ address, path: pathOf(exchange.url), reason: error.message })
    throw error
  }
}

async function once(exchange: Exchange, route: Route<HttpRequest>): Promise<RawReply> {
  const { edge, principal, incoming, address } = exchange
  const key = incoming.headers['idempotency-key']
  if (route.method !== 'POST' || typeof key !== 'string') return await route.handle(exchange)
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new CertctlError('request_malformed', 'Idempotency-Key must be 1 to 255 visible ASCII characters')
  const call = { principal, address, key, method: route.method, path: exchange.url, body: exchange.body }
  return await answerOnce(edge.services, call, async () => await route.handle(exchange))
}

/** One thing, read: its text has a tag, and a reader that has that text already is told so. */
function tagged({ operation }: Route<HttpRequest>, incoming: IncomingMessage, reply: RawReply): RawReply {
  const isOneThing = operation.method === 'GET' && operation.path.endsWith('}')
  if (!isOneThing || reply.status !== 200 || typeof reply.body !== 'string') return reply
  const etag = etagOf(reply.body)
  const known = incoming.headers['if-none-match']
  if (known !== undefined && namesTag(known, etag)) return { status: 304, headers: { etag } }
  return { ...reply, headers: { ...reply.headers, etag } }
}

function queryOf(url: string): Record<string, unknown> {
  const mark = url.indexOf('?')
  if (mark === -1) return {}
  const query = Object.create(null) as Record<string, unknown>
  for (const [name, value] of new URLSearchParams(url.slice(mark + 1)))
    query[name] = name in query ? [query[name], value].flat() : value
  return query
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? ''
}

function finish(
  { edge, route, incoming, url, requestId, address, principal }: Exchange,
  status: number,
  seconds: number,
) {
  const { metrics, log } = edge.services
  const method = incoming.method ?? ''
  metrics.requestSeen({ method, route: route?.operation.path ?? 'unmatched', status, seconds })
  const isProbe = route?.operation.permission === 'public' && status < 400
  const level = isProbe ? 'debug' : 'info'
  if (!log.isLevelEnabled(level)) return
  const who = principal.kind === 'public' ? {} : { [principal.kind]: principal.id }
  const line = { request_id: requestId, method, path: pathOf(url), status, ms: Math.round(seconds * 1e6) / 1000 }
  log[level]({ ...line, address, ...who }, 'request')
}
