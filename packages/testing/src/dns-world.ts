import type { Host } from '@certctl/core'
import type { WorldFailure } from './issuer-world.js'

/** Name servers with two zones, one delegated below the other: a model of them, or the real ones. */
export interface DnsWorld {
  readonly host: Host
  /** What of the configuration is known only once the world stands: a port, a path. Laid over the suite's own. */
  readonly config?: Readonly<Record<string, unknown>> | undefined
  /**
   * The TXT values that a resolver would be given for this name (lower case, no final dot): from the deepest zone that holds it, each
   * value's character strings joined, in any order. Empty: no such record.
   */
  values(name: string): readonly string[] | Promise<readonly string[]>
  /** Somebody else adds TXT values under this name, by other means than the connector. Values over 255 bytes are split. */
  plant(name: string, values: readonly string[]): void | Promise<void>
  /** Every name of any zone that has TXT records, absolute, without final dot: shows what was written where nobody looks. */
  names?(): readonly string[] | Promise<readonly string[]>
  /** From now on the service fails so. Needed only where requests do not go through `host.http`. `false`: this product never fails so. */
  fail?(how: WorldFailure): boolean
  /** `false`: making every step fail would take too long here; the first step stands for all. */
  readonly sweep?: false | undefined
  close?(): void | Promise<void>
}

/** Two zones of a world; `child` is below `parent` and delegated. */
export interface DnsZones {
  parent: string
  child: string
}
