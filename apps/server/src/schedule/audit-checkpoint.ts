import { messageOf } from '@certctl/core'
import { takeCheckpoint } from '../audit/checkpoint.js'
import { emitEvent } from '../notify/emit-event.js'
import type { Services } from '../services.js'
import type { Loop } from './loop.js'

const alertKey = 'audit checkpoint'

/** Signs the heads of the record. Where the signature cannot be kept, what was recorded since is open to whoever can write the database: people are told. */
export const auditCheckpoint: Loop = {
  name: 'audit-checkpoint',
  everySeconds: ({ config }) => config.audit_checkpoint_interval,
  async run(services) {
    try {
      await takeCheckpoint(services)
    } catch (error) {
      await tell(services, messageOf(error))
      throw error
    }
    await services.store.events.resolve(alertKey, services.clock.now())
  },
}

async function tell({ store }: Services, reason: string): Promise<void> {
  const title = `No checkpoint of the audit record could be kept: ${reason}`
  const event = { type: 'audit.checkpoint_failed', severity: 'warning', title, alertKey } as const
  await store.transaction(async (tx) => void (await emitEvent(tx, event)))
}
