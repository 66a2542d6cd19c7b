import { beginBulk, type WantedBulk } from '../lifecycle/bulk/begin-bulk.js'
import type { Services } from '../services.js'
import { awaitJob } from './await-job.js'
import { type EndedBulk, endedBulk } from './ended-bulk.js'
import { requireReference } from './nouns/require-reference.js'

/** Whoever asks is answered by then; the job goes on. */
const waitSeconds = 20

export type BulkReply =
  | { is: 'counted'; total: number; failed: number }
  | { is: 'accepted'; jobId: string; total: number }
  | ({ is: 'ended' } & EndedBulk)

/** Begins a bulk operation and waits a while for its end. Throws a fault of the field that names an owner or a team that is not there. */
export async function requestBulk(
  services: Services,
  wanted: WantedBulk,
  { dryRun, signal }: { dryRun: boolean; signal: AbortSignal },
): Promise<BulkReply> {
  const { owner_id: owner, team_id: team } = wanted.arguments
  await services.store.transaction(async (tx) => {
    await requireReference(tx, { field: 'owner_id', kind: 'owner', id: owner })
    await requireReference(tx, { field: 'team_id', kind: 'team', id: team })
  })
  if (dryRun) return await count(services, wanted)
  const { jobId, total } = await beginBulk(services, wanted)
  const either = AbortSignal.any([signal, services.stopping])
  const hasEnded = await awaitJob(services, jobId, { seconds: waitSeconds, signal: either })
  return hasEnded ? { is: 'ended', ...(await endedBulk(services, jobId)) } : { is: 'accepted', jobId, total }
}

/** As `beginBulk` counts: ids that no certificate has are among them, and fail. */
async function count({ store, clock }: Services, { filter }: WantedBulk): Promise<BulkReply> {
  const [matching, failed] = await Promise.all([
    store.bulkItems.countMatching({ ...filter, now: clock.now() }),
    filter.ids === undefined ? 0 : store.bulkItems.countUnknown(filter.ids),
  ])
  return { is: 'counted', total: matching + failed, failed }
}
