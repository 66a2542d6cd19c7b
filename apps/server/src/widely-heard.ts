import { setMaxListeners } from 'node:events'

/**
 * An abort whose signal any number of parts wait for at once: a loop of the schedule each, a connected agent each, a job each. Node
 * takes more than ten listeners for a leak; here each ends with what it waits for, and their number is that of agents and jobs.
 */
export function widelyHeard(): AbortController {
  const controller = new AbortController()
  setMaxListeners(Number.POSITIVE_INFINITY, controller.signal)
  return controller
}
