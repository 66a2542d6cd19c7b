import type { Host, IssuerHost } from '@certctl/core'

/** How the other side fails as a whole, for connectors whose SDK brings its own transport. */
export type WorldFailure = 'unauthenticated' | 'rate limited' | 'unavailable' | 'garbage'

/** A certificate authority: a model of it, or the real one. */
export interface IssuerWorld {
  /** A test host for a model; a real one for the CA itself. One without challenges and DNS gets them in memory. */
  readonly host: Host | IssuerHost
  /** How many certificates the CA has made or been asked for so far. Without it, a repeated order is compared by its certificate. */
  issued?(): number | Promise<number>
  /** How many revocations were filed so far. */
  revocations?(): number | Promise<number>
  /** Lets the CA get on between two looks: somebody approves, validation ends. The clock has moved by what the connector asked for. */
  settle?(): void | Promise<void>
  /** From now on the CA calls the state of every order a word that nobody knows. */
  sayUnknownState?(): void
  /** From now on the CA fails so. Needed only where requests do not go through `host.http`. */
  fail?(how: WorldFailure): void
  /** `false`: making every step fail would take too long here; the first step stands for all. */
  readonly sweep?: false | undefined
  close?(): void | Promise<void>
}
