import { it } from '@jest/globals'

type Test = (name: string, run: () => Promise<void>, limitMs?: number) => void

/**
 * What a test cannot do without, by name. Where something is missing the test is skipped and says what;
 * with `CERTCTL_TEST_REAL=required` it fails instead.
 */
export function needs(things: Readonly<Record<string, boolean>>): { skip: boolean; test: Test } {
  const missing = Object.entries(things).flatMap(([name, there]) => (there ? [] : [name]))
  if (missing.length === 0) return { skip: false, test: (name, run, limitMs) => it(name, run, limitMs) }
  const list = missing.join(', ')
  if (process.env.CERTCTL_TEST_REAL === 'required') {
    return {
      skip: true,
      test: (name) =>
        it(name, () => {
          throw new Error(`${list} is missing, and CERTCTL_TEST_REAL=required`)
        }),
    }
  }
  return { skip: true, test: (name) => it.skip(`${name} (skipped: there is no ${list})`, () => undefined) }
}
