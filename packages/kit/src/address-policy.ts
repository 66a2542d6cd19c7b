import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { CertctlError, messageOf } from '@certctl/core'
import ipaddr from 'ipaddr.js'

/** `public-only`: for addresses that people enter. `scan`: private networks too, but not this machine, its links, or groups. */
export type AddressPolicy = 'any' | 'public-only' | 'scan'

const allowedRanges: Readonly<Record<Exclude<AddressPolicy, 'any'>, readonly string[]>> = {
  'public-only': ['unicast'],
  scan: ['unicast', 'private', 'uniqueLocal', 'carrierGradeNat'],
}

/** The addresses of a host, in the system's order; connect to one of them, since a second look-up might differ. Rejects `policy_denied` when any is not allowed, `upstream_unavailable` when there is none. */
export async function resolveAllowed(host: string, policy: AddressPolicy): Promise<readonly string[]> {
  const addresses = isIP(host) === 0 ? await lookUp(host) : [host]
  if (policy === 'any') return addresses
  const refused = addresses.find((address) => !isAllowed(address, policy))
  if (refused !== undefined)
    throw new CertctlError(
      'policy_denied',
      `${host} leads to ${refused}, an address that may not be contacted from here`,
    )
  return addresses
}

function isAllowed(address: string, policy: Exclude<AddressPolicy, 'any'>): boolean {
  // `process` sees an IPv4 address through its IPv6 form. Every name of a special range is refused unless listed: new ones too.
  const [plain = ''] = address.split('%')
  return allowedRanges[policy].includes(ipaddr.process(plain).range())
}

async function lookUp(host: string): Promise<string[]> {
  try {
    const found = await lookup(host, { all: true })
    return found.map(({ address }) => address)
  } catch (cause) {
    throw new CertctlError('upstream_unavailable', `The name ${host} cannot be resolved: ${messageOf(cause)}`, {
      cause,
    })
  }
}
