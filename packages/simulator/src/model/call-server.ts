import { type CertctlError, isCertctlError } from '@certctl/core'
import type { World } from '../world.js'
import type { AgentModel } from './agent-model.js'

/** What an agent hears of a call: the answer, a refusal, or nothing (and then it does not know whether it was heard). */
export type Heard<T> = { is: 'answered'; answer: T } | { is: 'refused'; error: CertctlError } | { is: 'lost' }

/** A call over a network that fails now and then, on the way there or on the way back. */
export async function callServer<T>(
  { scenario, journal, figures }: World,
  { agent, what }: { agent: AgentModel; what: string },
  work: () => Promise<T>,
): Promise<Heard<T>> {
  const dice = agent.random.next()
  if (dice < scenario.callFailures / 2) {
    figures.failedCalls += 1
    journal.note(`${agent.id} ${what}: never arrived`)
    return { is: 'lost' }
  }
  const heard = await attempt(work)
  if (dice >= scenario.callFailures) return heard
  figures.failedCalls += 1
  journal.note(`${agent.id} ${what}: the answer was lost`)
  return { is: 'lost' }
}

async function attempt<T>(work: () => Promise<T>): Promise<Heard<T>> {
  try {
    return { is: 'answered', answer: await work() }
  } catch (error) {
    if (isCertctlError(error) && error.code !== 'internal') return { is: 'refused', error }
    throw error
  }
}
