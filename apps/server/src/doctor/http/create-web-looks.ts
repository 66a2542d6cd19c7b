import { randomBytes } from 'node:crypto'
import { messageOf } from '@certctl/core'
import { type AddressPolicy, resolveAllowed } from '@certctl/kit'
import { atMost } from '../at-most.js'
import type { Visit, WebLook, WebLooks } from '../looks.js'
import { once } from '../once.js'
import { getOnce } from './get-once.js'

export interface WebSurroundings {
  /** Where the two schemes are really listened for: 80 and 443. */
  ports: { http: number; https: number }
  addresses: AddressPolicy
  reachOf: WebLooks['reachOf']
}

/** At once: a name may have thousands of addresses. */
const mostVisits = 32

/** Visits to the name that is asked about, on the two ports of the web, and to nothing else. */
export function createWebLooks(
  { ports, addresses, reachOf }: WebSurroundings,
  { host, signal }: { host: string; signal: AbortSignal },
): WebLooks {
  const token = `certctl-doctor-${randomBytes(18).toString('base64url')}`
  const inTurn = atMost(mostVisits)
  const visit = async ({ address, scheme, path }: Visit): Promise<WebLook> => {
    try {
      await resolveAllowed(address, addresses)
    } catch (error) {
      return { state: 'unseen', reason: messageOf(error) }
    }
    return await inTurn(() => getOnce({ scheme, address, port: ports[scheme], host, path, token, signal }))
  }
  return { token, reachOf, visit: once(visit) }
}
