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

/** Passing over what is due for one issuer may be to read thousands of rows: after each time there is a pause of a second, or of twenty times as long as it took. */
const shortestPauseMs = 1000
const pauseShare = 20
const longestPauseMs = 30_000

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
  /** Told of each job that ends. */
  onEnd: () => void
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
    onEnd: () => undefined,
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
      await Promise.all([...work.running.values()].map(({ ended }) => ended))
      clearTimeout(timer)
      keeper.close()
    },
  }
}

async function claimUntilStopped(work: Work): Promise<void> {
  const { services, stopping } = work
  while (!stopping.aborted) {
    const wake = waitForWake(services, { channel: 'work', signal: stopping })
    const end = new Promise<void>((resolve) => {
      work.onEnd = resolve
    })
    const room = roomOf(work)
    try {
      const claimed = await claim(work, room)
      for (const job of claimed) start(work, job)
      if (claimed.length === 0) await idle(work, { room, wake, end })
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

async function claim(work: Work, { limit, except }: Room): Promise<ClaimedJob[]> {
  const { services } = work
  const began = performance.now()
  if (limit === 0 || (except.length > 0 && began < work.passOverAt)) return []
  if (services.sealing.refusal() !== undefined) {
    // What a CA answers could not be kept; another copy can.
    work.passOverAt = began + shortestPauseMs
    return []
  }
  const now = services.clock.now()
  try {
    return await services.store.jobs.claimForServer({
      kinds,
      server: services.server.id,
      now,
      until: new Date(now.getTime() + services.config.job_lease * 1000),
      limit,
      except,
    })
  } finally {
    if (except.length > 0) work.passOverAt = performance.now() + pauseAfter(performance.now() - began)
  }
}

function pauseAfter(tookMs: number): number {
  return Math.min(Math.max(shortestPauseMs, pauseShare * tookMs), longestPauseMs)
}

/** What happens from the moment at which the room was looked at. */
interface Turn {
  room: Room
  wake: AwaitedWake
  /** Resolves when the first job ends. */
  end: Promise<void>
}

/** Until a slot is free, somebody says that there is work, or it is time to look: a wake-up may be lost. */
async function idle(work: Work, { room, wake, end }: Turn): Promise<void> {
  const { limit, except } = room
  if (limit === 0) return await end
  if (except.length === 0) return await wake.wait(work.services.config.scheduler_job_processor_interval)
  const seconds = Math.max(0, work.passOverAt - performance.now()) / 1000
  await Promise.race([end, wake.wait(seconds)])
}

function start(work: Work, job: ClaimedJob): void {
  const { lease, issuer_id } = job
  if (lease === null) return
  const ended = run(work, { ...job, lease }).finally(() => {
    work.running.delete(lease)
    work.onEnd()
  })
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
