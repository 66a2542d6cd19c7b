import { CertctlError } from '@certctl/core'
import { parseGeneralName } from '@certctl/pki'

export type ChallengeKind = 'http-01' | 'tls-alpn-01'

/** What answers one challenge, checked: see `liveAnswer`. The name is canonical; a token belongs to http-01 alone. */
export interface LiveAnswer {
  readonly kind: ChallengeKind
  readonly name: string
  readonly port: number
  readonly token: string | undefined
  readonly keyAuthorization: string
}

/** RFC 8555 §8.3: base64url without padding. Nothing else may become part of a path. */
const tokenShape = /^[A-Za-z0-9_-]{1,256}$/
/** RFC 8555 §8.1: the token and the SHA-256 thumbprint of an account key. */
const keyAuthorizationShape = /^([A-Za-z0-9_-]{1,256})\.[A-Za-z0-9_-]{43}$/

/** Where CAs come to; a connector names another port where somebody forwards. */
const usualPorts = { 'http-01': 80, 'tls-alpn-01': 443 } as const

/**
 * An answer as connectors and servers hand it over, checked so that nobody is made to say anything but answers. Throws
 * `upstream_protocol` for a token or key authorization that is none, `identifier_rejected` for a name that the challenge cannot prove.
 */
export function liveAnswer(given: {
  kind: ChallengeKind
  name: string
  port?: number | undefined
  token?: string | undefined
  keyAuthorization: string
}): LiveAnswer {
  const { kind, keyAuthorization, port = usualPorts[kind] } = given
  const token = kind === 'http-01' ? (given.token ?? '') : undefined
  const name = nameOf(kind, given.name)
  if (token !== undefined && !tokenShape.test(token))
    throw new CertctlError(
      'upstream_protocol',
      `The CA's token for ${name} is not base64url of at most 256 characters; it is not answered`,
    )
  const tokenOfKey = keyAuthorizationShape.exec(keyAuthorization)?.[1]
  if (tokenOfKey === undefined || (token !== undefined && token !== tokenOfKey))
    throw new CertctlError(
      'upstream_protocol',
      `The key authorization for ${name} is not the token and a thumbprint (RFC 8555 §8.1); it is not answered`,
    )
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new CertctlError('config_invalid', `Port ${port} for ${kind} must be between 1 and 65535`)
  return { kind, name, port, token, keyAuthorization }
}

function nameOf(kind: ChallengeKind, text: string): string {
  const { type, value } = parseGeneralName(text)
  if ((type !== 'dns' && type !== 'ip') || value.startsWith('*.'))
    throw new CertctlError(
      'identifier_rejected',
      `${text} cannot be proved by ${kind}; use dns-01 for wildcards, and a host name or an IP address otherwise`,
    )
  return value
}
