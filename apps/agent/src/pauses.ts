import type { Agent } from './agent.js'
import type { AgentEnd } from './agent-end.js'

/** A pause that is never quite the same, so that agents which were started together do not stay together. */
export function jittered(seconds: number, random: () => number): number {
  return seconds * (0.8 + 0.4 * random())
}

/** Pause after so many failures in a row: a second, doubled each time, at most twenty seconds, so that a server that is back is not kept waiting; what the server asked for comes first. */
export function backoffSeconds(failures: number, random: () => number, retryAfterSeconds?: number): number {
  const own = jittered(Math.min(2 ** (failures - 1), 20), random)
  return Math.max(own, Math.min(retryAfterSeconds ?? 0, 300))
}

/** Waits; the agent's end cuts it short, and nothing else does. */
export async function pause(agent: Pick<Agent, 'host'>, seconds: number, end: AgentEnd): Promise<void> {
  if (end.signal.aborted) return
  await agent.host.delay(seconds, end.signal).catch((error: unknown) => {
    if (!end.signal.aborted) throw error
  })
}
