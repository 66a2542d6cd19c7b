import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { Tx } from '../../store/store.js'
import { keeperOf, renewCommandFor } from './renew-command.js'

/** Why a version that nears its end has no successor, as far as the record has it. */
export function whyNotRenewed(holder: HolderRow): string {
  const { renew_at, renew_at_reason, blocked_code, last_error, failures, next_attempt_at: next } = holder
  const again = next === null ? '' : ` or tried again at ${next.toISOString()}`
  if (blocked_code !== null)
    return `it is not issued until it is changed or renewed by hand${again}: ${last_error ?? blocked_code}`
  if (last_error !== null) return `its renewal ${failures === 0 ? 'waits' : `failed ${failures} times`}: ${last_error}`
  if (renew_at === null) return renew_at_reason ?? 'nobody renews it'
  return `its renewal, due since ${renew_at.toISOString()}, has not come`
}

/** What people type to give it a successor, or, where that comes by itself, to see what keeps it. */
export async function commandForSuccessor(
  tx: Tx,
  { certificate, holder }: { certificate: CertificateRow; holder: HolderRow },
): Promise<string> {
  const { renew_at, blocked_code, last_error, agent_id } = holder
  const keeper = await keeperOf(tx, { certificate, holder })
  if (renew_at === null || blocked_code !== null) return renewCommandFor(certificate.id, keeper)
  if (last_error !== null) return `certctl issuers test ${certificate.issuer_id}`
  if (!keeper.mayHoldKey || keeper.needsCsr) return renewCommandFor(certificate.id, keeper)
  return agent_id === null ? `certctl certificates show ${certificate.id}` : `certctl agents show ${agent_id}`
}
