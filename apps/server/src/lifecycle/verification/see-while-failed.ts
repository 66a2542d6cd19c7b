import type { JobReport } from '@certctl/api'
import type { PlacementRow } from '../../store/placements.js'
import type { Tx } from '../../store/store.js'
import { judgePlacement, type Sight } from './judge-placement.js'

/** Between why a deployment failed and what was seen of its target since. */
const mark = '; seen since: '

interface SeenSince {
  held: JobReport['verification'] | undefined
  served: Sight['served']
  desiredFingerprint: string
  siblings: ReadonlySet<string>
}

/** What is seen of a target whose last deployment failed: what is served, and what differs. The failure stays as it is, with its alert and its next attempt. The placement is locked. */
export async function seeWhileFailed(tx: Tx, placement: PlacementRow, seen: SeenSince): Promise<void> {
  const shown = shownBy(placement, seen)
  await tx.placements.update(placement.id, {
    observed_at: tx.now,
    cause_message: withDifference(placement.cause_message, differenceOf(placement, seen, tx.now)),
    ...(shown === undefined ? {} : { served_fingerprint: shown, served_at: tx.now }),
  })
}

/** A stranger in front of what was deployed here; what another holder has says nothing of this target. */
function shownBy(
  { deployed_fingerprint: deployed }: PlacementRow,
  { served, desiredFingerprint, siblings }: SeenSince,
): string | undefined {
  const shown = served.flatMap(({ fingerprint }) => fingerprint ?? []).filter((one) => !siblings.has(one))
  return shown.find((one) => one !== desiredFingerprint && one !== deployed) ?? shown[0]
}

/** What was deployed before is what there should be as long as nothing newer is. */
function differenceOf(
  { deployed_fingerprint: deployed }: PlacementRow,
  { held, served, desiredFingerprint, siblings }: SeenSince,
  now: Date,
): string | undefined {
  const verdict = judgePlacement({
    held: held?.found_fingerprint !== undefined && held.found_fingerprint === deployed ? undefined : held,
    served,
    desiredFingerprint,
    siblings: deployed === null ? siblings : new Set([...siblings, deployed]),
    graceUntil: now,
    now,
  })
  return 'cause' in verdict ? verdict.cause?.message : undefined
}

function withDifference(message: string | null, difference: string | undefined): string | null {
  if (message === null) return null
  const [failure] = message.split(mark)
  return difference === undefined ? `${failure}` : `${failure}${mark}${difference}`
}
