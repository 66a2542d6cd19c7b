const unitSeconds: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds of `500ms 30s 5m 6h 7d` and of sums such as `1h30m`; `undefined` when it is something else. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim()
  if (!/^(\d{1,9}(?:\.\d{1,6})?(?:ms|s|m|h|d))+$/.test(trimmed)) return undefined
  const parts = trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)
  return [...parts].reduce(
    (sum, [, amount = '', unit = '']) => sum + Number(amount) * (unitSeconds[unit] ?? Number.NaN),
    0,
  )
}

/** The shortest exact text: 90 → `90s`, 3600 → `1h`. */
export function formatDuration(seconds: number): string {
  const fitting = (['d', 'h', 'm', 's'] as const).find(
    (unit) => seconds >= (unitSeconds[unit] ?? 0) && Number.isInteger(seconds / (unitSeconds[unit] ?? 1)),
  )
  return fitting === undefined
    ? `${Math.round(seconds * 1000)}ms`
    : `${seconds / (unitSeconds[fitting] ?? 1)}${fitting}`
}
