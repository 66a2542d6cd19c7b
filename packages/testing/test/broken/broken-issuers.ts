import { CertctlError, type DefinitionsByKind, z } from '@certctl/core'
import type { IssuerWorld } from '../../src/index.js'
import {
  type Bench,
  caIssuer,
  configSchema,
  findOrder,
  type Order,
  type Parts,
  placeOrder,
  readOrder,
  sound,
} from './ca-issuer.js'
import { caConfig, fakeCa, token } from './fake-ca.js'
import { type TinyParts, tinyIssuer, tinyWorld } from './tiny-ca.js'

export interface BrokenIssuer {
  /** What is wrong with it. */
  name: string
  /** The law that catches it. */
  caughtBy: string
  definition: DefinitionsByKind['issuer']
  config: Readonly<Record<string, unknown>>
  createWorld(): IssuerWorld | Promise<IssuerWorld>
}

const law = {
  slug: 'its type or an alias is the slug of its folder, and every field says what it is for',
  strict: 'it accepts its own configuration and refuses a field it does not know',
  create: 'creating it touches nothing',
  offers: 'it offers exactly the operations it declares',
  revoke: 'revoking twice is revoking once, for every reason it declares',
  lostRevocation: 'a lost answer to a revocation does not file it twice',
  ca: 'its CA certificates are those that issue, and testing orders nothing',
  renewal: 'renewal information and budgets are sound',
  key: 'the certificate holds the key of the CSR',
  names: 'the certificate holds the approved names and no other, also where the CSR asks for more',
  serial: 'serial numbers are positive and differ',
  chain: 'the chain leads from the certificate to the CA',
  honours: 'what it declares to honour is in the certificate',
  both: 'two orders at once are two certificates',
  lost: 'a lost answer or a death does not order twice, and the order is fulfilled all the same',
  looks: 'it looks once and never waits for the CA',
  unknown: 'a state of an order that nobody knows is pending, with a warning',
  abort: 'an abort ends the call and orders nothing more',
  secret: 'secrets stay out of logs, errors, outcomes and command lines at every step',
  codes: '401, 429 and 5xx of the CA become the right codes',
  garbage: 'garbage from the CA is a protocol error, never a certificate and never the end of the order',
} as const

function broken(name: string, caughtBy: string, parts: Partial<Parts>): BrokenIssuer {
  return { name, caughtBy, definition: caIssuer(parts), config: caConfig, createWorld: fakeCa }
}

function brokenTiny(name: string, caughtBy: string, parts: Partial<TinyParts>): BrokenIssuer {
  return { name, caughtBy, definition: tinyIssuer(parts), config: {}, createWorld: tinyWorld }
}

/** The sound way with the outcome made otherwise. */
function withOutcome(outcomeOf: Parts['outcomeOf']): Partial<Parts> {
  return {
    async issue(bench, request) {
      return outcomeOf((await findOrder(bench, request)) ?? (await placeOrder(bench, request)), bench.host)
    },
    poll: async (bench, orderId, signal) => outcomeOf(await readOrder(bench, orderId, signal), bench.host),
  }
}

function withCode(expectation: Parts['expect']): Partial<Parts> {
  return { expect: expectation }
}

async function waitFor(bench: Bench, order: Order, signal: AbortSignal): Promise<Order> {
  if (order.state === 'issued') return order
  await bench.host.delay(10, signal)
  return await waitFor(bench, await readOrder(bench, order.id, signal), signal)
}

let lastOrder = ''
const firstSerial = new Uint8Array([1])

export const brokenIssuers: readonly BrokenIssuer[] = [
  broken('orders again without asking', law.lost, {
    issue: async (bench, request) => sound.outcomeOf(await placeOrder(bench, request), bench.host),
  }),
  broken('orders again under another id', law.lost, {
    body: (request) => ({ ...sound.body(request), external_id: `${request.id}-${request.attempt}` }),
    issue: async (bench, request) =>
      sound.outcomeOf((await findOrder(bench, request)) ?? (await placeOrder(bench, request)), bench.host),
  }),
  brokenTiny('signs again when it is asked again', law.lost, { remember: false }),
  broken('keeps the order in the process', law.key, {
    async issue(bench, request) {
      const outcome = await sound.issue(bench, request)
      if (outcome.status === 'pending') Object.assign(bench, { kept: outcome.orderId })
      return outcome
    },
    poll: (bench, orderId, signal) => sound.poll(bench, 'kept' in bench ? orderId : 'lost', signal),
  }),
  broken('waits for the CA inside the call', law.looks, {
    issue: async (bench, request) => {
      const order = (await findOrder(bench, request)) ?? (await placeOrder(bench, request))
      return sound.outcomeOf(await waitFor(bench, order, request.signal), bench.host)
    },
  }),
  broken(
    'takes an unknown state for a refusal',
    law.unknown,
    withOutcome((order, host) =>
      ['issued', 'submitted'].includes(order.state)
        ? sound.outcomeOf(order, host)
        : { status: 'invalid', orderId: order.id, reason: order.state },
    ),
  ),
  broken(
    'says nothing of an unknown state',
    law.unknown,
    withOutcome((order, host) =>
      order.state === 'issued' ? sound.outcomeOf(order, host) : { status: 'pending', orderId: order.id },
    ),
  ),
  broken(
    'answers valid before there is a certificate',
    law.key,
    withOutcome(({ certificate = '', chain = '' }) => ({
      status: 'valid',
      certificatePem: certificate,
      chainPem: chain,
    })),
  ),
  broken('hands out the download of another order', law.key, {
    async poll(bench, orderId, signal) {
      const outcome = await sound.poll(bench, orderId, signal)
      const [first] = await firstOrders(bench, signal)
      return outcome.status === 'valid' && first !== undefined ? sound.outcomeOf(first, bench.host) : outcome
    },
  }),
  broken('mixes up orders that run at once', law.both, {
    async issue(bench, request) {
      const order = (await findOrder(bench, request)) ?? (await placeOrder(bench, request))
      lastOrder = order.id
      return sound.outcomeOf(order, bench.host)
    },
    poll: (bench, _, signal) => sound.poll(bench, lastOrder, signal),
  }),
  broken('asks for the names of the CSR', law.names, {
    body: (request) => ({ ...sound.body(request), names: undefined }),
  }),
  broken('asks for the first name only', law.names, {
    body: (request) => ({
      ...sound.body(request),
      names: request.names.slice(0, 1).map(({ type, value }) => ({ type, value })),
    }),
  }),
  broken('leaves the chain out', law.chain, {
    ...withOutcome((order, host) => ({
      ...sound.outcomeOf(order, host),
      ...(order.state === 'issued' ? { chainPem: '' } : {}),
    })),
    capabilities: { ...sound.capabilities, operations: ['poll', 'revoke', 'test'] },
    extra: () => ({ caCertificates: undefined }),
  }),
  brokenTiny('puts the certificate itself into the chain', law.chain, {
    chain: (ca, leaf) => leaf + ca.intermediatePem,
  }),
  brokenTiny('gives every certificate the same serial number', law.serial, {
    sign: (ca, { csrPem, names, notAfter }) => ca.sign(csrPem, { names, notAfter, serialNumber: firstSerial }),
  }),
  brokenTiny('declares to honour an end that it ignores', law.honours, {
    sign: (ca, { csrPem, names }) => ca.sign(csrPem, { names }),
  }),
  broken(
    'calls a wrong token unavailable',
    law.codes,
    withCode((response, accepted, bench) => {
      if (response.status === 401) throw new CertctlError('upstream_unavailable', 'The CA answered 401')
      return sound.expect(response, accepted, bench)
    }),
  ),
  broken(
    'loses Retry-After',
    law.codes,
    withCode((response, accepted, bench) => {
      if (response.status === 429) throw new CertctlError('rate_limited', 'The CA answered 429')
      return sound.expect(response, accepted, bench)
    }),
  ),
  broken(
    'takes a 5xx for a refusal',
    law.codes,
    withCode((response, accepted, bench) => {
      if (response.status >= 500) throw new CertctlError('upstream_rejected', 'The CA refused')
      return sound.expect(response, accepted, bench)
    }),
  ),
  broken('throws what the JSON parser throws', law.garbage, { json: (response) => JSON.parse(response.text()) }),
  broken('reads half a document as none', law.garbage, {
    json(response) {
      try {
        return response.json()
      } catch {
        return { id: 'unknown', state: 'issued', certificate: '', chain: '' }
      }
    },
  }),
  broken('logs the token', law.secret, {
    async issue(bench, request) {
      bench.host.log.debug('ordering', { headers: { authorization: `Bearer ${token}` } })
      return await sound.issue(bench, request)
    },
  }),
  broken('puts the token into its errors', law.secret, {
    expect(response, accepted, bench) {
      if (accepted.includes(response.status)) return response
      throw new CertctlError('upstream_rejected', `The CA refused ${bench.config.token.reveal()}`)
    },
  }),
  broken('fails to revoke what is revoked', law.revoke, {
    async revoke(bench, { certificate, reason, signal }) {
      const path = `/v1/certificates/${certificate.serialNumber}/revoke`
      sound.expect(await bench.http.request({ method: 'POST', path, json: { reason }, signal }), [200], bench)
      return { status: 'confirmed' }
    },
  }),
  broken('fails when an answer to a revocation was lost', law.lostRevocation, {
    async revoke(bench, request) {
      if (request.attempt > 1) throw new CertctlError('conflict', 'It was filed before')
      return await sound.revoke(bench, request)
    },
  }),
  broken('declares an operation that it lacks', law.offers, {
    capabilities: { ...sound.capabilities, operations: [...sound.capabilities.operations, 'budget'] },
  }),
  broken('offers an operation that it does not declare', law.offers, {
    extra: () => ({ maintain: async () => ({ nextInSeconds: 60 }) }),
  }),
  broken('names the root first among its CA certificates', law.ca, {
    extra: ({ http }) => ({
      async caCertificates(signal: AbortSignal) {
        const response = await http.request({ method: 'GET', path: '/v1/ca', signal })
        return z
          .object({ certificates: z.array(z.string()) })
          .parse(response.json())
          .certificates.toReversed()
      },
    }),
  }),
  broken('orders a certificate to test the connection', law.ca, {
    extra: ({ http }) => ({
      async test(signal: AbortSignal) {
        const [order] = await ordersOf(http, signal)
        return { detail: `ordered ${order ?? ''}` }
      },
    }),
  }),
  broken('has a renewal window that ends before it begins', law.renewal, {
    capabilities: { ...sound.capabilities, operations: [...sound.capabilities.operations, 'renewalInfo'] },
    extra: () => ({
      renewalInfo: async () => ({ windowStart: new Date(2000), windowEnd: new Date(1000), retryAfterSeconds: 60 }),
    }),
  }),
  broken('does not look at the signal', law.abort, {
    issue: (bench, request) => sound.issue(bench, { ...request, signal: new AbortController().signal }),
  }),
  broken('does not hand the signal to its requests', law.abort, {
    async issue(bench, request) {
      if (request.signal.aborted) throw new CertctlError('aborted', 'Interrupted before it began')
      await bench.http.request({ method: 'GET', path: '/v1/ca' })
      return await sound.issue(bench, request)
    },
  }),
  broken('calls the CA when it is created', law.create, {
    created: (host) => void host.resolve({ name: 'ca.example.test', type: 'A' }).catch(() => undefined),
  }),
  broken('accepts unknown fields', law.strict, { schema: z.object(configSchema.shape) }),
  broken('is called something else than its folder', law.slug, { type: 'SampleCA' }),
]

async function firstOrders(bench: Bench, signal: AbortSignal): Promise<Order[]> {
  return [await readOrder(bench, 'order-1', signal)]
}

async function ordersOf(http: Bench['http'], signal: AbortSignal): Promise<string[]> {
  const { createIssuanceRequest } = await import('../../src/index.js')
  const request = await createIssuanceRequest({ names: [{ type: 'dns', value: 'test.example.test' }] })
  const response = await http.request({ method: 'POST', path: '/v1/orders', json: sound.body(request), signal })
  return [response.text()]
}
