import type { Looks, WebLook } from '../looks.js'
import type { Subject } from '../subject.js'
import { addressesOf } from './addresses-of.js'

export interface FirstVisit {
  address: string
  look: WebLook
}

/** Where a CA would look for the token `token`. */
export function challengePath({ token }: Looks): string {
  return `/.well-known/acme-challenge/${token}`
}

/** What a CA meets at each address when it begins to validate; nothing where the addresses are not known, or the method does not connect. */
export async function firstVisits(looks: Looks, subject: Subject): Promise<FirstVisit[]> {
  const found = await addressesOf(looks, subject)
  if (!found.known) return []
  const scheme = subject.method === 'http-01' ? 'http' : 'https'
  return await Promise.all(
    [...found.v4, ...found.v6].map(async (address) => ({
      address,
      look: await looks.visit({ address, scheme, path: challengePath(looks) }),
    })),
  )
}

/** Whether nothing answers there. */
function isShut({ state }: WebLook): boolean {
  return state === 'closed' || state === 'filtered'
}

/** An IPv6 address that is shut while an IPv4 address answers: told as one fault of its own. */
export function staleV6(visits: readonly FirstVisit[]): FirstVisit[] {
  const isV6 = ({ address }: FirstVisit) => address.includes(':')
  const answers = visits.some((visit) => !isV6(visit) && visit.look.state === 'answered')
  return answers ? visits.filter((visit) => isV6(visit) && isShut(visit.look)) : []
}
