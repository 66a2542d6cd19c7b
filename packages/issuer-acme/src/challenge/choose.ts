import type { Acme } from '../acme.js'
import { writesDns } from '../config.js'
import type { Authorization, Challenge } from '../order/order.js'

/** A challenge of a kind that can be answered here. */
export type Chosen = Challenge & { url: string; type: Kind }
export type Kind = 'http-01' | 'dns-01' | 'dns-persist-01' | 'tls-alpn-01'

/** The way to prove a name, the configured one first; text where there is none. */
export function chooseChallenge(acme: Acme, authorization: Authorization): Chosen | string {
  const kinds = kindsFor(acme, authorization)
  for (const kind of kinds) {
    const found = authorization.challenges.find(({ type }) => type === kind)
    if (found?.url === undefined) continue
    if (kind === 'dns-01' && kinds[0] === 'dns-persist-01') warnOfFallback(acme, authorization)
    return { ...found, url: found.url, type: kind }
  }
  const offered = [...new Set(authorization.challenges.map(({ type }) => type))]
  return `${nameOf(authorization)} is to be proven by ${kinds.join(' or ')}, and the CA offers ${offered.join(', ') || 'nothing'}; set challenge_type to one of these`
}

function kindsFor({ config }: Acme, { identifier, wildcard }: Authorization): readonly [Kind, ...Kind[]] {
  const { challenge_type } = config
  if (identifier.type === 'ip') return [challenge_type === 'tls-alpn-01' ? 'tls-alpn-01' : 'http-01']
  if (challenge_type === 'dns-persist-01') return ['dns-persist-01', 'dns-01']
  return isWildcard({ identifier, wildcard }) ? ['dns-01'] : [challenge_type]
}

/** The record of the standing kind needs no clean-up; the one it falls back to does. */
function warnOfFallback({ config, host }: Acme, authorization: Authorization): void {
  const name = nameOf(authorization)
  host.log.info('the CA does not offer dns-persist-01; the name is proven by dns-01', { name })
  if (writesDns(config) && config.dns_present_script !== undefined && config.dns_cleanup_script === undefined)
    host.log.warn('dns-01 leaves its record behind: set dns_cleanup_script', { name })
}

export function isWildcard({ identifier, wildcard }: Pick<Authorization, 'identifier' | 'wildcard'>): boolean {
  return wildcard === true || identifier.value.startsWith('*.')
}

/** The name without `*.`: where its record is. */
export function domainOf({ identifier }: Pick<Authorization, 'identifier'>): string {
  return identifier.value.replace(/^\*\./, '').toLowerCase()
}

function nameOf(authorization: Authorization): string {
  return `${isWildcard(authorization) ? '*.' : ''}${domainOf(authorization)}`
}
