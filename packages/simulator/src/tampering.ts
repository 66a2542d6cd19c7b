import type { Loop } from '../../../apps/server/src/schedule/loop.js'
import type { Sql } from './database.js'
import type { AgentModel } from './model/agent-model.js'
import type { ChangeTx } from './server/wakes.js'

/**
 * A rule made wrong from outside, to see that the simulator notices: by a trigger in the database, by what follows a change there, by
 * a part of the store or by what agents do. The server's own code stays as it is.
 */
export interface Tampering {
  name: string
  /** After the tables are made. */
  setUp?(sql: Sql): Promise<void>
  /** After each thing that happened. */
  afterEach?(sql: Sql, now: Date): Promise<void>
  change?: ChangeTx
  /** Which loops run. */
  isRun?(loop: Loop): boolean
  /** An agent made a key. */
  onNewKey?(agent: AgentModel, key: { certificateId: string; spki: string }): void
  /** The lease a report is made under. */
  leaseOf?(sql: Sql, job: { id: string; lease: string }): Promise<string>
}

export const asItIs: Tampering = { name: 'as it is' }
