import { loops } from '../../../../apps/server/src/schedule/index.js'
import type { Loop } from '../../../../apps/server/src/schedule/loop.js'
import { isOut } from '../outages.js'
import type { World } from '../world.js'
import { askForWindows } from './ask-for-windows.js'
import { skipIdleLooks } from './skip-idle-looks.js'
import { tellOfRevocations } from './tell-of-revocations.js'

const hour = 3600

/**
 * How often loops run here, in virtual seconds. In production they look every few seconds or minutes; what is due, and when it may be
 * tried again, are times in the rows, so that looking more seldom only makes everything later by that much.
 */
const intervals: Readonly<Record<string, number>> = {
  'due-renewals': 2 * hour,
  'due-verifications': 2 * hour,
  'ending-certificates': 2 * hour,
  'expired-leases': 4 * hour,
  'reconcile-placements': 4 * hour,
  'renewal-info': 4 * hour,
  'silent-agents': 2 * hour,
  'unconfirmed-revocations': 4 * hour,
  'audit-checkpoint': 24 * hour,
  purge: 24 * hour,
  'reconcile-inventory': 96 * hour,
}
const otherwise = 6 * hour
/** The whole record is verified at the end instead. */
const left: readonly string[] = ['audit-verification']

/** The server's own schedules, each as whichever copy comes first would run it. */
export function startLoops(world: World): void {
  const signal = new AbortController().signal
  const random = world.random.fork('loops')
  for (const loop of loops) {
    if (left.includes(loop.name) || world.tampering.isRun?.(loop) === false) continue
    const seconds = Math.max(intervals[loop.name] ?? otherwise, loop.everySeconds(world.services))
    world.agenda.after(random.between(1, seconds), async () => await run(world, { loop, seconds, signal }))
  }
}

async function run(world: World, turn: { loop: Loop; seconds: number; signal: AbortSignal }): Promise<void> {
  const { loop, seconds, signal } = turn
  if (loop.name === 'silent-agents') await beat(world)
  if (loop.name === 'due-verifications') await skipIdleLooks(world)
  await world.activities.begin(async () => {
    if (loop.name === 'renewal-info') await askForWindows(world, signal)
    else if (loop.name === 'unconfirmed-revocations') await tellOfRevocations(world, signal)
    else await loop.run(world.services, signal)
  })
  world.agenda.after(seconds, async () => await run(world, turn))
}

/** Agents that are up send a heartbeat every minute; here they all do so when somebody is about to look. */
async function beat({ agents, agenda, services }: World): Promise<void> {
  const at = services.clock.now()
  const up = [...agents.values()].filter(({ outages }) => !isOut(outages, agenda.now()))
  await services.store.agents.recordBeats(up.map(({ id }) => ({ id, at })))
}
