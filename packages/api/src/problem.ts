import { z } from 'zod'

export const fieldFaultSchema = z.object({ field: z.string(), message: z.string() }).meta({ id: 'FieldFault' })
export type FieldFault = z.output<typeof fieldFaultSchema>

/** RFC 9457, with the three members that older clients read: `error`, `message`, `request_id`. */
export const problemSchema = z
  .object({
    type: z.string().describe('Names the code as a URI reference: urn:certctl:problem:not_found.'),
    title: z.string(),
    status: z.number(),
    detail: z.string().describe('What, which one, what now.'),
    code: z.string().describe('One of the error table; programs branch on it.'),
    error: z.string().describe('The same as title, or what older clients compare with.'),
    message: z.string().describe('The same as detail.'),
    request_id: z.string(),
    errors: z.array(fieldFaultSchema).optional(),
  })
  .meta({ id: 'Problem' })
export type Problem = z.output<typeof problemSchema>

export const problemMediaType = 'application/problem+json'

/** What the client and the binder throw: a plain Error with a code of the one table, recognised by its shape. */
export interface ApiError extends Error {
  readonly code: string
  readonly status: number
  readonly errors?: readonly FieldFault[] | undefined
  readonly retryAfterSeconds?: number | undefined
  /** The whole answer where it was a problem document, with members beyond the standard ones. */
  readonly problem?: Readonly<Record<string, unknown>> | undefined
}

/** Makes such an error; this package has no class of its own. */
export function apiError(
  code: string,
  message: string,
  details: Omit<ApiError, 'code' | 'message' | 'name' | 'stack'>,
): ApiError {
  const { cause, ...rest } = details
  const error = new Error(message, cause === undefined ? {} : { cause })
  return Object.assign(error, { name: 'CertctlError', code, ...rest })
}

const codeByStatus: Readonly<Record<number, string>> = {
  400: 'request_malformed',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  409: 'conflict',
  410: 'gone',
  412: 'precondition_failed',
  413: 'too_large',
  415: 'media_type_unsupported',
  422: 'connection_failed',
  429: 'rate_limited',
  501: 'unsupported',
}

/** The error behind a refusal. An answer that is no problem document (a proxy's page) gets the code of its status, and none of its text. */
export function errorOfAnswer(answer: {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
  what: string
}): ApiError {
  const { status, headers, body, what } = answer
  const problem = readObject(body)
  const retryAfter = Number(headers['retry-after'])
  const retryAfterSeconds = Number.isFinite(retryAfter) && retryAfter >= 0 ? retryAfter : undefined
  const parsed = problemSchema.safeParse(problem)
  if (parsed.success)
    return apiError(parsed.data.code, parsed.data.detail, {
      status,
      errors: parsed.data.errors,
      retryAfterSeconds,
      problem,
    })
  const code = codeByStatus[status] ?? (status >= 500 ? 'upstream_unavailable' : 'upstream_protocol')
  return apiError(code, `${what} was answered with HTTP ${status} and no problem document`, {
    status,
    retryAfterSeconds,
  })
}

function readObject(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined // The caller says what was wrong with the answer; its text is not repeated.
  }
}

/** Every fault of a zod error as field and sentence, unknown fields by their names. */
export function faultsOf(error: z.ZodError, where: string): FieldFault[] {
  return error.issues.flatMap((issue) => faultsOfIssue(issue, where === '' ? [] : [where]))
}

function faultsOfIssue(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): FieldFault[] {
  const path = [...above, ...issue.path]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ field: [...path, key].map(String).join('.'), message: 'is not a known field' }))
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined')
  const message = isMissing ? 'must be given' : issue.message.replace(/^Invalid input: /, '')
  return [{ field: path.map(String).join('.') || '(whole)', message }]
}
