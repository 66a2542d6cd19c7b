import { CertctlError, type ErrorCode, type HttpResponse } from '@certctl/core'

const codes: Readonly<Record<number, ErrorCode>> = {
  404: 'not_found',
  408: 'upstream_unavailable',
  409: 'conflict',
  412: 'precondition_failed',
  413: 'too_large',
  425: 'upstream_unavailable',
  429: 'rate_limited',
  501: 'upstream_rejected',
}

const remedies: Readonly<Record<number, string>> = {
  401: '; check its credentials',
  403: '; check what its credentials may do',
}

/**
 * Gives the answer back when its status is accepted. Else throws: 404 `not_found`, 409 `conflict`, 429 `rate_limited`, 5xx
 * `upstream_unavailable`, all other 4xx (401 and 403: our credentials at the other side) `upstream_rejected`, and what makes no sense here
 * `upstream_protocol`. `what` is the subject of the message: "Vault, signing". The body stays out: it may hold anything.
 */
export function expectStatus(response: HttpResponse, accepted: readonly number[], what: string): HttpResponse {
  const { status, retryAfterSeconds } = response
  if (accepted.includes(status)) return response
  const code = codes[status] ?? classOf(status)
  throw new CertctlError(code, `${what}: answered ${status}${remedies[status] ?? ''}`, { retryAfterSeconds })
}

function classOf(status: number): ErrorCode {
  if (status >= 500) return 'upstream_unavailable'
  return status >= 400 ? 'upstream_rejected' : 'upstream_protocol'
}
