/** What decides when a version is renewed, known when it is recorded. */
export interface RenewalQuestion {
  /** When we received it. CAs backdate `notBefore`, sometimes by more than half of a short life. */
  receivedAt: Date
  notAfter: Date
  /** Between 0 and 1. */
  random: () => number
  /** A policy's wish in days before the end; counts where it is shorter than half the lifetime. */
  policyWindowDays?: number | undefined
  /** Where the CA says when it wants the renewal (RFC 9773). */
  suggested?: SuggestedWindow | undefined
  /** When it is asked; the moment we received it where not given. A window that has passed by then means now. */
  now?: Date | undefined
  /** Over how long those are spread whose window has passed. */
  pastSpreadSeconds?: number | undefined
}

export interface SuggestedWindow {
  windowStart: Date
  windowEnd: Date
}

export interface RenewalTime {
  at: Date
  /** What decided, for people. */
  reason: string
}

const dayMs = 86_400_000
const shortLifeMs = 10 * dayMs
const largestSpread = 0.1

/** Computed once per version, from one random draw, and stored. Never before it was received, never after it ends. */
export function renewalWindow(question: RenewalQuestion): RenewalTime {
  const received = question.receivedAt.getTime()
  const end = question.notAfter.getTime()
  if (end <= received) return { at: new Date(end), reason: 'it had ended when it came' }
  const { at, reason } = suggestedTime(question) ?? ownTime(question, end - received)
  return { at: new Date(Math.round(Math.min(Math.max(at, received), end))), reason }
}

interface Chosen {
  at: number
  reason: string
}

function ownTime({ notAfter, random, policyWindowDays }: RenewalQuestion, lifetime: number): Chosen {
  const { left, reason } = remainder(lifetime, policyWindowDays)
  // Towards earlier: certificates that were made together shall not come back together.
  return { at: notAfter.getTime() - left * (1 + largestSpread * random()), reason }
}

/** How much of the lifetime is left when it is time. */
function remainder(lifetime: number, policyWindowDays: number | undefined): { left: number; reason: string } {
  if (policyWindowDays !== undefined && policyWindowDays * dayMs < lifetime / 2)
    return { left: policyWindowDays * dayMs, reason: `its policy renews ${policyWindowDays} days before the end` }
  return lifetime <= shortLifeMs
    ? { left: lifetime / 2, reason: 'half of its life is left then' }
    : { left: lifetime / 3, reason: 'a third of its life is left then' }
}

// RFC 9773 §4.2: a random moment inside; a window that has passed means now; one that ends before it begins is no opinion.
function suggestedTime(question: RenewalQuestion): Chosen | undefined {
  const { suggested, receivedAt, notAfter, now = receivedAt, random, pastSpreadSeconds = 0 } = question
  if (suggested === undefined) return undefined
  const [start, end] = [suggested.windowStart.getTime(), suggested.windowEnd.getTime()]
  if (!(end > start) || start >= notAfter.getTime()) return undefined
  if (end > now.getTime())
    return { at: start + (Math.min(end, notAfter.getTime()) - start) * random(), reason: 'its CA asks for it then' }
  const left = Math.max(notAfter.getTime() - now.getTime(), 0)
  const spread = Math.min(pastSpreadSeconds * 1000, left * largestSpread)
  return { at: now.getTime() + spread * random(), reason: 'its CA asks for it now' }
}
