import type { CertificateRow } from '../../store/certificates.js'
import type { PlacementRow } from '../../store/placements.js'
import type { Tx } from '../../store/store.js'
import type { TargetRow } from '../../store/targets.js'
import { nextVerification } from './next-verification.js'
import { tellOfSilence } from './tell-of-silence.js'

/** A look that failed shows nothing: when the placement was last seen stays, and it is not said to be served. Certificate, target and placement are locked. */
export async function missPlacement(
  tx: Tx,
  rows: { certificate: CertificateRow; target: TargetRow; placement: PlacementRow },
  { code, message, everySeconds }: { code: string; message: string; everySeconds: number },
): Promise<void> {
  const { placement, target } = rows
  const isKept = ['deployed', 'served', 'unverifiable'].includes(placement.state) && placement.frozen_at === null
  if (!isKept) return
  await tx.placements.update(placement.id, {
    state: 'deployed',
    // As often as what is served: a target that stays shut is not asked for ever every minute.
    verify_at: nextVerification({ state: 'served', target, everySeconds, now: tx.now, random: tx.chance.random }),
    cause_code: code,
    cause_message: message,
    updated_at: placement.state === 'deployed' ? placement.updated_at : tx.now,
  })
  await tellOfSilence(tx, rows, message)
}
