import type { Job } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Cli } from '../cli.js'
import { pollUntil } from './poll-until.js'

const ended: readonly Job['status'][] = ['Completed', 'Failed', 'Cancelled']

/** Until every one of these jobs has ended; rejects when one of them failed or was cancelled. */
export async function waitForJobs(
  cli: Cli,
  { ids, what, timeoutSeconds }: { ids: readonly string[]; what: string; timeoutSeconds: number },
): Promise<void> {
  await pollUntil(cli, { what, timeoutSeconds }, async () => {
    const jobs = await Promise.all(ids.map(async (id) => (await cli.client().getJob({ params: { id } })).body))
    const lost = jobs.find(({ status }) => status === 'Failed' || status === 'Cancelled')
    if (lost !== undefined)
      throw new CertctlError('deploy_failed', `Job ${lost.id}: ${lost.last_error ?? lost.status.toLowerCase()}`)
    const lines = new Map(
      jobs.map((job) => [
        job.target_id ?? job.id,
        job.last_error === undefined ? job.status : `${job.status} (${job.last_error})`,
      ]),
    )
    return { done: jobs.every(({ status }) => ended.includes(status)), lines }
  })
}
