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

/** Gives the answer back when its status is accepted. Else throws: 404 `not_found`, 409 `conflict`, 429 `rate_limited`, 5xx `upstream_unavailable`, other 4xx (401 and 403:
 * our credentials there) `upstream_rejected`, the rest `upstream_protocol`. `what` is the subject of the message: "Vault, signing". The body stays out: it may hold anything. */
export function expectStatus(response: HttpResponse, accepted: readonly number[], what: string): HttpResponse {
  const { status, retryAfterSeconds } = response
  if (accepted.includes(status)) return response
  const remedy = status === 401 || status === 403 ? '; check its credentials and what they may do' : ''
  const code = codes[status] ?? classOf(status)
  throw new CertctlError(code, `${what}: answered ${status}${remedy}`, { retryAfterSeconds })
}

function classOf(status: number): ErrorCode {
  if (status >= 500) return 'upstream_unavailable'
  return status >= 400 ? 'upstream_rejected' : 'upstream_protocol'
}
