import type { Registry } from '@certctl/core'
import type { Logger } from 'pino'
import type { Sealing } from './access/sealing.js'
import type { Clock } from './clock.js'
import type { Config } from './config.js'
import type { ChallengeDesk } from './connectors/challenges/challenge-desk.js'
import type { Connections } from './connectors/connections.js'
import type { Metrics } from './metrics.js'
import type { Chance } from './store/chance.js'
import type { Store } from './store/store.js'
import type { WakeBus } from './store/wake.js'

/** What the parts of this server are handed by `compose.ts`; there is no container and no global. */
export interface Services {
  readonly config: Config
  readonly store: Store
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Logger
  readonly sealing: Sealing
  readonly registry: Registry
  readonly challenges: ChallengeDesk
  readonly connections: Connections
  readonly wakes: WakeBus
  readonly metrics: Metrics
  /** Fires when the server begins to stop: parked polls answer, workers take nothing new. */
  readonly stopping: AbortSignal
  readonly server: { readonly id: string; readonly version: string; readonly publicUrl: string }
}
