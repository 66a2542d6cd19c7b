import { createHash } from 'node:crypto'
import { CertctlError } from '@certctl/core'
import type { Account } from '../account/open-account.js'
import type { Acme } from '../acme.js'
import type { Authorization } from '../order/order.js'
import type { Published } from '../order/progress.js'
import { shown } from '../transport/problem.js'
import { type Chosen, domainOf, isWildcard } from './choose.js'
import { delegatedName } from './delegated-name.js'
import { isIssuerDomain, type PersistRecord, persistValueOf } from './persist-record.js'

export interface Question {
  account: Account
  authorization: Authorization
  challenge: Chosen
  signal: AbortSignal
}

/** What is to be published for one challenge, and where. The same question has the same answer while the account key is the same. */
export async function answerFor(acme: Acme, question: Question): Promise<Published> {
  const { authorization, challenge, account, signal } = question
  const common = { authorization: authorization.url, at: acme.host.now().toISOString() }
  const domain = domainOf(authorization)
  if (challenge.type === 'dns-persist-01') {
    const name = await delegatedName(acme, `_validation-persist.${domain}`, signal)
    return {
      ...common,
      kind: 'dns',
      name,
      value: persistValueOf(persistRecordOf(acme, question)),
      domain,
      stands: true,
    }
  }
  const token = tokenOf(challenge)
  const keyAuthorization = `${token}.${account.signer.thumbprint}`
  if (challenge.type === 'dns-01') {
    const name = await delegatedName(acme, `_acme-challenge.${domain}`, signal)
    const value = createHash('sha256').update(keyAuthorization).digest('base64url')
    return { ...common, kind: 'dns', name, value, domain, token, stands: false }
  }
  const { challenge_by, http_port, tls_alpn_port } = acme.config
  const port = challenge.type === 'http-01' ? http_port : tls_alpn_port
  const place = { by: challenge_by, name: domain, port, token, key_authorization: keyAuthorization }
  return { ...common, kind: challenge.type, ...place }
}

/** RFC 8555 §8.1: base64url. Anything else could name a file or an address where it is served. */
function tokenOf({ token, type }: Chosen): string {
  if (token !== undefined && /^[A-Za-z0-9_-]{1,256}$/.test(token)) return token
  throw new CertctlError('upstream_protocol', `The ACME server gave a ${type} challenge without a usable token`)
}

/** What the record must say: the CA's own domain names stand in the challenge, ours is a preference and a check. Throws `config_invalid` with the list. */
export function persistRecordOf({ config }: Acme, { challenge, account, authorization }: Question): PersistRecord {
  const offered = challenge['issuer-domain-names'] ?? []
  const wished = config.dns_persist_issuer_domain
  const issuerDomain = wished === undefined ? offered[0] : offered.find((name) => name.toLowerCase() === wished)
  if (issuerDomain === undefined)
    throw new CertctlError(
      'config_invalid',
      `dns_persist_issuer_domain is ${wished ?? 'not set'}, and the CA names ${offered.join(', ') || 'no domain'} in its challenge`,
    )
  requireOurs(challenge, account, issuerDomain)
  const until = config.dns_persist_until
  return {
    issuerDomain,
    accountUri: account.url,
    coversWildcard: isWildcard(authorization),
    persistUntil: until === undefined ? undefined : Math.floor(Date.parse(until) / 1000),
  }
}

/** The record lets one account at one CA order for as long as it stands: whoever runs this CA must not have it name another account, at another CA even. */
function requireOurs({ accounturi }: Chosen, { url }: Account, issuerDomain: string): void {
  if (!isIssuerDomain(issuerDomain))
    throw new CertctlError(
      'upstream_protocol',
      'The ACME server names itself by something that is no domain; no standing record is written',
    )
  if (accounturi === undefined || accounturi === url) return
  throw new CertctlError(
    'upstream_protocol',
    `The ACME server asks for a standing record for the account ${shown(accounturi).slice(0, 200)}, and ours is ${url}; it is not written`,
  )
}
