import { performance } from 'node:perf_hooks'
import { messageOf } from '@certctl/core'
import type { Clock } from './clock.js'

export interface AlignedClockOptions {
  /** The database's time. */
  measure(): Promise<Date>
  log: { warn(fields: object, message: string): void }
  /** Milliseconds that only ever grow, and stand still while the machine sleeps. */
  monotonicMs?: (() => number) | undefined
  /** The machine's own idea of the time, right or wrong. */
  wallMs?: (() => number) | undefined
}

export interface AlignedClock extends Clock {
  /** Measures again; a database that does not answer leaves the clock as it is. */
  align(): Promise<void>
  close(): void
}

interface Anchor {
  databaseMs: number
  monotonicMs: number
  /** Wall minus monotonic time when this was measured. */
  offsetMs: number
  /** How far what was said before is ahead of what was measured. */
  aheadMs: number
}

const samples = 3
const divergenceMs = 1000
const lookEveryMs = 1000
const measureEveryMs = 600_000

/**
 * Time of the database, carried on by the monotonic clock: copies with wrong clocks agree, and a step of the machine's clock moves nothing.
 * Measured again when wall and monotonic time part by a second (a step, or the machine slept), and every ten minutes. Never goes back:
 * what it is ahead is taken off at half speed.
 */
export async function createAlignedClock(options: AlignedClockOptions): Promise<AlignedClock> {
  const { measure, log, monotonicMs = () => performance.now(), wallMs = () => Date.now() } = options
  const read = async (): Promise<Anchor> => await measureAnchor({ measure, monotonicMs, wallMs })
  let anchor = await read()
  let measuring: Promise<void> | undefined

  const timeMs = (): number => timeAt(anchor, monotonicMs())
  const align = (): Promise<void> => {
    measuring ??= realign().finally(() => {
      measuring = undefined
    })
    return measuring
  }
  async function realign(): Promise<void> {
    try {
      const measured = await read()
      const behind = timeMs() - timeAt(measured, monotonicMs())
      if (behind > divergenceMs)
        log.warn({ behindMs: behind }, 'the database is behind what it said before; time runs at half speed')
      anchor = { ...measured, aheadMs: Math.max(0, behind) }
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'the time of the database could not be measured')
    }
  }

  const look = setInterval(() => {
    const drift = Math.abs(wallMs() - monotonicMs() - anchor.offsetMs)
    if (drift >= divergenceMs || monotonicMs() - anchor.monotonicMs >= measureEveryMs) void align()
  }, lookEveryMs).unref()

  return { now: () => new Date(timeMs()), align, close: () => clearInterval(look) }
}

function timeAt({ databaseMs, monotonicMs, aheadMs }: Anchor, nowMs: number): number {
  const elapsed = nowMs - monotonicMs
  return Math.floor(databaseMs + elapsed + Math.max(0, aheadMs - elapsed / 2))
}

interface Clocks {
  measure(): Promise<Date>
  monotonicMs(): number
  wallMs(): number
}

/** Of three samples the one with the shortest way there and back: it is nearest to the truth. */
async function measureAnchor(clocks: Clocks): Promise<Anchor> {
  let best = await sampleOf(clocks)
  for (let more = 1; more < samples; more++) {
    const sample = await sampleOf(clocks)
    if (sample.tripMs < best.tripMs) best = sample
  }
  return best.anchor
}

async function sampleOf({ measure, monotonicMs, wallMs }: Clocks): Promise<{ tripMs: number; anchor: Anchor }> {
  const before = monotonicMs()
  const databaseMs = (await measure()).getTime()
  const after = monotonicMs()
  const anchor = { databaseMs, monotonicMs: (before + after) / 2, offsetMs: wallMs() - after, aheadMs: 0 }
  return { tripMs: after - before, anchor }
}
