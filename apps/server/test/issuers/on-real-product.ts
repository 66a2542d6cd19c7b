import { expect, it } from '@jest/globals'

/** Runs a suite on a real product; skips it by name where that is not installed, and fails where it has to be. */
export function onRealProduct<T>(product: string, found: T | undefined, suite: (found: T) => void): void {
  if (found !== undefined) suite(found)
  else if (process.env.CERTCTL_TEST_REAL !== 'required')
    it.skip(`skipped: ${product} is not installed`, () => undefined)
  else it(`${product} is installed, since CERTCTL_TEST_REAL=required`, () => expect(found).toBeDefined())
}
