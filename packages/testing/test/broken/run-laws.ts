import type { TestFunction } from '../../src/index.js'

export interface Verdict {
  /** Names of all laws of the suite. */
  laws: readonly string[]
  /** Of those that failed, with what they said. */
  failed: ReadonlyMap<string, string>
}

/** Runs a suite, or one law of it, with a `test` that records: what a runner would report. */
export async function runLaws(register: (test: TestFunction) => void, only?: string): Promise<Verdict> {
  const laws: { name: string; check: () => Promise<void> }[] = []
  register((name, check) => laws.push({ name, check }))
  const failed = new Map<string, string>()
  for (const { name, check } of laws.filter(({ name }) => only === undefined || name === only)) {
    try {
      await check()
    } catch (error) {
      failed.set(name, error instanceof Error ? error.message : String(error))
    }
  }
  return { laws: laws.map(({ name }) => name), failed }
}
