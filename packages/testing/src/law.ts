/** A runner's way to register a test: `it` of jest, vitest or mocha, `test` of node:test. */
export type TestFunction = (name: string, check: () => Promise<void>) => unknown

/** A sentence that is true of every correct connector, and the way to find out. */
export interface Law<Scene> {
  name: string
  check(scene: Scene): Promise<void>
}
