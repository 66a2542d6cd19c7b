import { isCertctlError } from '@certctl/core'
import type { Agent } from './agent.js'
import { backoffSeconds } from './pauses.js'

const attempts = 4

/** Repeats a request that had no answer, a few times; every request of a job may be repeated. */
export async function askAgain<T>(agent: Agent, ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; attempt < attempts; attempt += 1) {
    try {
      return await ask()
    } catch (error) {
      if (!isCertctlError(error) || error.code !== 'upstream_unavailable') throw error
      await agent.host.delay(backoffSeconds(attempt, agent.random, error.retryAfterSeconds), signal)
    }
  }
  return await ask()
}
