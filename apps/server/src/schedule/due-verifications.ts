import { nextVerification } from '../lifecycle/next-verification.js'
import type { Services } from '../services.js'
import { createId } from '../store/create-id.js'
import type { Loop } from './loop.js'

const batchSize = 500

/** Placements whose turn it is to be looked at: their agents are asked what is there and what is served. */
export const dueVerifications: Loop = {
  name: 'due-verifications',
  everySeconds: () => 30,
  async run(services, signal) {
    const now = services.clock.now()
    // Each one asked for is put off, so that the next batch has others.
    for (let asked = batchSize; asked === batchSize && !signal.aborted; ) {
      const due = await services.store.placements.listToVerify(now, batchSize)
      asked = 0
      for (const placement of due) {
        await ask(services, placement.id, now)
        asked += 1
      }
    }
  },
}

async function ask(services: Services, placementId: string, dueAt: Date): Promise<void> {
  await services.store.transaction(async (tx) => {
    const unlocked = await tx.placements.get(placementId)
    const target = await tx.targets.lock(unlocked?.target_id ?? '')
    const placement = await tx.placements.lock(placementId)
    if (target === undefined || placement?.removed_at !== null) return
    if (placement.verify_at === null || placement.verify_at.getTime() > dueAt.getTime()) return
    const verifyAt = nextVerification({ state: placement.state, target, now: tx.now, random: Math.random })
    await tx.placements.update(placementId, { verify_at: verifyAt })
    const { created } = await tx.jobs.insert({
      id: createId('job', tx.now),
      kind: 'verify',
      state: 'ready',
      agent_id: target.agent_id,
      certificate_id: placement.certificate_id,
      placement_id: placementId,
      target_id: target.id,
      generation: target.generation,
      priority: 200,
      run_at: tx.now,
      requested_by: 'System',
      created_at: tx.now,
    })
    if (created) await tx.wake('agent', target.agent_id)
  })
}
