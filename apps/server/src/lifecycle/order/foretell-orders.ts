import type { Services } from '../../services.js'
import { askBudget } from './ask-budget.js'

/** What a certificate will cost at a CA that counts. */
export interface ForetoldOrders {
  orders: number
  inTurn: boolean
  fits?: boolean | undefined
  nextAt?: Date | undefined
  detail: string
}

/** How many orders the holders of a certificate need, each with a key of its own, and whether they fit the CA's limits. `undefined` where orders cost nothing, or nobody holds a key yet. */
export async function foretellOrders(
  services: Services,
  { certificateId, signal }: { certificateId: string; signal: AbortSignal },
): Promise<ForetoldOrders | undefined> {
  const { store, connections, registry } = services
  const certificate = await store.certificates.get(certificateId)
  const row = certificate && (await store.connections.get('issuer', certificate.issuer_id))
  if (certificate === undefined || row === undefined) return undefined
  const isMetered = registry.find('issuer', row.type)?.definition.capabilities.metered ?? false
  const orders = isMetered ? (await store.holders.listOfCertificate(certificateId)).length : 0
  if (orders === 0) return undefined
  const isUsable = row.enabled && connections.faultOf(row) === undefined
  const budget = isUsable
    ? await askBudget(services, await connections.issuer(row.id), { names: certificate.names, orders, signal })
    : undefined
  return {
    orders,
    inTurn: orders > 1,
    fits: budget?.fits,
    nextAt: budget?.nextAt,
    detail: [countText(orders, row.name), ...budgetText(budget)].join('; '),
  }
}

function countText(orders: number, issuer: string): string {
  if (orders === 1) return `It takes one order at ${issuer}, now and at each renewal`
  return `It takes ${orders} orders at ${issuer}, now and at each renewal: each of its ${orders} holders has a key of its own, and they take turns`
}

function budgetText(budget: Awaited<ReturnType<typeof askBudget>>): string[] {
  if (budget === undefined) return []
  const { fits, nextAt, detail } = budget
  if (fits) return [`that fits its limits (${detail})`]
  const then = nextAt === undefined ? '' : `, the next not before ${nextAt.toISOString()}`
  return [`that is more than its limits allow now (${detail}): the orders wait for room${then}`]
}
