/** What must hold and did not, with all that is needed to see it again. */
export interface Violation {
  seed: number
  /** Virtual. */
  at: string
  invariant: string
  /** What was expected, and what was the case. */
  expected: string
  lastEvents: readonly string[]
  /** Plays the same run again. */
  command: string
}

export function describeViolation({ seed, at, invariant, expected, lastEvents, command }: Violation): string {
  return [
    `seed ${seed} fails at ${at}: ${invariant}`,
    `  ${expected}`,
    '  the last events:',
    ...lastEvents.map((line) => `    ${line}`),
    `  play it again: ${command}`,
  ].join('\n')
}
