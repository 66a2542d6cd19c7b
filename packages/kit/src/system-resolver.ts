import { Resolver } from 'node:dns/promises'
import { CertctlError, type DnsQuestion, messageOf } from '@certctl/core'

type Answer = (resolver: Resolver, name: string) => Promise<readonly string[]>

const answers: Readonly<Record<DnsQuestion['type'], Answer | undefined>> = {
  A: (resolver, name) => resolver.resolve4(name),
  AAAA: (resolver, name) => resolver.resolve6(name),
  CNAME: (resolver, name) => resolver.resolveCname(name),
  NS: (resolver, name) => resolver.resolveNs(name),
  TXT: async (resolver, name) => (await resolver.resolveTxt(name)).map((parts) => parts.join('')),
  async SOA(resolver, name) {
    const { nsname, hostmaster, serial, refresh, retry, expire, minttl } = await resolver.resolveSoa(name)
    return [[nsname, hostmaster, serial, refresh, retry, expire, minttl].join(' ')]
  },
  async CAA(resolver, name) {
    const records = await resolver.resolveCaa(name)
    return records.map(({ critical, ...tags }) => {
      const [tag, value] = Object.entries(tags).find(([key]) => key !== 'type') ?? []
      return `${critical} ${tag} ${JSON.stringify(value)}`
    })
  },
  DS: undefined, // the platform's resolver cannot ask for it
}

/** Asks once over the system's resolvers, or the given ones (`address` or `address:port`). Text forms; no such name or record is an empty list. */
export async function resolveDns({ name, type, servers, signal }: DnsQuestion): Promise<readonly string[]> {
  const answer = answers[type]
  if (answer === undefined)
    throw new CertctlError('unsupported', `DNS records of type ${type} cannot be asked for here`)
  if (signal?.aborted) throw new CertctlError('aborted', `The question for ${name} was interrupted`)
  const resolver = new Resolver({ timeout: 5000, tries: 2 })
  if (servers !== undefined) resolver.setServers([...servers])
  const cancel = () => resolver.cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    return await answer(resolver, name)
  } catch (cause) {
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
    if (code === 'ENOTFOUND' || code === 'ENODATA') return []
    if (signal?.aborted) throw new CertctlError('aborted', `The question for ${name} was interrupted`, { cause })
    const text = `The name servers did not answer for ${name} (${type}): ${messageOf(cause)}`
    throw new CertctlError('upstream_unavailable', text, { cause })
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}
