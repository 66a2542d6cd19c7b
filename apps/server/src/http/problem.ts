import { STATUS_CODES } from 'node:http'
import { type Problem, problemMediaType, type RawReply } from '@certctl/api'
import { type CertctlError, errorCodes, isCertctlError } from '@certctl/core'

/** What an unforeseen fault looks like from outside; its text is in the log. */
const hidden = 'Something went wrong inside the server; its log has the details under this request id'

/** Renders an error as RFC 9457, with the three members that older clients read. This is the only place that does. */
export function problemOf(error: unknown, requestId: string): RawReply {
  const known = isCertctlError(error) ? error : undefined
  const problem = problemBody(known, requestId)
  const { status } = problem
  return {
    status,
    headers: {
      'content-type': problemMediaType,
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="certctl"' } : {}),
      ...retryAfter(status, known),
    },
    body: JSON.stringify(problem),
  }
}

/** The members of a problem document. Text of unforeseen faults stays inside. */
export function problemBody(known: CertctlError | undefined, requestId: string): Problem {
  const code = known?.code ?? 'internal'
  const { http: status, title } = errorCodes[code]
  const detail = known === undefined || code === 'internal' ? hidden : known.message
  const errors = known?.errors?.map(({ field, message }) => ({ field, message })) ?? []
  return {
    type: `urn:certctl:problem:${code}`,
    title,
    status,
    detail,
    code,
    error: olderWord(status, detail),
    message: detail,
    request_id: requestId,
    ...(errors.length === 0 ? {} : { errors }),
  }
}

/** What older clients find under `error`: the sentence of a 401, else the words of the status. */
function olderWord(status: number, detail: string): string {
  if (status === 401) return detail
  return status === 429 ? 'Rate limit exceeded' : (STATUS_CODES[status] ?? 'Error')
}

function retryAfter(status: number, known: CertctlError | undefined): Record<string, string> {
  const seconds = known?.retryAfterSeconds ?? (status === 429 ? 1 : undefined)
  return seconds === undefined ? {} : { 'retry-after': String(Math.ceil(seconds)) }
}
