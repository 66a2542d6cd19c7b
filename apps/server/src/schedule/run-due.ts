import { messageOf } from '@certctl/core'
import type { Services } from '../services.js'
import type { Loop } from './loop.js'

// Towards later: copies and loops that started together shall not run together for ever.
const jitter = 0.1

/** Runs a loop if it is due and no other copy was faster. A run that fails is logged; the next one comes when it is due. Returns whether it ran. */
export async function runDue(services: Services, loop: Loop, signal: AbortSignal): Promise<boolean> {
  // Another copy can do it.
  if (services.sealing.refusal() !== undefined) return false
  const now = services.clock.now()
  const seconds = loop.everySeconds(services) * (1 + jitter * services.chance.random())
  const isOurs = await services.store.schedule.take({
    name: loop.name,
    now,
    nextAt: new Date(now.getTime() + seconds * 1000),
  })
  if (!isOurs) return false
  try {
    await loop.run(services, signal)
  } catch (error) {
    services.log.error({ loop: loop.name, reason: messageOf(error) }, 'a scheduled run failed')
  }
  return true
}
