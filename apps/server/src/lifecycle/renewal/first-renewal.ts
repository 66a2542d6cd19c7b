import type { Services } from '../../services.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { Tx } from '../../store/store.js'
import type { VersionRow } from '../../store/versions.js'
import { drawOf, renewalOf } from './renewal-of.js'
import { renewalPolicyOf } from './renewal-policy-of.js'

type RenewalColumns = Pick<
  HolderRow,
  | 'renew_at'
  | 'renew_at_reason'
  | 'renewal_draw'
  | 'renewal_window_start'
  | 'renewal_window_end'
  | 'renewal_info_url'
  | 'renewal_info_at'
>

/** When a version that was just recorded is renewed. Its CA, where it has an opinion, is asked for it at once, and moves that. */
export async function firstRenewal(
  services: Services,
  tx: Tx,
  { certificate, version }: { certificate: CertificateRow; version: VersionRow },
): Promise<RenewalColumns> {
  const [policy, isAsked] = await Promise.all([
    renewalPolicyOf(tx, certificate),
    hasOpinions(services, tx, version.issuer_id),
  ])
  const holder = { renewal_window_start: null, renewal_window_end: null, renewal_draw: drawOf(tx.chance.random) }
  const pastSpreadSeconds = services.config.renewal_spread
  return {
    ...holder,
    ...renewalOf({ version, policy, holder, now: tx.now, pastSpreadSeconds }),
    renewal_info_url: null,
    renewal_info_at: isAsked ? tx.now : null,
  }
}

async function hasOpinions({ registry }: Services, tx: Tx, issuerId: string): Promise<boolean> {
  const connection = await tx.connections.get('issuer', issuerId)
  const registered = connection === undefined ? undefined : registry.find('issuer', connection.type)
  return registered?.definition.capabilities.operations.includes('renewalInfo') ?? false
}
