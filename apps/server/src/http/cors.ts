import type { FlatHeaders } from './send-reply.js'

/** Headers for a browser's origin; none unless the operator listed it. */
export function createCors(origins: readonly string[]): (origin: string | undefined) => FlatHeaders {
  const allowed = new Set(origins)
  const none: FlatHeaders = allowed.size === 0 ? [] : ['vary', 'Origin']
  return (origin) => {
    if (origin === undefined || !(allowed.has('*') || allowed.has(origin))) return none
    return [...none, 'access-control-allow-origin', allowed.has('*') ? '*' : origin, ...whatIsAllowed]
  }
}

const whatIsAllowed: FlatHeaders = Object.entries({
  'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'access-control-allow-headers': 'Content-Type, Authorization, X-Request-ID, If-Match, Idempotency-Key',
  'access-control-expose-headers': 'ETag, X-Request-ID, Retry-After',
  'access-control-max-age': '86400',
}).flat()
