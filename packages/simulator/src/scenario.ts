/** How large a world is, how long it lives and what goes wrong in it. */
export interface Scenario {
  seed: number
  certificates: number
  days: number
  /** In days; certificates take turns. */
  lifetimes: readonly number[]
  certificatesPerAgent: number
  /** Of every call between agents, server and CAs; half of them lose the question, half the answer. */
  callFailures: number
  /** Of all calls to CAs: the worker that makes it stalls until its lease is over. */
  stalls: number
  /** Of all calls to CAs: answered within half a minute instead of at once. */
  slowCalls: number
  /** Of all deployments: the service refuses to reload and everything is put back. */
  reloadFailures: number
  /** How often a CA, each time another one, is away. */
  caOutages: number
  caOutageHours: number
  /** Share of the agents that are off, and for how long. */
  agentsOff: number
  agentOffDays: number
  /** Times a CA is distrusted: all it issued is revoked and replaced. */
  distrusts: number
  /** Times a CA wants all that it issued renewed at once, and says so where it is asked for its windows. */
  wantedBack: number
}

const small: Omit<Scenario, 'seed'> = {
  certificates: 200,
  days: 180,
  // A certificate of 6 days is issued sixty times in this time and one of 398 once, so there are few of the former.
  lifetimes: [6, ...Array.from({ length: 7 }, () => [47, 90, 398]).flat()],
  certificatesPerAgent: 10,
  callFailures: 0.05,
  stalls: 0.01,
  slowCalls: 0.1,
  reloadFailures: 0.05,
  caOutages: 1,
  caOutageHours: 36,
  agentsOff: 0.1,
  agentOffDays: 3,
  distrusts: 1,
  wantedBack: 1,
}

export function scenarioOf(seed: number, changes: Partial<Scenario> = {}): Scenario {
  return { ...small, ...changes, seed }
}

/** Two thousand certificates over two years: as many faults per year as in the small one. */
export const fullSize: Partial<Scenario> = {
  certificates: 2000,
  days: 730,
  certificatesPerAgent: 20,
  caOutages: 4,
  agentsOff: 0.4,
  distrusts: 2,
  wantedBack: 2,
}

/** The arguments that make this scenario again. */
export function commandOf({ seed, ...scenario }: Scenario): string {
  const full: Record<string, unknown> = { ...small, ...fullSize }
  const isFull = JSON.stringify(scenario) === JSON.stringify(full)
  const usual: Record<string, unknown> = isFull ? full : { ...small }
  const changes = Object.entries(scenario).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(usual[name]),
  )
  return [
    'pnpm simulate',
    ...(isFull ? ['--full'] : []),
    `--seeds ${seed}`,
    ...(changes.length === 0 ? [] : [`--scenario '${JSON.stringify(Object.fromEntries(changes))}'`]),
  ].join(' ')
}
