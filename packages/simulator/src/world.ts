import type { Services } from '../../../apps/server/src/services.js'
import type { Activities } from './activities.js'
import type { Agenda } from './agenda.js'
import type { Sql } from './database.js'
import type { Journal } from './journal.js'
import type { AgentModel } from './model/agent-model.js'
import type { CaModel } from './model/ca-model.js'
import type { Random } from './random.js'
import type { Scenario } from './scenario.js'
import type { Tampering } from './tampering.js'

/** A certificate as its operator knows it. */
export interface Asked {
  readonly id: string
  readonly name: string
  readonly caId: string
  readonly lifetimeDays: number
}

export interface Figures {
  issued: number
  deployments: number
  revoked: number
  lostAnswers: number
  failedCalls: number
}

/** All there is: the server's parts, the models around it, and what happens next. */
export interface World {
  readonly scenario: Scenario
  readonly tampering: Tampering
  readonly agenda: Agenda
  readonly journal: Journal
  readonly random: Random
  readonly activities: Activities
  readonly services: Services
  readonly sql: Sql
  readonly cas: ReadonlyMap<string, CaModel>
  readonly agents: Map<string, AgentModel>
  readonly asked: Map<string, Asked>
  /** Fingerprints the operator had revoked, and when. */
  readonly revoked: Map<string, number>
  /** Targets that do not hold what the rows say, of which only a look can know. */
  readonly drifted: Set<string>
  /** Times to which looks that would find nothing were put off. */
  readonly putOff: Set<number>
  readonly figures: Figures
  /** Says that something which must hold does not. The first time ends the run. */
  violate(invariant: string, expected: string): void
}
