import { type GeneralName, type JsonValue, z } from '@certctl/core'
import {
  createTestCa,
  createTestHost,
  type HttpAnswer,
  issuedRefOf,
  type IssuerWorld,
  type SeenRequest,
} from '@certctl/testing'

/** The version of the product this model was compared with, and how. */
export const comparedWith: string | undefined = undefined

export const config = { url: 'https://ca.example.net/v1', token: 'token-of-the-model' }

const orderSchema = z.object({
  external_id: z.string(),
  csr: z.string(),
  names: z.array(z.object({ type: z.enum(['dns', 'ip', 'email', 'uri']), value: z.string() })),
  not_after: z.iso.datetime().optional(),
})
interface Order {
  id: string
  externalId: string
  readyAt: number
  certificatePem: string
}

const authority = createTestCa()

/** A model of the CA: it takes half a minute, enforces its token, and refuses what the product refuses. */
export async function fakeExample(): Promise<IssuerWorld> {
  const ca = await authority
  const orders: Order[] = []
  const revoked = new Set<string>()
  let stranger = false

  const shown = ({ id, readyAt, certificatePem }: Order): JsonValue => {
    if (stranger) return { id, state: 'pondering' }
    if (host.now().getTime() < readyAt) return { id, state: 'submitted' }
    return { id, state: 'issued', certificate: certificatePem, chain: ca.intermediatePem + ca.rootPem }
  }
  const place = async (body: unknown): Promise<HttpAnswer> => {
    const { external_id: externalId, csr, names, not_after } = orderSchema.parse(body)
    const notAfter = not_after === undefined ? undefined : new Date(not_after)
    const certificatePem = await ca.sign(csr, { names: names as GeneralName[], notAfter })
    const readyAt = host.now().getTime() + 30_000
    const order = { id: `order-${orders.length + 1}`, externalId, readyAt, certificatePem }
    orders.push(order)
    return { status: 201, json: shown(order) }
  }
  const revoke = (serialNumber: string): HttpAnswer => {
    const known = orders.some(({ certificatePem }) => issuedRefOf({ certificatePem, chainPem: '' }).serialNumber === serialNumber)
    if (!known) return { status: 404 }
    if (revoked.has(serialNumber)) return { status: 409 }
    revoked.add(serialNumber)
    return { status: 200, json: {} }
  }

  const host = createTestHost({
    async http(request: SeenRequest): Promise<HttpAnswer> {
      if (request.headers.authorization !== `Bearer ${config.token}`) return { status: 401 }
      const [, , noun, id, verb] = request.path.split('/')
      const route = [request.method, noun, id === undefined ? '' : '*', verb ?? ''].join(' ').trim()
      const found = orders.find((order) => order.id === id)
      const listed = orders.filter(({ externalId }) => externalId === request.query.get('external_id'))
      if (route === 'POST orders') return await place(request.json())
      if (route === 'GET orders') return { status: 200, json: { orders: listed.map(shown) } }
      if (route === 'GET orders *' && found !== undefined) return { status: 200, json: shown(found) }
      if (route === 'POST certificates * revoke') return revoke(id ?? '')
      if (route === 'GET ca') return { status: 200, json: { certificates: [ca.intermediatePem, ca.rootPem] } }
      return { status: 404 }
    },
  })

  return {
    host,
    issued: () => orders.length,
    revocations: () => revoked.size,
    sayUnknownState() {
      stranger = true
    },
  }
}
