import {
  CertctlError,
  type HttpClient,
  type HttpOptions,
  type HttpRequest,
  type HttpResponse,
  isSecret,
  type JsonValue,
  type Secret,
} from '@certctl/core'
import { throwIfAborted } from './test-clock.js'

/** A request as the other side sees it: secrets are revealed, header names are in lower case. */
export interface SeenRequest {
  method: string
  url: URL
  path: string
  query: URLSearchParams
  headers: Readonly<Record<string, string>>
  body: Uint8Array
  text(): string
  json(): unknown
  /** What the connector asked of the connection: TLS material, address policy, limits. */
  options: HttpOptions
}
export interface HttpAnswer {
  status: number
  headers?: Readonly<Record<string, string>> | undefined
  json?: JsonValue | undefined
  body?: string | Uint8Array | undefined
}
export type AnswerHttp = (request: SeenRequest) => HttpAnswer | Promise<HttpAnswer>

/** A client whose requests the world answers. No world, no network: the request rejects `upstream_unavailable`. */
export function createTestHttp(answer: AnswerHttp | undefined, options: HttpOptions): HttpClient {
  return {
    async request(request) {
      throwIfAborted(request.signal)
      if (answer === undefined) throw new CertctlError('upstream_unavailable', 'Nobody answers requests in this world')
      const found = await answer(seenRequest(request, options))
      throwIfAborted(request.signal)
      return responseOf(options.statusOnly ? { status: found.status, headers: found.headers } : found)
    },
  }
}

function seenRequest(request: HttpRequest, options: HttpOptions): SeenRequest {
  const url = addressOf(opened(options.baseUrl), opened(request.path))
  for (const [name, value] of Object.entries(request.query ?? {}))
    if (value !== undefined) url.searchParams.set(name, String(value))
  const { body, contentType } = bodyOf(request)
  const text = () => Buffer.from(body).toString('utf8')
  return {
    method: request.method.toUpperCase(),
    url,
    path: url.pathname,
    query: url.searchParams,
    headers: { ...contentType, ...headersOf(options.headers), ...headersOf(request.headers) },
    body,
    text,
    json: () => JSON.parse(text()),
    options,
  }
}

/** The path is appended as it stands, or is a whole URL of the same origin, as a CA hands them out. */
function addressOf(base: string, path: string): URL {
  const whole = /^https?:\/\//i.test(path) ? path : `${base.replace(/\/$/, '')}${path}`
  if (!URL.canParse(base) || !URL.canParse(whole)) throw new CertctlError('config_invalid', 'The address is not a URL')
  const url = new URL(whole)
  if (url.origin === new URL(base).origin) return url
  throw new CertctlError('policy_denied', `${new URL(base).host} led to ${url.host}, which was not configured`)
}

function bodyOf(request: HttpRequest): { body: Uint8Array; contentType: Record<string, string> } {
  if (request.json !== undefined)
    return { body: bytesOf(JSON.stringify(request.json)), contentType: { 'content-type': 'application/json' } }
  if (request.form !== undefined) {
    const fields = Object.entries(request.form).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, opened(value)] as [string, string]],
    )
    const contentType = { 'content-type': 'application/x-www-form-urlencoded' }
    return { body: bytesOf(new URLSearchParams(fields).toString()), contentType }
  }
  return { body: bytesOf(request.body ?? ''), contentType: {} }
}

function headersOf(headers: HttpOptions['headers'] = {}): Record<string, string> {
  const given = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name.toLowerCase(), opened(value)] as [string, string]],
  )
  return Object.fromEntries(given)
}

/** Makes a response from a fake's answer; `Retry-After` in seconds is understood. */
export function responseOf(answer: HttpAnswer): HttpResponse {
  const headers = headersOf(answer.headers)
  const body = bytesOf(answer.json === undefined ? (answer.body ?? '') : JSON.stringify(answer.json))
  if (answer.json !== undefined) headers['content-type'] ??= 'application/json'
  const text = () => Buffer.from(body).toString('utf8')
  const retryAfter = Number(headers['retry-after'])
  return {
    status: answer.status,
    headers,
    body,
    text,
    json: () => jsonOf(text()),
    ...(Number.isFinite(retryAfter) && headers['retry-after'] !== undefined ? { retryAfterSeconds: retryAfter } : {}),
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new CertctlError('upstream_protocol', 'The answer is not JSON', { cause })
  }
}

function opened(value: string | Secret): string {
  return isSecret(value) ? value.reveal() : value
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content
}
