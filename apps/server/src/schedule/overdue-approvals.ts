import { messageOf } from '@certctl/core'
import { expireApproval } from '../lifecycle/approval/expire-approval.js'
import type { Loop } from './loop.js'

const batchSize = 200

/** What nobody approved in time ends; what waits for an approval that nobody is asked for is put before the gate again. */
export const overdueApprovals: Loop = {
  name: 'overdue-approvals',
  everySeconds: () => 60,
  async run(services, signal) {
    const { store, clock, log } = services
    const overdue = await store.approvals.listExpired(clock.now(), batchSize)
    for (const { id } of overdue) {
      if (signal.aborted) return
      try {
        await expireApproval(services, id)
      } catch (error) {
        log.error({ approval: id, reason: messageOf(error) }, 'an approval could not be ended; it is tried again')
      }
    }
    const released = await store.approvals.releaseForgotten(clock.now())
    if (released > 0) log.warn({ jobs: released }, 'jobs waited for approvals that nobody was asked for')
  },
}
