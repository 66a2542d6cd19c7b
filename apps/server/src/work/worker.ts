import { messageOf } from '@certctl/core'
import { runBulk } from '../lifecycle/bulk/run-bulk.js'
import { fulfilOrder } from '../lifecycle/order/fulfil-order.js'
import type { Services } from '../services.js'
import type { ClaimedJob } from '../store/job-claims.js'
import type { JobRow } from '../store/jobs.js'
import { widelyHeard } from '../widely-heard.js'
import { createLeaseKeeper, type LeaseKeeper } from './lease-keeper.js'
import { type Room, roomBeside } from './room-beside.js'
import { type AwaitedWake, waitForWake } from './wait-for-wake.js'

/** The server's own kinds. It never claims what an agent does. */
const kinds = ['issue', 'bulk'] as const

/** Passing over what is due for one issuer may be to read thousands of rows: it is done once a second, and takes a twentieth of the time at most. */
const passOverMs = 1000
const passOverShare = 20

export interface Workers {
  /** Claims nothing more, lets what is under way end, and interrupts it where that takes too long. */
  stop(): Promise<void>
}

interface Work {
  services: Services
  /** By lease. */
  running: Map<string, Running>
  /** When issuers that have all they may are passed over again, by `performance.now()`. */
  passOverAt: number
  keeper: LeaseKeeper
  /** No more claims. */
  stopping: AbortSignal
  /** What is under way shall end. */
  interrupted: AbortSignal
}

interface Running {
  /** Empty where the job has none. */
  issuer: string
  ended: Promise<void>
}

/** Starts this copy's share of the work. Other copies claim from the same table; a lease is one's until it runs out. */
export function startWorkers(services: Services): Workers {
  const stopping = new AbortController()
  const interrupted = widelyHeard()
  const keeper = createLeaseKeeper(services, services.config.job_lease)
  const work: Work = {
    services,
    running: new Map(),
    passOverAt: 0,
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
      await Promise.all(ends(work))
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
      if (claimed.length === 0) await idle(work, wake)
    } catch (error) {
      services.log.error({ reason: messageOf(error) }, 'jobs could not be claimed')
      await wake.wait(services.config.scheduler_job_processor_interval)
    } finally {
      wake.close()
    }
  }
}

function roomOf({ services, running }: Work): Room {
  const underWay = [...running.values()].map(({ issuer }) => issuer)
  return roomBeside(underWay, services.config.renewal_concurrency)
}

function ends({ running }: Work): Promise<void>[] {
  return [...running.values()].map(({ ended }) => ended)
}

async function claim(work: Work): Promise<ClaimedJob[]> {
  const { services } = work
  const { limit, except } = roomOf(work)
  const began = performance.now()
  if (limit === 0 || (except.length > 0 && began < work.passOverAt)) return []
  const now = services.clock.now()
  const claimed = await services.store.jobs.claimForServer({
    kinds,
    server: services.server.id,
    now,
    until: new Date(now.getTime() + services.config.job_lease * 1000),
    limit,
    except,
  })
  const took = performance.now() - began
  if (except.length > 0) work.passOverAt = began + Math.max(passOverMs, passOverShare * took)
  return claimed
}

/** Until a slot is free, somebody says that there is work, or it is time to look: a wake-up may be lost. */
async function idle(work: Work, wake: AwaitedWake): Promise<void> {
  const { limit, except } = roomOf(work)
  if (limit === 0) return await Promise.race(ends(work))
  if (except.length === 0) return await wake.wait(work.services.config.scheduler_job_processor_interval)
  const seconds = Math.max(0, work.passOverAt - performance.now()) / 1000
  await Promise.race([...ends(work), wake.wait(seconds)])
}

function start(work: Work, job: ClaimedJob): void {
  const { lease, issuer_id } = job
  if (lease === null) return
  const ended = run(work, { ...job, lease }).finally(() => work.running.delete(lease))
  work.running.set(lease, { issuer: issuer_id ?? '', ended })
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
