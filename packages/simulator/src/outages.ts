export interface Outage {
  from: number
  /** Virtual milliseconds; the end is not in it. */
  to: number
}

export function isOut(outages: readonly Outage[], ms: number): boolean {
  return outages.some(({ from, to }) => from <= ms && ms < to)
}

/** How many milliseconds of a span none of them covers. */
export function upTime(outages: readonly Outage[], span: Outage): number {
  const sorted = outages.toSorted((a, b) => a.from - b.from)
  let up = 0
  let at = span.from
  for (const { from, to } of sorted) {
    if (from >= span.to) break
    up += Math.max(0, from - at)
    at = Math.max(at, to)
  }
  return up + Math.max(0, span.to - at)
}
