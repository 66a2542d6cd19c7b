import { CertctlError } from '@certctl/core'
import type { Acme } from '../acme.js'

const longestWay = 8

/** Where the record is to be written: the end of the CNAMEs that begin at `name` (a zone kept elsewhere, acme-dns), or `name` itself. */
export async function delegatedName({ config, host }: Acme, name: string, signal: AbortSignal): Promise<string> {
  const seen = [name]
  for (let hop = 1; hop <= longestWay; hop += 1) {
    const at = seen.at(-1) ?? name
    const [found] = await host.resolve({ name: at, type: 'CNAME', servers: config.dns_resolvers, signal })
    const target = found?.replace(/\.$/, '').toLowerCase()
    if (target === undefined || target === '') return at
    if (seen.includes(target)) break
    seen.push(target)
  }
  throw new CertctlError(
    'upstream_rejected',
    `The CNAMEs of ${name} lead nowhere (${seen.join(' → ')}); correct them in DNS`,
  )
}
