import { messageOf } from '@certctl/core'
import { runBulk } from '../lifecycle/bulk/run-bulk.js'
import { fulfilOrder } from '../lifecycle/order/fulfil-order.js'
import type { Services } from '../services.js'
import type { JobRow } from '../store/jobs.js'
import { widelyHeard } from '../widely-heard.js'
import { createLeaseKeeper, type LeaseKeeper } from './lease-keeper.js'
import { type AwaitedWake, waitForWake } from './wait-for-wake.js'

/** The server's own kinds. It never claims what an agent does. */
const kinds = ['issue', 'bulk'] as const

export interface Workers {
  /** Claims nothing more, lets what is under way end, and interrupts it where that takes too long. */
  stop(): Promise<void>
}

interface Work {
  services: Services
  running: Map<string, Promise<void>>
  keeper: LeaseKeeper
  /** No more claims. */
  stopping: AbortSignal
  /** What is under way shall end. */
  interrupted: AbortSignal
}

/** Starts this copy's share of the work. Other copies claim from the same table; a lease is one's until it runs out. */
export function startWorkers(services: Services): Workers {
  const stopping = new AbortController()
  const interrupted = widelyHeard()
  const keeper = createLeaseKeeper(services, services.config.job_lease)
  const work: Work = {
    services,
    running: new Map(),
    keeper,
    stopping: stopping.signal,
    interrupted: interrupted.signal,
  }
  const loop = claimUntilStopped(work)
  return {
    async stop() {
      stopping.abort()
      const timer = setTimeout(() => interrupted.abort(), services.config.shutdown_timeout * 500)
      await loop
      await Promise.all(work.running.values())
      clearTimeout(timer)
      keeper.close()
    },
  }
}

async function claimUntilStopped(work: Work): Promise<void> {
  const { services, stopping } = work
  while (!stopping.aborted) {
    const wake = waitForWake(services, { channel: 'work', signal: stopping })
    try {
      const claimed = await claim(work)
      for (const job of claimed) start(work, job)
      if (claimed.length === 0 || isFull(work)) await idle(work, wake)
    } catch (error) {
      services.log.error({ reason: messageOf(error) }, 'jobs could not be claimed')
      await wake.wait(services.config.scheduler_job_processor_interval)
    } finally {
      wake.close()
    }
  }
}

function isFull({ services, running }: Work): boolean {
  return running.size >= services.config.renewal_concurrency
}

async function claim({ services, running }: Work): Promise<JobRow[]> {
  const free = services.config.renewal_concurrency - running.size
  if (free <= 0) return []
  const now = services.clock.now()
  return await services.store.jobs.claimForServer({
    kinds,
    server: services.server.id,
    now,
    until: new Date(now.getTime() + services.config.job_lease * 1000),
    limit: free,
  })
}

/** Until a slot is free, somebody says that there is work, or it is time to look: a wake-up may be lost. */
async function idle(work: Work, wake: AwaitedWake): Promise<void> {
  if (isFull(work)) await Promise.race(work.running.values())
  else await wake.wait(work.services.config.scheduler_job_processor_interval)
}

function start(work: Work, job: JobRow): void {
  const { lease } = job
  if (lease === null) return
  const done = run(work, { ...job, lease }).finally(() => work.running.delete(lease))
  work.running.set(lease, done)
}

/** Never rejects: a job that fails here keeps its row, and its lease runs out. */
async function run({ services, keeper, interrupted }: Work, job: JobRow & { lease: string }): Promise<void> {
  const release = keeper.keep(job.lease)
  try {
    const work = job.kind === 'bulk' ? runBulk : fulfilOrder
    await work(services, job, interrupted)
  } catch (error) {
    services.log.error({ job: job.id, reason: messageOf(error) }, 'a job ended without a result; it is tried again')
  } finally {
    release()
  }
}
