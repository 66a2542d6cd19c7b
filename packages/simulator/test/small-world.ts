import { type Scenario, scenarioOf } from '../src/scenario.js'

/** Twelve six-day certificates for twenty days, in weather that is worse than usual. */
export function smallWorld(changes: Partial<Scenario> = {}): Scenario {
  return scenarioOf(11, {
    certificates: 12,
    days: 20,
    lifetimes: [6],
    certificatesPerAgent: 6,
    stalls: 0.1,
    slowCalls: 0.5,
    reloadFailures: 0.1,
    agentsOff: 2,
    agentOffDays: 1,
    ...changes,
  })
}
