import { severityOf } from '../severity-of.js'

const hourMs = 3_600_000
const dayMs = 86_400_000
const soon = 0.1

export interface RefusedRenewal {
  /** What is served until then; absent: nothing is. */
  serving: { received_at: Date; not_after: Date } | undefined
  now: Date
  /** A repetition would cost money or quota for the same fault. */
  isCostly?: boolean | undefined
}

/**
 * When to ask again after a refusal that only a change or a person can put right. Whoever puts it right need not be here: a renewal is
 * tried once a day, from its last tenth on once an hour (where that costs nothing). A first issuance waits, since nothing is lost by it.
 */
export function retryOfRefusal({ serving, now, isCostly = false }: RefusedRenewal): Date | null {
  if (serving === undefined) return null
  if (isCostly) return new Date(now.getTime() + dayMs)
  if (severityOf(serving, now) === 'critical') return new Date(now.getTime() + hourMs)
  const end = serving.not_after.getTime()
  const lastTenth = end - Math.max((end - serving.received_at.getTime()) * soon, hourMs)
  return new Date(Math.min(now.getTime() + dayMs, Math.max(lastTenth, now.getTime() + hourMs)))
}
