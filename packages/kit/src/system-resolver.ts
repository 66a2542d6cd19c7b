import { Resolver } from 'node:dns/promises'
import { CertctlError, type DnsQuestion, messageOf } from '@certctl/core'
import { errnoOf } from './errno.js'

type Answer = (resolver: Resolver, name: string) => Promise<readonly string[]>

/** The platform's resolver cannot ask for DS. */
const answers: Readonly<Partial<Record<DnsQuestion['type'], Answer>>> = {
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
    if (['ENOTFOUND', 'ENODATA'].includes(errnoOf(cause))) return []
    if (signal?.aborted) throw new CertctlError('aborted', `The question for ${name} was interrupted`, { cause })
    throw new CertctlError('upstream_unavailable', `No answer for ${name} (${type}): ${messageOf(cause)}`, { cause })
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}
