import { messageOf } from '@certctl/core'
import { planVerification } from '../lifecycle/verification/plan-verification.js'
import type { Services } from '../services.js'
import type { Loop } from './loop.js'

const batchSize = 500

/** Placements whose turn it is to be looked at: their agents are asked what is there and what is served. */
export const dueVerifications: Loop = {
  name: 'due-verifications',
  everySeconds: ({ config }) => Math.min(Math.max(config.verify_delay, 5), 30),
  async run(services, signal) {
    const now = services.clock.now()
    // Each one asked for is put off, so that the next batch has others; where none was, there is nothing more to do now.
    for (let asked = batchSize; asked > 0 && !signal.aborted; ) {
      const due = await services.store.placements.listToVerify(now, batchSize)
      asked = 0
      for (const { id } of due) if (await ask(services, id, now)) asked += 1
      if (due.length < batchSize) return
    }
  },
}

async function ask(services: Services, placementId: string, now: Date): Promise<boolean> {
  try {
    await services.store.transaction(async (tx) => await planVerification(services, tx, { placementId, dueAt: now }))
    return true
  } catch (error) {
    services.log.error({ id: placementId, reason: messageOf(error) }, 'a look at a placement could not be planned')
    return false
  }
}
