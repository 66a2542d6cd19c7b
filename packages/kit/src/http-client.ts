import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import {
  CertctlError,
  type ConnectOptions,
  type HttpClient,
  type HttpOptions,
  type HttpRequest,
  type HttpResponse,
  isCertctlError,
  messageOf,
  type Secret,
} from '@certctl/core'
import type { AxiosError, AxiosResponse } from 'axios'
import { systemClock } from './clock.js'
import { openConnection } from './connection.js'
import { errnoOf } from './errno.js'
import { timeLimit } from './time-limit.js'

/** Requests to one base URL, over connections that are kept, proven before the first byte, and this client's own. No redirects, no proxy; answers of any status are
 * results. Rejects `upstream_unavailable` (no connection, no answer in time), `upstream_protocol` (an answer that is too large or no HTTP), `policy_denied` (address),
 * `config_invalid` (URL) or `aborted`. No message holds more of a URL than its host. */
export function createHttpClient(options: HttpOptions, now: () => Date = systemClock.now): HttpClient {
  const agents = { httpAgent: createAgent(HttpAgent, options), httpsAgent: createAgent(HttpsAgent, options) }
  return { request: async (request) => responseOf(await send(options, request, agents), now()) }
}

/** An agent whose connections obey the limits of `openConnection`. */
export function createAgent<A extends HttpAgent>(
  Kind: new (options: { keepAlive: boolean; maxCachedSessions: number }) => A,
  { tls, unixSocket, addresses, timeLimitSeconds }: Omit<HttpOptions, 'baseUrl'>,
): A {
  // A resumed session would not show the peer's chain again.
  const agent = new Kind({ keepAlive: true, maxCachedSessions: 0 })
  const secure = 'maxCachedSessions' in agent
  return Object.assign(agent, {
    createConnection({ host, port }: Place, done: (error: unknown, socket?: unknown) => void): undefined {
      const place = unixSocket === undefined ? { host: host ?? '', port: Number(port) } : { unixSocket }
      const to: ConnectOptions = { ...place, timeLimitSeconds, addresses, ...(secure ? { tls: tls ?? {} } : {}) }
      openConnection(to).then((socket) => done(null, socket), done)
    },
  })
}

type Place = { host?: string; port?: number | string }

async function send(
  options: HttpOptions,
  request: HttpRequest,
  agents: { httpAgent: HttpAgent; httpsAgent: HttpsAgent },
): Promise<AxiosResponse<Buffer | NodeJS.ReadableStream>> {
  const url = urlOf(options.baseUrl, request)
  const { timeLimitSeconds = 30, maxResponseBytes = 10 * 1024 * 1024, statusOnly } = options
  const { data, contentType } = bodyOf(request)
  const limit = timeLimit(timeLimitSeconds)
  try {
    return await (await import('axios')).default.request<Buffer | NodeJS.ReadableStream>({
      ...agents,
      adapter: 'http',
      method: request.method,
      url: url.href,
      headers: {
        ...{ 'User-Agent': 'certctl', 'Content-Type': contentType },
        ...revealed({ ...options.headers, ...request.headers }),
      },
      data,
      signal: AbortSignal.any([limit, ...(request.signal ? [request.signal] : [])]),
      responseType: statusOnly ? 'stream' : 'arraybuffer',
      maxContentLength: maxResponseBytes,
      maxBodyLength: Number.POSITIVE_INFINITY,
      maxRedirects: 0,
      proxy: false,
      validateStatus: () => true,
      transformRequest: [(body: unknown) => body],
      transformResponse: [(body: unknown) => body],
    })
  } catch (error) {
    const reason = limit.aborted ? `did not answer within ${timeLimitSeconds} s` : undefined
    throw faultOf(error, url.host, { reason, aborted: request.signal?.aborted === true })
  }
}

function urlOf(base: string | Secret, { path, query = {} }: HttpRequest): URL {
  const [start, rest] = [textOf(base), textOf(path)]
  const whole = /^https?:\/\//i.test(rest) ? rest : `${start.replace(/\/$/, '')}${rest}`
  if (!URL.canParse(start) || !URL.canParse(whole))
    throw new CertctlError('config_invalid', 'The address to call is not a URL; write it as https://host/path')
  const url = new URL(whole)
  if (url.origin !== new URL(start).origin)
    throw new CertctlError('policy_denied', `${new URL(start).host} led to ${url.host}, which was not configured`)
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.append(name, String(value))
  return url
}

const textOf = (value: string | Secret): string => (typeof value === 'string' ? value : value.reveal())
function revealed(headers: Readonly<Record<string, string | Secret | undefined>> = {}): Record<string, string> {
  const given = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, textOf(value)]]))
  return Object.fromEntries(given)
}

function bodyOf({ json, form, body }: HttpRequest): { data?: Buffer; contentType: string | false } {
  if (json !== undefined) return { data: Buffer.from(JSON.stringify(json)), contentType: 'application/json' }
  if (form !== undefined) {
    const data = Buffer.from(new URLSearchParams(revealed(form)).toString())
    return { data, contentType: 'application/x-www-form-urlencoded' }
  }
  // `false`: the library would name a type of its own.
  return body === undefined ? { contentType: false } : { data: Buffer.from(body), contentType: false }
}

const onTheirWay = new WeakSet<object>()
/** Whether a request that failed may have arrived: its answer did not come in time, or the connection broke. Not where a connection was refused, broke before TLS, or was not trusted; of one that was aborted, or whose answer was too large, this says nothing. */
export const mayHaveArrived = (error: unknown): boolean => onTheirWay.has(Object(error))
const isOfAxios = (error: unknown): error is AxiosError => error instanceof Error && 'isAxiosError' in error
/** The library's error holds the whole request, credentials included: only what it was caused by may leave. */
function faultOf(error: unknown, host: string, { reason, aborted }: { reason?: string | undefined; aborted: boolean }) {
  const cause = isOfAxios(error) ? error.cause : error
  if (aborted) return new CertctlError('aborted', `The request to ${host} was interrupted`)
  if (isCertctlError(cause)) return cause
  if (isOfAxios(error) && error.message.includes('maxContentLength'))
    return new CertctlError('upstream_protocol', `${host} answered with more bytes than are accepted`)
  const text = reason ?? `cannot be reached: ${messageOf(cause ?? errnoOf(error))}`
  const answered = /^HPE_|^Z_|^ERR_BAD_RESPONSE/.test(errnoOf(cause ?? error))
  const code = answered ? 'upstream_protocol' : 'upstream_unavailable'
  const fault = new CertctlError(code, `${host} ${text}`, isOfAxios(cause) ? {} : { cause })
  onTheirWay.add(fault)
  return fault
}

function responseOf({ status, headers, data }: Awaited<ReturnType<typeof send>>, now: Date): HttpResponse {
  // What nobody reads goes by, up to the limit, so that the connection can be kept; how it ends is of no concern.
  if (!Buffer.isBuffer(data)) data.on('error', () => undefined).resume()
  const body = Buffer.isBuffer(data) ? data : Buffer.alloc(0)
  const plain = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value].flat().join(', ')] as const)
  const lowered = Object.fromEntries(plain)
  const text = () => body.toString('utf8')
  const again = retryAfterSeconds(lowered['retry-after'], now)
  return { status, headers: lowered, body, text, json: () => parsedJson(text()), retryAfterSeconds: again }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new CertctlError('upstream_protocol', 'The answer is not JSON') // the parser's own sentence quotes the body
  }
}

/** RFC 9110 §10.2.3: seconds or a date. */
export function retryAfterSeconds(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header.trim())) return Number(header)
  const at = /^[A-Za-z]/.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now.getTime()) / 1000))
}
