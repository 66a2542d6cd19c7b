import { messageOf } from '@certctl/core'
import { appendEntry } from '../audit/append.js'
import type { Services } from '../services.js'

/** One entry of the record per address and minute, however often somebody tries. */
const quietMs = 60_000
const remembered = 10_000

/** Writes refused logins into the record. A stranger must not be able to fill it: what follows within a minute is counted in the next entry. */
export function createRefusedLogins(
  services: Services,
): (refusal: { address: string; path: string; reason: string }) => Promise<void> {
  const seen = new Map<string, { at: number; more: number }>()
  return async ({ address, path, reason }) => {
    const now = services.clock.now().getTime()
    const last = seen.get(address)
    if (last !== undefined && now - last.at < quietMs) {
      last.more += 1
      return
    }
    if (seen.size >= remembered) seen.clear()
    seen.set(address, { at: now, more: 0 })
    try {
      await appendEntry(services, {
        actor: { type: 'System', id: 'public', name: address },
        action: 'auth.refused',
        resource_type: 'api',
        resource_id: path.slice(0, 200),
        details: { address, reason, suppressed: last?.more ?? 0 },
      })
    } catch (error) {
      services.log.error({ address, reason: messageOf(error) }, 'a refused login could not be recorded')
    }
  }
}
