import { type GeneralName, type JsonValue, z } from '@certctl/core'
import { parseCertificate, parseCsr } from '@certctl/pki'
import {
  createTestCa,
  createTestHost,
  type HttpAnswer,
  type IssuerWorld,
  type SeenRequest,
  type TestCa,
} from '../../src/index.js'

export const token = 'fake-ca-bearer-token'
export const caConfig = { url: 'https://ca.example.test', token }

const orderSchema = z.object({
  external_id: z.string(),
  csr: z.string(),
  names: z.array(z.object({ type: z.enum(['dns', 'ip', 'email', 'uri']), value: z.string() })).optional(),
  not_after: z.string().optional(),
})
interface Order {
  id: string
  externalId: string
  readyAt: number
  certificate: string
}

let authority: Promise<TestCa> | undefined

/**
 * A CA that takes half a minute. It charges for every order, knows orders by the caller's own id when it is asked, refuses strangers,
 * unknown paths and methods, and refuses to revoke twice.
 */
export async function fakeCa(): Promise<IssuerWorld> {
  authority ??= createTestCa()
  const ca = await authority
  const orders: Order[] = []
  const revoked = new Set<string>()
  let stranger = false
  let revocations = 0

  const shown = (order: Order): JsonValue => {
    const ready = host.now().getTime() >= order.readyAt
    const state = stranger ? 'pondering' : ready ? 'issued' : 'submitted'
    const bundle = { certificate: order.certificate, chain: ca.intermediatePem + ca.rootPem }
    return { id: order.id, state, ...(state === 'issued' ? bundle : {}) }
  }
  const place = async (body: unknown): Promise<HttpAnswer> => {
    const asked = orderSchema.parse(body)
    const names: readonly GeneralName[] = asked.names ?? parseCsr(asked.csr).names
    const notAfter = asked.not_after === undefined ? undefined : new Date(asked.not_after)
    const certificate = await ca.sign(asked.csr, { names, notAfter })
    const readyAt = host.now().getTime() + 30_000
    const order = { id: `order-${orders.length + 1}`, externalId: asked.external_id, readyAt, certificate }
    orders.push(order)
    return { status: 201, json: shown(order) }
  }
  const revoke = (serial: string): HttpAnswer => {
    const known = orders.some(({ certificate }) => parseCertificate(certificate).serialNumber === serial)
    if (!known) return { status: 404, json: { error: 'no such certificate' } }
    if (revoked.has(serial)) return { status: 409, json: { error: 'already revoked' } }
    revoked.add(serial)
    revocations += 1
    return { status: 200, json: {} }
  }
  const answer = async (request: SeenRequest): Promise<HttpAnswer> => {
    if (request.headers.authorization !== `Bearer ${token}`) return { status: 401, json: { error: 'who are you' } }
    const [, version, noun, id, verb] = request.path.split('/')
    const route = `${request.method} ${version}/${noun}${id === undefined ? '' : '/*'}${verb === undefined ? '' : `/${verb}`}`
    if (route === 'POST v1/orders') return await place(request.json())
    const wanted = request.query.get('external_id')
    if (route === 'GET v1/orders')
      return { status: 200, json: { orders: orders.filter(({ externalId }) => externalId === wanted).map(shown) } }
    const order = orders.find((other) => other.id === id)
    if (route === 'GET v1/orders/*') return order === undefined ? { status: 404 } : { status: 200, json: shown(order) }
    if (route === 'POST v1/certificates/*/revoke') return revoke(id ?? '')
    if (route === 'GET v1/ca') return { status: 200, json: { certificates: [ca.intermediatePem, ca.rootPem] } }
    return { status: ['orders', 'certificates', 'ca'].includes(noun ?? '') ? 405 : 404 }
  }

  const host = createTestHost({ http: answer })
  return {
    host,
    issued: () => orders.length,
    revocations: () => revocations,
    sayUnknownState() {
      stranger = true
    },
  }
}
