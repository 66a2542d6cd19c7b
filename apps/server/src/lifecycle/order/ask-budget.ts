import { type GeneralName, messageOf } from '@certctl/core'
import { timeLimit } from '@certctl/kit'
import type { IssuerInstance } from '../../connectors/connections.js'
import type { Services } from '../../services.js'

export interface BudgetAnswer {
  fits: boolean
  nextAt?: Date | undefined
  detail: string
}

const limitMs = 10_000

/** Whether so many orders fit what is left of a CA's limits. `undefined`: orders cost nothing there, it keeps no account, or it could not say; then the CA itself has the word. */
export async function askBudget(
  { log }: Pick<Services, 'log'>,
  { connector, capabilities, id }: IssuerInstance,
  { names, orders, signal }: { names: readonly GeneralName[]; orders: number; signal: AbortSignal },
): Promise<BudgetAnswer | undefined> {
  if (!capabilities.metered || connector.budget === undefined) return undefined
  try {
    const limited = timeLimit(limitMs / 1000, signal)
    return await connector.budget({ names, orders, signal: limited })
  } catch (error) {
    log.warn({ issuer: id, reason: messageOf(error) }, 'an issuer could not say what is left of its limits')
    return undefined
  }
}
