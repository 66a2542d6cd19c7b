import type { Host } from '@certctl/core'
import type { WorldFailure } from './issuer-world.js'

/** A service that tells people: a model of it, or the real one. */
export interface NotifierWorld {
  readonly host: Host
  /** What people have been told so far, oldest first: one entry for each message or alert they see. */
  told(): readonly Told[] | Promise<readonly Told[]>
  /** From now on the service fails so. Needed only where requests do not go through `host.http`. */
  fail?(how: WorldFailure | 'refused for good'): void
  /** `false`: making every step fail would take too long here; the first step stands for all. */
  readonly sweep?: false | undefined
  close?(): void | Promise<void>
}

export interface Told {
  /** By which the receiver knows a repetition: delivery id, deduplication key, Message-ID. */
  id?: string | undefined
  /** What they read, or the body as it arrived. */
  text: string
}
