import { CertctlError, type Host, isCertctlError } from '@certctl/core'
import { canonicalDnsName } from '@certctl/pki'
import type { Account } from './account.js'

const mostHops = 8
/** How long an operator may take for the record before the order asks again. */
const retryAfterSeconds = 300

/** `found`: the name leads to the registration; `missing`: it does not; `unknown`: the resolver failed. */
export type Alias = 'found' | 'missing' | 'unknown'

/** Follows CNAME records from a name to the registration. */
export async function lookUpAlias(
  name: string,
  { fulldomain }: Account,
  { host, signal }: { host: Pick<Host, 'resolve' | 'log'>; signal: AbortSignal },
): Promise<Alias> {
  let at = name
  for (let hop = 0; hop <= mostHops; hop += 1) {
    if (at === fulldomain) return 'found'
    try {
      const [next] = await host.resolve({ name: at, type: 'CNAME', signal })
      if (next === undefined) return 'missing'
      at = canonicalDnsName(next)
    } catch (error) {
      if (!isCertctlError(error) || error.code === 'aborted') throw error
      host.log.warn('the CNAME record could not be looked up', { name: at, reason: error.message })
      return 'unknown'
    }
  }
  return 'missing'
}

/** The record to create, as a zone file has it. */
export function aliasRecord(name: string, { fulldomain }: Account): string {
  return `${name}. CNAME ${fulldomain}.`
}

export function missingAlias(name: string, account: Account): CertctlError {
  return new CertctlError(
    'upstream_unavailable',
    `${name} does not lead to acme-dns yet. Create this record once, and it goes on by itself: ${aliasRecord(name, account)}`,
    { retryAfterSeconds },
  )
}
