import type { RenewalInfo } from '@certctl/core'
import type { SuggestedWindow } from './renewal-window.js'

/** What is kept of a life for what goes wrong: no window makes us begin later. */
const keptFraction = 0.1

/**
 * The window a CA suggests for a version, as far as it can be used: its end is cut off before the last tenth of the life. `fault` says why
 * it is none (RFC 9773 §4.2: one that ends before it begins is treated like no answer).
 */
export function suggestedWindow(
  { windowStart, windowEnd }: Pick<RenewalInfo, 'windowStart' | 'windowEnd'>,
  { receivedAt, notAfter }: { receivedAt: Date; notAfter: Date },
): { window: SuggestedWindow } | { fault: string } {
  const [start, end] = [windowStart.getTime(), windowEnd.getTime()]
  if (Number.isNaN(start) || Number.isNaN(end)) return { fault: 'it has no times' }
  if (end <= start)
    return { fault: `it ends at ${windowEnd.toISOString()}, before it begins at ${windowStart.toISOString()}` }
  const lifetime = Math.max(notAfter.getTime() - receivedAt.getTime(), 0)
  const last = notAfter.getTime() - lifetime * keptFraction
  if (start >= last)
    return {
      fault: `it begins at ${windowStart.toISOString()}, too late for a certificate that ends at ${notAfter.toISOString()}`,
    }
  return { window: { windowStart, windowEnd: new Date(Math.min(end, last)) } }
}
