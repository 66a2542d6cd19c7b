import { broken, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'

/** Whether the limits of the CA leave room for one more order, by what was ordered here. */
export async function checkBudget(looks: Looks): Promise<Finding[]> {
  const budget = await looks.budget()
  if (budget === undefined) return []
  if (budget.fits) return [fine('budget_ok', `One more order fits the limits of the CA: ${budget.detail}`)]
  return [
    broken('budget_spent', {
      seen: `One more order does not fit the limits of the CA: ${budget.detail}`,
      cause: 'So many certificates were ordered for these names, or by this account, that the CA would refuse',
      remedy: `Wait${budget.nextAt === undefined ? '' : ` until ${budget.nextAt.toISOString()}`}; orders are tried again by themselves. To see what is to come: certctl plan`,
    }),
  ]
}
