import type { RevocationReason } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Tx } from '../../store/store.js'
import type { VersionRow } from '../../store/versions.js'

export interface WantedRevocation {
  version: VersionRow
  reason: RevocationReason
  /** 1 to 511 characters. */
  reasonText: string
  requestedBy: string
}

/** Revoked here from this transaction on; the schedule tells the issuer until it confirms. Where the issuer cannot be told, the row says so. Returns whether it was new. */
export async function queueRevocation(
  services: Services,
  tx: Tx,
  { version, reason, reasonText, requestedBy }: WantedRevocation,
): Promise<boolean> {
  const connection = await tx.connections.get('issuer', version.issuer_id)
  const operations =
    services.registry.find('issuer', connection?.type ?? '')?.definition.capabilities.operations ?? undefined
  // A connector that is missing today may be back tomorrow: only one that is here and cannot is final.
  const canTell = operations === undefined || operations.includes('revoke')
  const isNew = await tx.revocations.insert({
    id: tx.chance.uuid(),
    version_id: version.id,
    issuer_id: version.issuer_id,
    reason,
    reason_text: reasonText.slice(0, 511),
    state: canTell ? 'here' : 'unconfirmable',
    next_try_at: canTell ? tx.now : null,
    requested_by: requestedBy,
    created_at: tx.now,
  })
  if (isNew) await tx.versions.update(version.id, { revoked_at: tx.now, revocation_reason: reason })
  return isNew
}
