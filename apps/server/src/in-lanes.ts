import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '@certctl/core'
import type { Services } from './services.js'

export interface Lanes<Item> {
  /** For the log: what is done. */
  what: string
  /** Claims the next one of a lane that is not full; none: nothing is due there. */
  take(full: readonly string[]): Promise<Item | undefined>
  /** Whom it is asked of: an issuer, a channel. */
  laneOf(item: Item): string
  work(item: Item): Promise<void>
  /** In all; beyond it a lane in which nothing is under way still gets one. */
  atOnce: number
  perLane: number
  signal: AbortSignal
}

// What becomes due elsewhere while one lane waits for its answer starts this soon; looking past what is due in full lanes may take long.
const lookMs = 1000
const lookShare = 20

/** Works off what is due, so much at once and so much of one lane, until nothing is: sides that do not answer fill their own lanes and hold up no other, however many they are. */
export async function inLanes<Item>(services: Pick<Services, 'log'>, lanes: Lanes<Item>): Promise<void> {
  const underWay = new Map<Promise<void>, string>()
  const take = paced(lanes)
  // A pace of its own: that there is no other lane does not keep those that answer from going on.
  const takeBeyond = paced(lanes)
  try {
    while (!lanes.signal.aborted) {
      const before = underWay.size
      const look = before < lanes.atOnce ? take : takeBeyond
      const item = await look(fullOf([...underWay.values()], lanes))
      if (item !== undefined) {
        const done = attempt(services, lanes, item).finally(() => underWay.delete(done))
        underWay.set(done, lanes.laneOf(item))
      } else if (before === 0) return
      // What ended meanwhile may have made more due.
      else if (underWay.size === before) await oneOf([...underWay.keys()])
    }
  } finally {
    await Promise.all(underWay.keys())
  }
}

/** What is due in lanes that are full is passed over once in a while only: it is read each time, however much it is. */
function paced<Item>({ take }: Lanes<Item>): Lanes<Item>['take'] {
  let nextAt = 0
  return async (full) => {
    if (full.length === 0) return await take(full)
    const began = performance.now()
    if (began < nextAt) return undefined
    const item = await take(full)
    const took = performance.now() - began
    if (item === undefined) nextAt = began + Math.max(lookMs, lookShare * took)
    return item
  }
}

function fullOf<Item>(busy: readonly string[], { atOnce, perLane }: Lanes<Item>): string[] {
  const most = busy.length < atOnce ? perLane : 1
  return [...new Set(busy)].filter((lane) => busy.filter((other) => other === lane).length >= most)
}

/** Until one of them ends, or it is time to look again. */
async function oneOf(underWay: readonly Promise<void>[]): Promise<void> {
  const over = new AbortController()
  const soon = pause(lookMs, undefined, { signal: over.signal, ref: false }).catch(() => undefined)
  await Promise.race([...underWay, soon])
  over.abort()
}

async function attempt<Item>({ log }: Pick<Services, 'log'>, { what, work }: Lanes<Item>, item: Item): Promise<void> {
  try {
    await work(item)
  } catch (error) {
    log.error({ what, reason: messageOf(error) }, 'it failed, and is tried again when it is due again')
  }
}
