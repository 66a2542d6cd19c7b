import { CertctlError, type ErrorCode, messageOf } from '@certctl/core'

interface Meaning {
  code: ErrorCode
  remedy?: string
}

const credentials: Meaning = { code: 'unauthenticated', remedy: 'compare the access key with the one in IAM' }
const rights: Meaning = {
  code: 'forbidden',
  remedy:
    'allow route53:ListHostedZones, and for the zone route53:ListResourceRecordSets and route53:ChangeResourceRecordSets',
}
const slower: Meaning = { code: 'rate_limited', remedy: 'Route 53 takes five requests a second from an account' }
const missing: Meaning = { code: 'not_found', remedy: 'correct the setting hosted_zone_id' }

/** The words of Route 53, STS and the SDK's own search for credentials. */
const meanings: Readonly<Record<string, Meaning>> = {
  InvalidClientTokenId: credentials,
  UnrecognizedClientException: credentials,
  SignatureDoesNotMatch: { ...credentials, remedy: 'compare the secret access key, and the clock of this machine' },
  InvalidSignatureException: { ...credentials, remedy: 'compare the secret access key, and the clock of this machine' },
  RequestExpired: { ...credentials, remedy: 'correct the clock of this machine' },
  ExpiredToken: { ...credentials, remedy: 'the session token has ended; give a new one, or a role' },
  ExpiredTokenException: { ...credentials, remedy: 'the session token has ended; give a new one, or a role' },
  IncompleteSignature: credentials,
  CredentialsProviderError: {
    code: 'config_invalid',
    remedy: 'give access_key_id and secret_access_key, or a profile, or run the server with a role',
  },
  AccessDenied: rights,
  AccessDeniedException: rights,
  Throttling: slower,
  ThrottlingException: slower,
  TooManyRequestsException: slower,
  PriorRequestNotComplete: { code: 'rate_limited', remedy: 'an earlier change of the zone is still being made' },
  NoSuchHostedZone: missing,
  InvalidInput: { code: 'upstream_rejected' },
  InvalidChangeBatch: { code: 'upstream_rejected' },
}

/** What an error of the SDK means to us, with what to do about it. */
export function refusalOf(error: unknown, what: string): unknown {
  if (error instanceof CertctlError) return error
  const name = error instanceof Error ? error.name : ''
  const meaning = meanings[name]
  if (meaning !== undefined) {
    const { code, remedy } = meaning
    return new CertctlError(code, `${what}: ${name}: ${messageOf(error)}${remedy === undefined ? '' : `; ${remedy}`}`)
  }
  const status = statusOf(error)
  if (status === undefined || status < 300)
    return new CertctlError('upstream_protocol', `${what}: the answer cannot be read: ${messageOf(error)}`, {
      cause: error,
    })
  return new CertctlError('upstream_rejected', `${what}: ${name}: ${messageOf(error)}`, { cause: error })
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined
  const { $metadata } = error
  if (typeof $metadata !== 'object' || $metadata === null || !('httpStatusCode' in $metadata)) return undefined
  return typeof $metadata.httpStatusCode === 'number' ? $metadata.httpStatusCode : undefined
}
