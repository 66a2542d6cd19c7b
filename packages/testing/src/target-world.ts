import { CertctlError, type Fingerprint, type Host, type TargetHost } from '@certctl/core'

/** A product that serves certificates: a model of it, or the product itself. */
export interface TargetWorld {
  /** A test host for a model; a real one for the product itself. One that brings `confirmServed` is asked as it is. */
  readonly host: Host | TargetHost
  /** SHA-256 of the leaf that somebody who connects now would meet; `undefined`: nothing is served. */
  serving(): string | undefined | Promise<string | undefined>
  /** Ends the product and starts it, so that it reads everything anew. */
  restart?(): void | Promise<void>
  /** Another place of the same product, for the law of two deployments at once. */
  readonly second?:
    | { config: Readonly<Record<string, unknown>>; serving(): string | undefined | Promise<string | undefined> }
    | undefined
  /** `false`: making every step fail would take too long here; the first step stands for all. */
  readonly sweep?: false | undefined
  close?(): void | Promise<void>
}

type Serving = Pick<TargetWorld, 'host' | 'serving'>

/** The world's host as a target gets it: `confirmServed` asks what the world serves, twenty times half a second apart, and once more when it is as it should be. */
export function createTestTargetHost(world: Serving): TargetHost {
  return { ...world.host, confirmServed: (expected) => confirmIn(world, expected) }
}

/** Asks the world's own `confirmServed` where it has one. */
export async function confirmIn(
  world: Serving,
  expected: { fingerprint: Fingerprint; signal: AbortSignal },
): Promise<'served' | 'later' | 'unverifiable'> {
  if ('confirmServed' in world.host) return await world.host.confirmServed(expected)
  if (await isServed(world, expected)) {
    // The old workers of a server that reloads may take one more connection.
    await world.host.delay(0.5, expected.signal)
    if (await isServed(world, expected)) return 'served'
  }
  throw new CertctlError('deploy_failed', `The handshake did not show ${expected.fingerprint} within ten seconds`)
}

/** Looks until the world serves this leaf, for ten seconds of the host's clock. */
export async function isServed(
  world: Serving,
  { fingerprint, signal }: { fingerprint: Fingerprint; signal?: AbortSignal | undefined },
): Promise<boolean> {
  for (let look = 1; look <= 20; look += 1) {
    if ((await world.serving()) === fingerprint) return true
    await world.host.delay(0.5, signal ?? new AbortController().signal)
  }
  return false
}
