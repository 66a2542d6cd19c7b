/** What each code means at every edge. HTTP is REST's; a protocol's own rule wins in its folder. */
export interface CodeMeaning {
  http: number
  /** Whether the same call may succeed without anybody changing anything. */
  retry: boolean
  title: string
  acme?: string
  scepFailInfo?: 0 | 1 | 2 | 4
  cliExit: number
}

const table = {
  config_invalid: {
    http: 400,
    retry: false,
    title: 'A setting is wrong',
    acme: 'malformed',
    scepFailInfo: 2,
    cliExit: 2,
  },
  request_malformed: {
    http: 400,
    retry: false,
    title: 'The request cannot be read',
    acme: 'malformed',
    scepFailInfo: 2,
    cliExit: 2,
  },
  csr_malformed: {
    http: 400,
    retry: false,
    title: 'The CSR cannot be read',
    acme: 'badCSR',
    scepFailInfo: 2,
    cliExit: 2,
  },
  csr_rejected: { http: 400, retry: false, title: 'The CSR is refused', acme: 'badCSR', scepFailInfo: 2, cliExit: 1 },
  identifier_rejected: {
    http: 400,
    retry: false,
    title: 'A name is refused',
    acme: 'rejectedIdentifier',
    scepFailInfo: 2,
    cliExit: 1,
  },
  policy_denied: {
    http: 403,
    retry: false,
    title: 'Policy does not allow it',
    acme: 'unauthorized',
    scepFailInfo: 2,
    cliExit: 4,
  },
  approval_required: { http: 202, retry: true, title: 'Somebody must approve first', cliExit: 5 },
  unauthenticated: {
    http: 401,
    retry: false,
    title: 'Who is asking is not known',
    acme: 'unauthorized',
    scepFailInfo: 2,
    cliExit: 4,
  },
  forbidden: { http: 403, retry: false, title: 'Not allowed', acme: 'unauthorized', scepFailInfo: 2, cliExit: 4 },
  not_found: { http: 404, retry: false, title: 'Not found', acme: 'malformed', scepFailInfo: 4, cliExit: 3 },
  conflict: {
    http: 409,
    retry: false,
    title: 'Conflicts with what is there',
    acme: 'orderNotReady',
    scepFailInfo: 2,
    cliExit: 1,
  },
  already_revoked: { http: 409, retry: false, title: 'Already revoked', acme: 'alreadyRevoked', cliExit: 1 },
  method_not_allowed: {
    http: 405,
    retry: false,
    title: 'Method not allowed',
    acme: 'malformed',
    scepFailInfo: 2,
    cliExit: 1,
  },
  gone: { http: 410, retry: false, title: 'Gone for good', cliExit: 3 },
  precondition_failed: { http: 412, retry: false, title: 'It changed in between', cliExit: 1 },
  too_large: { http: 413, retry: false, title: 'Too large', acme: 'malformed', scepFailInfo: 2, cliExit: 2 },
  media_type_unsupported: { http: 415, retry: false, title: 'Wrong content type', acme: 'malformed', cliExit: 2 },
  connection_failed: { http: 422, retry: true, title: 'The connection test failed', cliExit: 5 },
  rate_limited: {
    http: 429,
    retry: true,
    title: 'Too many requests',
    acme: 'rateLimited',
    scepFailInfo: 2,
    cliExit: 5,
  },
  unsupported: { http: 501, retry: false, title: 'Not offered here', acme: 'malformed', scepFailInfo: 2, cliExit: 1 },
  upstream_rejected: {
    http: 502,
    retry: false,
    title: 'The other side refused',
    acme: 'serverInternal',
    scepFailInfo: 2,
    cliExit: 1,
  },
  upstream_protocol: {
    http: 502,
    retry: false,
    title: 'The other side answered nonsense',
    acme: 'serverInternal',
    scepFailInfo: 2,
    cliExit: 1,
  },
  upstream_unavailable: {
    http: 503,
    retry: true,
    title: 'The other side does not answer',
    acme: 'serverInternal',
    scepFailInfo: 2,
    cliExit: 5,
  },
  issued_mismatch: {
    http: 502,
    retry: false,
    title: 'The CA issued something else',
    acme: 'serverInternal',
    scepFailInfo: 2,
    cliExit: 1,
  },
  deploy_failed: { http: 502, retry: true, title: 'Deployment failed and was undone', cliExit: 5 },
  deploy_torn: { http: 500, retry: true, title: 'Deployment failed and could not be undone', cliExit: 1 },
  aborted: { http: 503, retry: true, title: 'Interrupted', acme: 'serverInternal', cliExit: 5 },
  internal: {
    http: 500,
    retry: false,
    title: 'A fault of the product',
    acme: 'serverInternal',
    scepFailInfo: 2,
    cliExit: 1,
  },
} as const satisfies Record<string, CodeMeaning>

export type ErrorCode = keyof typeof table
/** The one table of codes. The code is the contract; wording may change. */
export const errorCodes: Readonly<Record<ErrorCode, CodeMeaning>> = table

/** One fault of one field, as problem documents carry it in `errors`. */
export interface FieldFault {
  /** Path of the field, dots between steps: `config.cert_path`. */
  field: string
  message: string
}

export interface ErrorDetails {
  cause?: unknown
  retryAfterSeconds?: number | undefined
  errors?: readonly FieldFault[] | undefined
}

/** The one error class. The message is for an operator: what, which one, what now; never a secret. */
export class CertctlError extends Error {
  readonly code: ErrorCode
  readonly retryAfterSeconds: number | undefined
  readonly errors: readonly FieldFault[] | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause })
    this.name = 'CertctlError'
    this.code = code
    this.retryAfterSeconds = details.retryAfterSeconds
    this.errors = details.errors
  }
}

/** Looks at the shape, not the class: a third party may carry another copy of core. */
export function isCertctlError(error: unknown): error is CertctlError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && Object.hasOwn(table, error.code)
}

/** The sentence for an operator. What is not ours is a fault nobody foresaw: its text stays inside. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message
  return String(error)
}
