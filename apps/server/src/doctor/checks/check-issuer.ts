import { broken, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'
import type { Subject } from '../subject.js'

/** Whether the issuer itself works, account and credentials: by its own test. */
export async function checkIssuer(looks: Looks, { issuerId }: Subject): Promise<Finding[]> {
  const tested = await looks.testIssuer()
  if (tested === undefined || issuerId === undefined) return []
  if (tested.works) return [fine('issuer_ok', `The issuer ${issuerId} works: ${tested.detail}`)]
  return [
    broken('issuer_failing', {
      seen: `The issuer ${issuerId} does not work: ${tested.reason}`,
      cause: 'Its account, its credentials or its configuration are not accepted, or the CA does not answer',
      remedy: `Correct what it says: certctl issuers update ${issuerId}, then: certctl issuers test ${issuerId}`,
    }),
  ]
}
