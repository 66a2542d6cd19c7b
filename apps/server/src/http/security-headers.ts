import type { FlatHeaders } from './send-reply.js'

/** On every answer, whatever answered. */
export const securityHeaders: FlatHeaders = Object.entries({
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer-when-downgrade',
  'content-security-policy':
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}).flat()
