export interface CheckOutcome {
  name: string
  passed: boolean
  seconds: number
}

/** One line for each check, and one that says which failed. */
export function summaryOf(outcomes: readonly CheckOutcome[]): string {
  const width = Math.max(...outcomes.map(({ name }) => name.length)) + 2
  const lines = outcomes.map(
    ({ name, passed, seconds }) => `${name.padEnd(width)}${passed ? 'passed' : 'FAILED'}  ${seconds.toFixed(1)} s`,
  )
  const failed = outcomes.filter(({ passed }) => !passed).map(({ name }) => name)
  return [...lines, failed.length === 0 ? 'all checks passed' : `failed: ${failed.join(', ')}`].join('\n')
}
