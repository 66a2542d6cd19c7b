import {
  CertctlError,
  defineIssuer,
  type ErrorCode,
  type HttpClient,
  type HttpResponse,
  type IssuanceRequest,
  type IssuerCapabilities,
  type IssuerConnector,
  type IssuerDefinition,
  type IssuerHost,
  type OrderOutcome,
  type RevocationOutcome,
  type RevocationRequest,
  secret,
  url,
  z,
} from '@certctl/core'

export const configSchema = z.strictObject({
  url: url().describe('Address of the CA.'),
  token: secret().describe('Bearer token.'),
})
export type Config = z.output<typeof configSchema>

const orderSchema = z.object({
  id: z.string(),
  state: z.string(),
  certificate: z.string().optional(),
  chain: z.string().optional(),
})
export type Order = z.output<typeof orderSchema>

export interface Bench {
  config: Config
  host: IssuerHost
  http: HttpClient
}

/** What a correct issuer for this CA is made of; each broken one is this with one part exchanged. */
export interface Parts {
  type: string
  schema: z.ZodType<Config>
  capabilities: IssuerCapabilities
  created(host: IssuerHost): void
  issue(bench: Bench, request: IssuanceRequest): Promise<OrderOutcome>
  body(request: IssuanceRequest): { [key: string]: string | undefined | { type: string; value: string }[] }
  poll(bench: Bench, orderId: string, signal: AbortSignal): Promise<OrderOutcome>
  outcomeOf(order: Order, host: IssuerHost): OrderOutcome
  revoke(bench: Bench, request: RevocationRequest): Promise<RevocationOutcome>
  expect(response: HttpResponse, accepted: readonly number[], bench: Bench): HttpResponse
  json(response: HttpResponse): unknown
  extra(bench: Bench): object
}

const meaning: Readonly<Record<string, OrderOutcome['status']>> = {
  submitted: 'pending',
  issued: 'valid',
  declined: 'invalid',
}
const codes: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  429: 'rate_limited',
}

export const sound: Parts = {
  type: 'ExampleCA',
  schema: configSchema,
  capabilities: {
    operations: ['poll', 'revoke', 'caCertificates', 'test'],
    names: ['dns', 'wildcard', 'ip'],
    honours: ['notAfter'],
    revocationReasons: ['unspecified', 'keyCompromise', 'superseded'],
    metered: true,
  },
  created: () => undefined,
  async issue(bench, request) {
    return sound.outcomeOf((await findOrder(bench, request)) ?? (await placeOrder(bench, request)), bench.host)
  },
  body: ({ id, csrPem, names, notAfter }) => ({
    external_id: id,
    csr: csrPem,
    names: [...names],
    not_after: notAfter?.toISOString(),
  }),
  poll: async (bench, orderId, signal) => sound.outcomeOf(await readOrder(bench, orderId, signal), bench.host),
  outcomeOf({ id, state, certificate, chain = '' }, host) {
    const status = meaning[state]
    if (status === 'valid') {
      if (certificate === undefined)
        throw new CertctlError('upstream_protocol', `Order ${id} is issued but carries no certificate`)
      return { status, certificatePem: certificate, chainPem: chain, vendorRef: id }
    }
    if (status === 'invalid' || status === 'expired') return { status, orderId: id, reason: state }
    if (status === undefined) host.log.warn('unknown order state, treated as pending', { state })
    return { status: 'pending', orderId: id, retryAfterSeconds: 30 }
  },
  async revoke(bench, { certificate, reason, signal }) {
    const path = `/v1/certificates/${certificate.serialNumber}/revoke`
    const response = await bench.http.request({ method: 'POST', path, json: { reason }, signal })
    // 409: it is revoked already, which is what was asked for.
    if (response.status !== 409) sound.expect(response, [200], bench)
    return { status: 'confirmed' }
  },
  expect(response, accepted) {
    if (accepted.includes(response.status)) return response
    const { status, retryAfterSeconds } = response
    const code = codes[status] ?? (status >= 500 ? 'upstream_unavailable' : 'upstream_rejected')
    throw new CertctlError(code, `The CA answered ${status}`, { retryAfterSeconds })
  },
  json: (response) => response.json(),
  extra: () => ({}),
}

export function caIssuer(parts: Partial<Parts> = {}): IssuerDefinition<Config> {
  const p = { ...sound, ...parts }
  return defineIssuer({
    type: p.type,
    displayName: 'Example CA',
    configSchema: p.schema,
    capabilities: p.capabilities,
    create(config, host): IssuerConnector {
      p.created(host)
      const headers = { authorization: `Bearer ${config.token.reveal()}` }
      const bench: Bench & { parts: Parts } = {
        config,
        host,
        http: host.http({ baseUrl: config.url, headers }),
        parts: p,
      }
      return {
        issue: (request) => p.issue(bench, request),
        poll: ({ orderId, signal }) => p.poll(bench, orderId, signal),
        revoke: (request) => p.revoke(bench, request),
        async caCertificates(signal) {
          const response = await bench.http.request({ method: 'GET', path: '/v1/ca', signal })
          return read(bench, response, z.object({ certificates: z.array(z.string()) })).certificates
        },
        async test(signal) {
          p.expect(await bench.http.request({ method: 'GET', path: '/v1/ca', signal }), [200], bench)
          return { detail: 'The CA answers' }
        },
        ...p.extra(bench),
      }
    },
  })
}

function partsOf(bench: Bench): Parts {
  return 'parts' in bench ? (bench.parts as Parts) : sound
}

export async function findOrder(bench: Bench, request: IssuanceRequest): Promise<Order | undefined> {
  if (request.attempt === 1) return undefined
  const query = { external_id: request.id }
  const response = await bench.http.request({ method: 'GET', path: '/v1/orders', query, signal: request.signal })
  return read(bench, response, z.object({ orders: z.array(orderSchema) })).orders[0]
}

export async function placeOrder(bench: Bench, request: IssuanceRequest): Promise<Order> {
  const json = partsOf(bench).body(request)
  const response = await bench.http.request({ method: 'POST', path: '/v1/orders', json, signal: request.signal })
  return read(bench, response, orderSchema)
}

export async function readOrder(bench: Bench, orderId: string, signal?: AbortSignal): Promise<Order> {
  const response = await bench.http.request({ method: 'GET', path: `/v1/orders/${orderId}`, signal })
  return read(bench, response, orderSchema)
}

function read<T>(bench: Bench, response: HttpResponse, schema: z.ZodType<T>): T {
  const { expect, json } = partsOf(bench)
  const parsed = schema.safeParse(json(expect(response, [200, 201], bench)))
  if (parsed.success) return parsed.data
  throw new CertctlError('upstream_protocol', 'The CA answered in a shape nobody knows')
}
