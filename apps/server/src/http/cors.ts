/** Headers for a browser's origin; none unless the operator listed it. */
export function createCors(origins: readonly string[]): (origin: string | undefined) => Record<string, string> {
  const allowed = new Set(origins)
  if (allowed.size === 0) return () => ({})
  return (origin) => {
    const vary = { vary: 'Origin' }
    if (origin === undefined || !(allowed.has('*') || allowed.has(origin))) return vary
    return {
      ...vary,
      'access-control-allow-origin': allowed.has('*') ? '*' : origin,
      'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
      'access-control-allow-headers': 'Content-Type, Authorization, X-Request-ID, If-Match, Idempotency-Key',
      'access-control-expose-headers': 'ETag, X-Request-ID, Retry-After',
      'access-control-max-age': '86400',
    }
  }
}
