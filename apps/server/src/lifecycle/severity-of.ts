const hourMs = 3_600_000
const soon = 0.1

/** How grave a failure is by what is left of the certificate that still serves: critical in its last tenth or hour, and after its end. */
export function severityOf(
  serving: { received_at: Date; not_after: Date } | undefined,
  now: Date,
): 'warning' | 'critical' {
  if (serving === undefined) return 'warning'
  const left = serving.not_after.getTime() - now.getTime()
  const lifetime = serving.not_after.getTime() - serving.received_at.getTime()
  return left < Math.max(lifetime * soon, hourMs) ? 'critical' : 'warning'
}
