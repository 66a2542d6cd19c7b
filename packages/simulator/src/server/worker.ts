import { messageOf } from '@certctl/core'
import { fulfilOrder } from '../../../../apps/server/src/lifecycle/order/fulfil-order.js'
import type { JobRow } from '../../../../apps/server/src/store/jobs.js'
import { widelyHeard } from '../../../../apps/server/src/widely-heard.js'
import type { World } from '../world.js'

export interface Worker {
  readonly server: string
  /** Looks for work so many seconds from now, or earlier. */
  wake(seconds: number): void
}

const longestWaitSeconds = 6 * 3600
const shortestWaitSeconds = 0.5

/** What a server copy's worker does: claims what is due and works it off, prolonging the leases of what takes longer. */
export function createWorker(world: World, server: string): Worker {
  let nextLook = Number.POSITIVE_INFINITY
  const { signal } = widelyHeard()

  const look = async (): Promise<void> => {
    nextLook = Number.POSITIVE_INFINITY
    const seconds = await secondsToNext(world)
    if (seconds > 0) return wake(seconds)
    for (const job of await claim(world, server)) await start(world, job, signal)
    wake(shortestWaitSeconds)
  }
  const wake = (seconds: number): void => {
    const ms = Math.round(world.agenda.now() + seconds * 1000)
    if (ms >= nextLook) return
    nextLook = ms
    world.agenda.at(ms, async () => {
      if (nextLook === ms) await look()
    })
  }
  return { server, wake }
}

async function claim({ services }: World, server: string): Promise<JobRow[]> {
  const now = services.clock.now()
  return await services.store.jobs.claimForServer({
    kinds: ['issue'],
    server,
    now,
    until: new Date(now.getTime() + services.config.job_lease * 1000),
    limit: services.config.renewal_concurrency,
  })
}

async function start(world: World, job: JobRow, signal: AbortSignal): Promise<void> {
  const { lease } = job
  if (lease === null) return
  const { services, activities, journal } = world
  await activities.begin(async () => {
    try {
      await fulfilOrder(services, { ...job, lease }, signal)
    } catch (error) {
      journal.note(`a job of ${job.certificate_id} ended without a result: ${messageOf(error)}`)
    }
  })
}

/** Zero: something is due. */
async function secondsToNext({ services, sql }: World): Promise<number> {
  const now = services.clock.now()
  const [row] = await sql.rows<{ at: Date | null }>(
    `select least(
       (select min(run_at) from jobs where kind = 'issue' and state = 'ready'),
       (select min(locked_until) from jobs where kind = 'issue' and state = 'active')) as at`,
  )
  if (row?.at == null) return longestWaitSeconds
  const seconds = (row.at.getTime() - now.getTime()) / 1000
  return seconds <= 0 ? 0 : Math.min(seconds + shortestWaitSeconds, longestWaitSeconds)
}
