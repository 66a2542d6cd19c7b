import type { Host, Registry, StateStore } from '@certctl/core'
import type { AboutHost } from './about-host.js'
import type { Challenges } from './challenges.js'
import type { AgentConfig } from './config.js'
import type { Contact } from './contact.js'
import type { ControlPlane } from './control-plane.js'
import type { Journal } from './journal.js'
import type { KeyStore } from './keys.js'
import type { Lanes } from './lanes.js'
import type { AgentLog } from './log.js'
import type { Installation } from './owned-files.js'
import type { ServerClock } from './server-clock.js'

/** Everything the agent's parts need, put together once by `compose`. */
export interface Agent {
  readonly id: string
  readonly version: string
  readonly config: AgentConfig
  readonly about: AboutHost
  readonly installation: Installation
  /** For requests that are answered at once, and for those that the server parks. */
  readonly controlPlane: ControlPlane
  readonly longPoll: ControlPlane
  readonly contact: Contact
  readonly registry: Registry
  /** Sealed; of this agent id alone. */
  readonly state: StateStore
  readonly journal: Journal
  readonly keys: KeyStore
  readonly challenges: Challenges
  readonly clock: ServerClock
  /** The machine as it is, without the limits that deployments get. */
  readonly host: Host
  /** The machine for one connector: with its own sealed state. */
  hostFor(instanceId: string): Host
  readonly lanes: Lanes
  readonly log: AgentLog
  /** Between 0 and 1; spreads agents that were started together. */
  random(): number
}
