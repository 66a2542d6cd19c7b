import type { IssuerInstance } from '../../connectors/connections.js'
import type { Services } from '../../services.js'
import { askBudget } from './ask-budget.js'
import type { LeasedJob } from './begin-attempt.js'
import { deferOrder } from './defer-order.js'

// Where the CA's account does not say when there is room again.
const usualWaitSeconds = 3600

/**
 * Puts a new order off while the CA's limits leave no room for it; nothing was asked then, and nothing has failed. One that was asked
 * for before goes on: it may be paid already. Returns whether it waits.
 */
export async function awaitBudget(
  services: Services,
  job: LeasedJob,
  { issuer, signal }: { issuer: IssuerInstance; signal: AbortSignal },
): Promise<boolean> {
  if (!issuer.capabilities.metered) return false
  const order = await services.store.orders.get(job.order_id ?? '')
  const certificate = await services.store.certificates.get(job.certificate_id ?? '')
  if (order === undefined || certificate === undefined || order.attempts > 0) return false
  const answer = await askBudget(services, issuer, { names: certificate.names, orders: 1, signal })
  if (answer === undefined || answer.fits) return false
  const left = (answer.nextAt?.getTime() ?? 0) - services.clock.now().getTime()
  const seconds = answer.nextAt === undefined ? usualWaitSeconds : Math.max(60, Math.ceil(left / 1000))
  const message = `The limits of ${issuer.name} leave no room for this order now: ${answer.detail}`
  await deferOrder(services, job, { seconds, code: 'rate_limited', message })
  return true
}
