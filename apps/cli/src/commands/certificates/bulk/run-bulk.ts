import type { Job } from '@certctl/api'
import { CertctlError, duration, z } from '@certctl/core'
import type { Cli } from '../../../cli.js'
import { pollUntil } from '../../../wait/poll-until.js'

export const bulkOptions = {
  '--dry-run': 'Only say how many match',
  '--timeout <duration>': 'How long to watch it; 1h where not given. It goes on without being watched.',
}
export const bulkGiven = { dryRun: z.boolean().default(false), timeout: duration().prefault('1h') }

interface BulkAnswer {
  job_id?: string | undefined
  total_matched: number
  total_failed?: number | undefined
}

/** Says what would match, or begins, shows how far it has come, and rejects where some certificates failed. */
export async function runBulk(
  cli: Cli,
  { verb, dryRun, timeout }: { verb: string; dryRun: boolean; timeout: number },
  call: (dryRun: boolean) => Promise<{ body: BulkAnswer }>,
): Promise<void> {
  const { body } = await call(dryRun)
  if (dryRun || body.job_id === undefined) return cli.show(body, () => matches(body))
  const job = await watch(cli, { jobId: body.job_id, verb, timeoutSeconds: timeout })
  cli.show(job, () => sentence(job, verb))
  const failed = job.bulk?.failed ?? 0
  if (job.status === 'Cancelled') throw new CertctlError('conflict', `Job ${job.id} was cancelled: ${progress(job)}`)
  if (failed > 0)
    throw new CertctlError('conflict', `${failed} failed; list them with: certctl jobs items ${job.id} --state failed`)
}

function matches({ total_matched: total, total_failed: unknown = 0 }: BulkAnswer): string {
  const absent = unknown === 0 ? '' : `, ${unknown} of the ids are no certificate's`
  return `${total - unknown} certificates match${absent}; nothing was done`
}

async function watch(
  cli: Cli,
  { jobId, verb, timeoutSeconds }: { jobId: string; verb: string; timeoutSeconds: number },
): Promise<Job> {
  const read = async () => (await cli.client().getJob({ params: { id: jobId } })).body
  let job = await read()
  if (isEnded(job)) return job
  cli.say(`Job ${jobId} is under way; stop it with: certctl jobs cancel ${jobId}`)
  await pollUntil(cli, { what: `${verb} (job ${jobId})`, timeoutSeconds }, async () => {
    job = await read()
    return { done: isEnded(job), lines: new Map([['certificates', progress(job)]]) }
  })
  return job
}

function isEnded({ status }: Job): boolean {
  return status === 'Completed' || status === 'Failed' || status === 'Cancelled'
}

function progress({ bulk }: Job): string {
  if (bulk === undefined) return 'not begun'
  const { total, done, skipped, failed } = bulk
  return `${done + skipped + failed} of ${total}: ${done} done, ${skipped} passed over, ${failed} failed`
}

function sentence({ id, bulk }: Job, verb: string): string {
  if (bulk === undefined) return id
  const { total, done, skipped, failed } = bulk
  const why = skipped === 0 ? '' : `; why some were passed over: certctl jobs items ${id} --state skipped`
  return `${total} matched: ${verb} ${done}, ${skipped} passed over, ${failed} failed${why}`
}
