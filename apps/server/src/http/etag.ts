import { createHash } from 'node:crypto'
import { CertctlError } from '@certctl/core'
import type { HttpRequest } from './handlers.js'

/** Of an answer's JSON text: equal text, equal tag. */
export function etagOf(text: string): string {
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`
}

/** Whether a list of tags (If-Match, If-None-Match) names this one; `*` names any. */
export function namesTag(header: string | readonly string[] | undefined, tag: string): boolean {
  const given = (typeof header === 'string' ? header : (header ?? []).join(',')).split(',')
  return given.some((text) => text.trim() === '*' || text.trim().replace(/^W\//, '') === tag)
}

/**
 * What a PUT asks before it writes, on the row it has locked: throws `precondition_failed` when the request has an `If-Match`
 * that does not name what a GET would answer now.
 */
export function matchCheck(request: Pick<HttpRequest, 'headers'>): (view: unknown) => void {
  return (view) => {
    const wanted = request.headers['if-match']
    if (wanted === undefined || namesTag(wanted, etagOf(JSON.stringify(view)))) return
    throw new CertctlError('precondition_failed', 'It changed since you read it; read it again and repeat your change')
  }
}
