import type { Seen } from './probe.js'

/** What of the promise was broken: no request failed, at least twenty a second, and exactly the two issued certificates were met. */
export function judge({ seen, issued }: { seen: Seen; issued: readonly string[] }): string[] {
  const met = seen.fingerprints.map(({ fingerprint }) => fingerprint)
  const faults: string[] = []
  if (seen.failed > 0) faults.push(`${seen.failed} of ${seen.requests} requests failed: ${seen.failures.join('; ')}`)
  if (seen.perSecond < 20) faults.push(`only ${seen.perSecond.toFixed(1)} requests a second were made`)
  if (met.length !== 2) faults.push(`${met.length} certificates were met instead of 2`)
  if (issued.length !== 2) faults.push(`${issued.length} certificates were issued instead of 2`)
  const strangers = met.filter((fingerprint) => !issued.includes(fingerprint))
  if (strangers.length > 0) faults.push(`met but never issued: ${strangers.join(', ')}`)
  return faults
}
