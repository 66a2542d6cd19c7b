import { broken, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'
import { challengeNameOf, type Subject } from '../subject.js'

/** Whether the DNS provider of the issuer works, by its own test. */
export async function checkProvider(looks: Looks, subject: Subject): Promise<Finding[]> {
  if (challengeNameOf(subject) === undefined) return []
  const tested = await looks.testProvider()
  if (tested === undefined) return []
  if (tested.works) return [fine('provider_ok', `The DNS provider ${tested.id} works: ${tested.detail}`)]
  return [
    broken('provider_failing', {
      seen: `The DNS provider ${tested.id} does not work: ${tested.reason}`,
      cause: 'Its credentials, its rights or its address are wrong, or it does not answer',
      remedy: `Correct what it says in the configuration of ${tested.id}`,
    }),
  ]
}
