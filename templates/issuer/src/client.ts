import { CertctlError, type HttpResponse, type IssuanceRequest, type IssuerHost, z } from '@certctl/core'
import { expectStatus } from '@certctl/kit'
import type { Config } from './config.js'

const orderSchema = z.object({
  id: z.string(),
  state: z.string(),
  certificate: z.string().optional(),
  chain: z.string().optional(),
})
export type Order = z.output<typeof orderSchema>

const listSchema = z.object({ orders: z.array(orderSchema) })
const authoritySchema = z.object({ certificates: z.array(z.string()) })

/** HTTP in, meaning out. */
export function createClient(config: Config, host: IssuerHost) {
  const http = host.http({
    baseUrl: config.url,
    headers: { authorization: `Bearer ${config.token.reveal()}` },
  })
  return {
    async placeOrder(request: IssuanceRequest): Promise<Order> {
      const { id, csrPem, names, notAfter, signal } = request
      const json = { external_id: id, csr: csrPem, names: [...names], not_after: notAfter?.toISOString() }
      const response = await http.request({ method: 'POST', path: '/orders', json, signal })
      return read(expectStatus(response, [200, 201], 'Example, ordering'), orderSchema)
    },

    /** An answer may have been lost: the order that was placed under this id, where there is one. */
    async findOrder({ id, attempt, signal }: IssuanceRequest): Promise<Order | undefined> {
      if (attempt === 1) return undefined
      const response = await http.request({ method: 'GET', path: '/orders', query: { external_id: id }, signal })
      return read(expectStatus(response, [200], 'Example, searching'), listSchema).orders[0]
    },

    async readOrder(id: string, signal: AbortSignal): Promise<Order> {
      const response = await http.request({ method: 'GET', path: `/orders/${encodeURIComponent(id)}`, signal })
      return read(expectStatus(response, [200], 'Example, looking'), orderSchema)
    },

    async revoke(serialNumber: string, { reason, signal }: { reason: string; signal: AbortSignal }): Promise<void> {
      const path = `/certificates/${serialNumber}/revoke`
      const response = await http.request({ method: 'POST', path, json: { reason }, signal })
      // 409: it is revoked already, which is what was asked for.
      expectStatus(response, [200, 409], 'Example, revoking')
    },

    async caCertificates(signal: AbortSignal): Promise<readonly string[]> {
      const response = await http.request({ method: 'GET', path: '/ca', signal })
      return read(expectStatus(response, [200], 'Example, CA certificates'), authoritySchema).certificates
    },
  }
}

function read<T>(response: HttpResponse, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(response.json())
  if (parsed.success) return parsed.data
  throw new CertctlError('upstream_protocol', 'Example answered in a shape this connector does not know')
}
