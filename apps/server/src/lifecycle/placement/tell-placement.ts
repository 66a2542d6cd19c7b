import { emitEvent } from '../../notify/emit-event.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { PlacementRow } from '../../store/placements.js'
import type { Tx } from '../../store/store.js'
import type { TargetRow } from '../../store/targets.js'
import { resolveAlert } from '../resolve-alert.js'

const sentences = {
  served: 'is served by',
  deployed: 'is deployed to; it is not served yet by',
  unverifiable: 'is deployed to; no handshake can show it at',
} as const

/** Says that a placement has got where it should be, as far as that is known, and that what was wrong with it is over. */
export async function tellPlacement(
  tx: Tx,
  {
    placement,
    target,
    certificate,
  }: { placement: Pick<PlacementRow, 'id'>; target: TargetRow; certificate: CertificateRow },
  { state, fingerprint }: { state: keyof typeof sentences; fingerprint: string },
): Promise<void> {
  const about = {
    title: `${certificate.name} ${sentences[state]} ${target.name}`,
    data: { fingerprint, target_id: target.id, state },
    certificateId: certificate.id,
    targetId: target.id,
    agentId: target.agent_id,
  }
  await emitEvent(tx, { ...about, type: `placement.${state}`, severity: 'info' })
  await resolveAlert(tx, { ...about, type: 'placement.recovered', subject: `placement:${placement.id}` })
}
