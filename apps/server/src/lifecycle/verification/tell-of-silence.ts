import type { CertificateRow } from '../../store/certificates.js'
import type { PlacementRow } from '../../store/placements.js'
import type { Tx } from '../../store/store.js'
import type { TargetRow } from '../../store/targets.js'
import { raiseAlert } from '../raise-alert.js'

/** Whether nobody could see at the last look what was deployed. */
export function isSilent({ state, cause_code }: Pick<PlacementRow, 'state' | 'cause_code'>): boolean {
  return state === 'deployed' && cause_code !== null
}

/** A service that does not answer once may be restarting; at the second look in a row people are told. */
export async function tellOfSilence(
  tx: Tx,
  { placement, certificate, target }: { placement: PlacementRow; certificate: CertificateRow; target: TargetRow },
  message: string,
): Promise<void> {
  if (!isSilent(placement)) return
  await raiseAlert(tx, {
    subject: `placement:${placement.id}`,
    type: 'placement.unreachable',
    severity: 'warning',
    title: `${certificate.name} is deployed to ${target.name} and nobody can see it there: ${message}`,
    command: `certctl certificates placements ${certificate.id}`,
    data: { message, target_id: target.id },
    certificateId: certificate.id,
    targetId: target.id,
    agentId: target.agent_id,
  })
}
