/** How and when the agent ends. */
export interface AgentEnd {
  /** Fires once: no new work, no more waiting. */
  readonly signal: AbortSignal
  /** A person or a supervisor asked for it. */
  stop(): void
  /** The server knows this agent no more. */
  retire(): void
  readonly reason: 'stopped' | 'retired' | undefined
}

export function createAgentEnd(): AgentEnd {
  const controller = new AbortController()
  let reason: AgentEnd['reason']
  const because = (why: NonNullable<AgentEnd['reason']>) => () => {
    reason ??= why
    controller.abort(new Error(why))
  }
  return {
    signal: controller.signal,
    stop: because('stopped'),
    retire: because('retired'),
    get reason() {
      return reason
    },
  }
}
