import { doubtful, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'
import { challengeNameOf, type Subject } from '../subject.js'

/** What an earlier order did not take away. CAs read all values, but many of them make answers long, and hide what goes wrong. */
export async function checkLeftovers(looks: Looks, subject: Subject): Promise<Finding[]> {
  const name = challengeNameOf(subject)
  if (name === undefined || subject.method !== 'dns-01') return []
  const found = await looks.resolve(name, 'TXT')
  if (found.state === 'none' || found.state === 'no_such_name')
    return [fine('leftovers_none', `${name} has no TXT records`)]
  if (found.state !== 'found') return []
  const values = found.records.map(({ value }) => value)
  const at = found.chain.at(-1) ?? name
  return [
    doubtful('leftovers_found', {
      seen: `${at} has ${values.length} TXT value${values.length === 1 ? '' : 's'}: ${values.slice(0, 4).map(beginningOf).join(', ')}`,
      cause:
        'An order is under way, or the values of earlier ones were not taken away: the DNS provider, or dns_cleanup_script, fails to',
      remedy: `If no order is under way, remove the TXT records of ${at}`,
    }),
  ]
}

function beginningOf(value: string): string {
  return JSON.stringify(value.length <= 12 ? value : `${value.slice(0, 8)}…`)
}
