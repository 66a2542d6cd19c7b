import { CertctlError, type ErrorCode, type Host, type HttpResponse } from '@certctl/core'

/** What the SDK hands to whoever brings its requests to the service. */
interface SdkRequest {
  method: string
  protocol: string
  hostname: string
  port?: number | undefined
  path: string
  query?: Readonly<Record<string, string | string[] | null | undefined>> | undefined
  headers: Readonly<Record<string, string>>
  body?: unknown
}
interface SdkResponse {
  response: { statusCode: number; headers: Record<string, string>; body: Uint8Array; reason?: string }
}
export interface SdkHandler {
  handle(request: SdkRequest, options?: { abortSignal?: unknown }): Promise<SdkResponse>
  updateHttpClientConfig(): void
  httpHandlerConfigs(): Record<string, never>
}

/** Brings the SDK's requests through the host: its limits, its trust, no redirects. What no AWS service would answer is told here, before the SDK tries to read it. */
export function createHostHandler(host: Host, timeLimitSeconds: number): SdkHandler {
  return {
    async handle({ method, protocol, hostname, port, path, query, headers, body }, { abortSignal } = {}) {
      const origin = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`
      // Set by whoever sends; both times the same.
      const { host: _, 'content-length': __, ...sent } = headers
      const response = await host.http({ baseUrl: origin, timeLimitSeconds }).request({
        method,
        path: `${path}${queryOf(query)}`,
        headers: sent,
        body: typeof body === 'string' || body instanceof Uint8Array ? body : undefined,
        signal: abortSignal instanceof AbortSignal ? abortSignal : undefined,
      })
      requireAws(response, hostname)
      return { response: { statusCode: response.status, headers: { ...response.headers }, body: response.body } }
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  }
}

function queryOf(query: SdkRequest['query'] = {}): string {
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map((one) => (one == null ? encode(name) : `${encode(name)}=${encode(one)}`)),
  )
  return pairs.length === 0 ? '' : `?${pairs.sort().join('&')}`
}

const codes: Readonly<Record<number, ErrorCode>> = { 401: 'unauthenticated', 403: 'forbidden', 429: 'rate_limited' }

function requireAws(response: HttpResponse, hostname: string): void {
  const { status, retryAfterSeconds } = response
  const root = /^\s*(?:<\?xml[^>]*\?>\s*)?<([A-Za-z]+)/.exec(response.text().slice(0, 1000))?.[1]
  const fault = (code: ErrorCode, text: string) => new CertctlError(code, `${hostname} ${text}`, { retryAfterSeconds })
  if (status === 429) throw fault('rate_limited', 'answers 429: too many requests')
  if (status >= 500) throw fault('upstream_unavailable', `answers ${status}`)
  if (status >= 300 && status < 400)
    throw fault('upstream_rejected', `answers ${status}: redirects are not followed; correct the setting endpoint`)
  if (root === 'InvalidChangeBatch') throw invalidBatch(response.text())
  if (status >= 400 && (root === undefined || root.toLowerCase() === 'html'))
    throw fault(
      codes[status] ?? 'upstream_rejected',
      `answers ${status}, and not as AWS does; is the setting endpoint right?`,
    )
  if (status < 300 && root?.endsWith('Response') !== true)
    throw fault('upstream_protocol', `answers ${status} with something else than AWS would; is a proxy in between?`)
}

/** Route 53 tells this one error in a form of its own, in which the SDK finds no code. */
function invalidBatch(body: string): Error {
  const messages = [...body.matchAll(/<Message>([^<]*)<\/Message>/g)].map(([, text = '']) => text)
  return Object.assign(new Error(messages.join('; ')), { name: 'InvalidChangeBatch' })
}
