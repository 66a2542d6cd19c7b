/** What else may be claimed. */
export interface Room {
  /** How many jobs, whosever they are. */
  limit: number
  /** Issuers that have all they may. */
  except: readonly string[]
}

/**
 * The room beside jobs that are under way for these issuers: so many for any one of them, and a quarter more in all, which is what
 * the others have where one does not answer.
 */
export function roomBeside(underWay: readonly string[], ofOne: number): Room {
  const counts = new Map<string, number>()
  for (const issuer of underWay) counts.set(issuer, (counts.get(issuer) ?? 0) + 1)
  const except = [...counts].filter(([, count]) => count >= ofOne).map(([issuer]) => issuer)
  const most = Math.max(0, ...[...counts.values()].filter((count) => count < ofOne))
  const inAll = ofOne + Math.ceil(ofOne / 4)
  return { limit: Math.min(inAll - underWay.length, ofOne - most), except }
}
