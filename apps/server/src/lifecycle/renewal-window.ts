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
  suggested?: { windowStart: Date; windowEnd: Date } | undefined
}

const dayMs = 86_400_000
const shortLifeMs = 10 * dayMs
const largestSpread = 0.1

/** Computed once per version and stored. Never before it was received, never after it ends. */
export function renewalWindow({ receivedAt, notAfter, random, ...wishes }: RenewalQuestion): Date {
  const received = receivedAt.getTime()
  const end = notAfter.getTime()
  const lifetime = end - received
  if (lifetime <= 0) return new Date(end)
  const at =
    suggestedAt(wishes.suggested, random) ?? end - remainder(lifetime, wishes.policyWindowDays) * spread(random)
  return new Date(Math.round(Math.min(Math.max(at, received), end)))
}

/** How much of the lifetime is left when it is time. */
function remainder(lifetime: number, policyWindowDays: number | undefined): number {
  const wished = policyWindowDays === undefined ? undefined : policyWindowDays * dayMs
  if (wished !== undefined && wished < lifetime / 2) return wished
  return lifetime <= shortLifeMs ? lifetime / 2 : lifetime / 3
}

// Towards earlier: certificates that were made together shall not come back together.
function spread(random: () => number): number {
  return 1 + largestSpread * random()
}

// RFC 9773 §4.2: a random moment inside; a window that ends before it begins is no opinion.
function suggestedAt(suggested: RenewalQuestion['suggested'], random: () => number): number | undefined {
  if (suggested === undefined) return undefined
  const start = suggested.windowStart.getTime()
  const length = suggested.windowEnd.getTime() - start
  return length > 0 ? start + length * random() : undefined
}
