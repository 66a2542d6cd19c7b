import { CertctlError, type ErrorCode, type HttpResponse, z } from '@certctl/core'

const prefix = 'urn:ietf:params:acme:error:'

/** A word, never a page. */
const typeSchema = z.string().max(200).catch('about:blank')

export const problemSchema = z.looseObject({
  type: typeSchema,
  detail: z.string().catch(''),
  subproblems: z
    .array(z.looseObject({ type: z.string().catch(''), detail: z.string().catch(''), identifier: z.unknown() }))
    .catch([]),
})

/** RFC 8555 §6.7, with what HTTP says around it. `type` is without its prefix; empty where the answer is no problem document. */
export interface Problem {
  type: string
  detail: string
  status: number
  retryAfterSeconds: number | undefined
  /** A page that a person must visit (terms, a paused account). */
  helpUrl: string | undefined
}

export function problemOf(response: HttpResponse, data: unknown): Problem {
  const parsed = problemSchema.safeParse(data)
  const common = { status: response.status, retryAfterSeconds: response.retryAfterSeconds }
  const helpUrl = /<([^>]+)>\s*;\s*rel="?terms-of-service"?/i.exec(response.headers.link ?? '')?.[1]
  if (!parsed.success || !parsed.data.type.startsWith(prefix)) return { ...common, type: '', detail: '', helpUrl }
  const { type, detail, subproblems } = parsed.data
  const parts = [detail, ...subproblems.map((sub) => sub.detail)].filter((part) => part !== '')
  return { ...common, type: type.slice(prefix.length), detail: shown(parts.join('; ')), helpUrl }
}

/** Their text goes to people, on one line and not without end. */
export function shown(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, 1000)
}

interface Meaning {
  code: ErrorCode
  remedy?: string
}

/** One table for the words of RFC 8555 §6.7, RFC 9773 and the profiles draft. */
const meanings: Readonly<Record<string, Meaning>> = {
  accountDoesNotExist: {
    code: 'upstream_rejected',
    remedy: 'the CA does not know this account; it is made anew where its key was never registered',
  },
  alreadyReplaced: { code: 'conflict' },
  alreadyRevoked: { code: 'already_revoked' },
  badCSR: { code: 'csr_rejected' },
  badNonce: {
    code: 'upstream_unavailable',
    remedy: 'its nonces do not hold; several servers behind one address may not share them',
  },
  badPublicKey: { code: 'csr_rejected' },
  badRevocationReason: { code: 'upstream_rejected', remedy: 'choose another reason' },
  badSignatureAlgorithm: {
    code: 'config_invalid',
    remedy: 'the account key is of a kind the CA does not take; use EC P-256 or RSA',
  },
  caa: { code: 'upstream_rejected', remedy: 'a CAA record forbids this CA; change it or choose another issuer' },
  compound: { code: 'upstream_rejected' },
  externalAccountRequired: { code: 'config_invalid', remedy: 'set eab_kid and eab_hmac as the CA gave them' },
  invalidContact: { code: 'config_invalid', remedy: 'correct email' },
  invalidProfile: { code: 'config_invalid', remedy: 'choose a profile of the CA' },
  orderNotReady: { code: 'conflict' },
  rateLimited: { code: 'rate_limited' },
  rejectedIdentifier: { code: 'identifier_rejected' },
  serverInternal: { code: 'upstream_unavailable' },
  unsupportedContact: { code: 'config_invalid', remedy: 'correct email' },
  unsupportedIdentifier: { code: 'identifier_rejected' },
  userActionRequired: { code: 'upstream_rejected', remedy: 'a person must visit the CA’s page' },
}

/** Limits of names and not of the account, in the words of Boulder, which is Let's Encrypt: its problems have no other sign. */
const narrow = /\btoo many (?:certificates|failed authorizations)\b/i

/** The error for a problem, `what` being what was asked: "ordering". */
export function errorOf(problem: Problem, what: string): CertctlError {
  const { type, detail, status, retryAfterSeconds, helpUrl } = problem
  const { code, remedy } = meanings[type] ?? { code: codeOfStatus(status, type) }
  const said = type === '' ? `answered ${status}` : `answered ${type}${detail === '' ? '' : `: ${detail}`}`
  const hint = [remedy, helpUrl, redirected(status)].filter((part) => part !== undefined).join(', ')
  return new CertctlError(code, `The ACME server, asked for ${what}, ${said}${hint === '' ? '' : ` (${hint})`}`, {
    retryAfterSeconds,
    ...(code === 'rate_limited' && narrow.test(detail) ? { isNarrow: true } : {}),
  })
}

function redirected(status: number): string | undefined {
  return status >= 300 && status < 400 ? 'redirects are not followed: set directory_url to where it leads' : undefined
}

function codeOfStatus(status: number, type: string): ErrorCode {
  if (status === 429) return 'rate_limited'
  if (status === 408 || status === 425 || (status >= 500 && status !== 501)) return 'upstream_unavailable'
  if (status === 404 && type === '') return 'not_found'
  return status >= 400 ? 'upstream_rejected' : 'upstream_protocol'
}
