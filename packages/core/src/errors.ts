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

/** HTTP status, whether to try again, title, CLI exit, ACME type, SCEP failInfo. */
type Row = readonly [number, boolean, string, number, string?, (0 | 1 | 2 | 4)?]

const table = {
  config_invalid: [400, false, 'A setting is wrong', 2, 'malformed', 2],
  request_malformed: [400, false, 'The request cannot be read', 2, 'malformed', 2],
  csr_malformed: [400, false, 'The CSR cannot be read', 2, 'badCSR', 2],
  csr_rejected: [400, false, 'The CSR is refused', 1, 'badCSR', 2],
  identifier_rejected: [400, false, 'A name is refused', 1, 'rejectedIdentifier', 2],
  policy_denied: [403, false, 'Policy does not allow it', 4, 'unauthorized', 2],
  approval_required: [202, true, 'Somebody must approve first', 5],
  unauthenticated: [401, false, 'Who is asking is not known', 4, 'unauthorized', 2],
  forbidden: [403, false, 'Not allowed', 4, 'unauthorized', 2],
  not_found: [404, false, 'Not found', 3, 'malformed', 4],
  conflict: [409, false, 'Conflicts with what is there', 1, 'orderNotReady', 2],
  already_revoked: [409, false, 'Already revoked', 1, 'alreadyRevoked'],
  method_not_allowed: [405, false, 'Method not allowed', 1, 'malformed', 2],
  gone: [410, false, 'Gone for good', 3],
  precondition_failed: [412, false, 'It changed in between', 1],
  too_large: [413, false, 'Too large', 2, 'malformed', 2],
  media_type_unsupported: [415, false, 'Wrong content type', 2, 'malformed'],
  connection_failed: [422, true, 'The connection test failed', 5],
  rate_limited: [429, true, 'Too many requests', 5, 'rateLimited', 2],
  unsupported: [501, false, 'Not offered here', 1, 'malformed', 2],
  upstream_rejected: [502, false, 'The other side refused', 1, 'serverInternal', 2],
  upstream_protocol: [502, false, 'The other side answered nonsense', 1, 'serverInternal', 2],
  upstream_unavailable: [503, true, 'The other side does not answer', 5, 'serverInternal', 2],
  issued_mismatch: [502, false, 'The CA issued something else', 1, 'serverInternal', 2],
  deploy_failed: [502, true, 'Deployment failed and was undone', 5],
  deploy_torn: [500, true, 'Deployment failed and could not be undone', 1],
  aborted: [503, true, 'Interrupted', 5, 'serverInternal'],
  internal: [500, false, 'A fault of the product', 1, 'serverInternal', 2],
} as const satisfies Record<string, Row>

export type ErrorCode = keyof typeof table
/** The one table of codes. The code is the contract; wording may change. */
export const errorCodes: Readonly<Record<ErrorCode, CodeMeaning>> = meaningsOf(table)

function meaningsOf<Code extends string>(rows: Readonly<Record<Code, Row>>): Record<Code, CodeMeaning> {
  const meanings = Object.entries<Row>(rows).map(([code, [http, retry, title, cliExit, acme, scepFailInfo]]) => {
    const optional = { ...(acme && { acme }), ...(scepFailInfo !== undefined && { scepFailInfo }) }
    return [code, { http, retry, title, cliExit, ...optional }] as const
  })
  return Object.fromEntries(meanings) as Record<Code, CodeMeaning>
}

/** One fault of one field, as problem documents carry it in `errors`. */
export interface FieldFault {
  /** Path of the field, dots between steps: `config.cert_path`. */
  field: string
  message: string
}

export interface ErrorDetails {
  cause?: unknown
  retryAfterSeconds?: number | undefined
  /** Of `rate_limited`: the limit is one of what was asked for (these names), and others may be asked for meanwhile. */
  isNarrow?: boolean | undefined
  errors?: readonly FieldFault[] | undefined
}

/** The one error class. The message is for an operator: what, which one, what now; never a secret. */
export class CertctlError extends Error {
  readonly code: ErrorCode
  readonly retryAfterSeconds: number | undefined
  readonly isNarrow: boolean | undefined
  readonly errors: readonly FieldFault[] | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause })
    this.name = 'CertctlError'
    this.code = code
    this.retryAfterSeconds = details.retryAfterSeconds
    this.isNarrow = details.isNarrow
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
