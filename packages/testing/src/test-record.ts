import { createHash } from 'node:crypto'
import type { TxtRecord } from '@certctl/core'

/** The answer to a dns-01 challenge for this domain; another `seed` is another value. A wildcard's record is that of its base name. */
export function createTestRecord(domain: string, seed: string | number, overrides: Partial<TxtRecord> = {}): TxtRecord {
  const digest = createHash('sha256').update(`${domain} ${seed}`).digest('base64url')
  return {
    name: `_acme-challenge.${domain.replace(/^\*\./, '')}`,
    value: digest,
    ttlSeconds: 60,
    context: { domain, token: `token-${seed}` },
    signal: new AbortController().signal,
    ...overrides,
  }
}
