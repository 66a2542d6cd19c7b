import { emitEvent } from '../../notify/emit-event.js'
import type { Services } from '../../services.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { PassedThreshold } from '../../store/expiry-alerts.js'
import type { HolderRow } from '../../store/holders.js'
import type { Tx } from '../../store/store.js'
import type { VersionRow } from '../../store/versions.js'
import { withCommand } from '../raise-alert.js'
import { commandForSuccessor, whyNotRenewed } from './not-renewed.js'
import { type AlertTier, renewalPolicyOf } from './renewal-policy-of.js'

const severities = { informational: 'info', warning: 'warning', critical: 'critical' } as const
const dayMs = 86_400_000

/** Tells, once per version and threshold, that a certificate nears its end and is not being renewed: to whom and how gravely, its renewal policy says. */
export async function alertExpiry(services: Services, passed: PassedThreshold): Promise<void> {
  await services.store.transaction(async (tx) => {
    const certificate = await tx.certificates.lock(passed.certificate_id)
    const holder = await tx.holders.get(passed.holder_id)
    const version = await tx.versions.get(passed.version_id)
    if (certificate === undefined || version === undefined || holder?.current_version_id !== version.id) return
    const row = { version_id: version.id, threshold_days: passed.threshold_days, told_at: tx.now }
    if (!(await tx.expiryAlerts.insert(row))) return
    const policy = await renewalPolicyOf(tx, certificate)
    const tier = policy.tierOf(passed.threshold_days)
    await tell(tx, {
      certificate,
      holder,
      version,
      tier,
      channels: policy.channels[tier],
      threshold: passed.threshold_days,
    })
  })
}

interface Told {
  certificate: CertificateRow
  holder: HolderRow
  version: VersionRow
  tier: AlertTier
  channels: readonly string[] | undefined
  threshold: number
}

/** A nearer threshold takes the place of the one before. */
async function tell(tx: Tx, { certificate, holder, version, tier, channels, threshold }: Told): Promise<void> {
  const command = await commandForSuccessor(tx, { certificate, holder })
  const hasEnded = version.not_after.getTime() <= tx.now.getTime()
  const alertKey = `expiring:${holder.id}`
  await emitEvent(tx, {
    type: hasEnded ? 'certificate.ended' : 'certificate.expiring',
    severity: severities[tier],
    title: withCommand(`${certificate.name} ${endText(version, tx.now)}, and ${whyNotRenewed(holder)}`, command),
    data: { threshold_days: threshold, tier, channels, not_after: version.not_after.toISOString(), command },
    certificateId: certificate.id,
    agentId: holder.agent_id ?? undefined,
    issuerId: version.issuer_id,
    alertKey,
    resolves: alertKey,
  })
}

function endText({ not_after }: VersionRow, now: Date): string {
  const days = Math.floor((not_after.getTime() - now.getTime()) / dayMs)
  const at = not_after.toISOString()
  if (not_after.getTime() <= now.getTime()) return `ended at ${at}`
  return days < 1 ? `ends within a day, at ${at}` : `ends in ${days} ${days === 1 ? 'day' : 'days'}, at ${at}`
}
