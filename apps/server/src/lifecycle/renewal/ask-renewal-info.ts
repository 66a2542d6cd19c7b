import { isCertctlError, messageOf, type RenewalInfo } from '@certctl/core'
import { systemActor } from '../../access/principal.js'
import type { Services } from '../../services.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { Tx } from '../../store/store.js'
import type { VersionWithDer } from '../../store/versions.js'
import { answerInTime } from '../order/answer-in-time.js'
import { issuedRef } from '../order/issued-ref.js'
import { raiseAlert } from '../raise-alert.js'
import { renewCommand } from './renew-command.js'
import { movedRenewal } from './renewal-of.js'
import { type RenewalPolicy, renewalPolicyOf } from './renewal-policy-of.js'
import { suggestedWindow } from './suggested-window.js'

const callSeconds = 30
const shortestSeconds = 60
const longestSeconds = 86_400
const failedSeconds = 3600
// Towards later: a CA is never asked sooner than it said.
const jitter = 0.1

/**
 * Asks the CA of what a holder serves when it wants the renewal (RFC 9773), keeps its answer and when to ask again. Never rejects: a CA
 * that does not answer, or answers nonsense, leaves the time as it is.
 */
export async function askRenewalInfo(services: Services, holder: HolderRow, signal: AbortSignal): Promise<void> {
  const { store, clock, log } = services
  try {
    const version =
      holder.current_version_id === null ? undefined : await store.versions.getWithDer(holder.current_version_id)
    const certificate = await store.certificates.get(holder.certificate_id)
    const isOver = version?.revoked_at !== null || version.not_after.getTime() <= clock.now().getTime()
    if (isOver || certificate?.archived_at !== null) return await askNoMore(services, holder)
    const { connector } = await services.connections.issuer(version.issuer_id)
    if (connector.renewalInfo === undefined) return await askNoMore(services, holder)
    const info = await answerInTime(async (limited) => await connector.renewalInfo?.(issuedRef(version), limited), {
      seconds: callSeconds,
      signal,
    })
    await store.transaction(async (tx) => await keep(services, tx, { holderId: holder.id, version, info }))
  } catch (error) {
    log.warn({ holder: holder.id, reason: messageOf(error) }, 'no renewal information; the time of renewal stays')
    const seconds = isCertctlError(error) ? error.retryAfterSeconds : undefined
    await askAgain(services, holder, seconds ?? Math.min(failedSeconds, services.config.renewal_info_interval))
  }
}

async function askNoMore({ store }: Services, { id, current_version_id }: HolderRow): Promise<void> {
  await store.holders.updateWhileCurrent({ id, current_version_id }, { renewal_info_at: null })
}

async function askAgain(services: Services, { id, current_version_id }: HolderRow, seconds: number): Promise<void> {
  const renewalInfoAt = nextLook(services, services.clock.now(), seconds)
  try {
    await services.store.holders.updateWhileCurrent({ id, current_version_id }, { renewal_info_at: renewalInfoAt })
  } catch (error) {
    // It was put off when it was taken, and is due again by itself.
    services.log.error({ holder: id, reason: messageOf(error) }, 'the next look could not be written down')
  }
}

function nextLook({ config, chance: { random } }: Services, now: Date, asked: number | undefined): Date {
  const wished = asked !== undefined && asked > 0 ? asked : config.renewal_info_interval
  const seconds = Math.min(Math.max(wished, shortestSeconds), longestSeconds)
  return new Date(now.getTime() + Math.ceil(seconds * (1 + jitter * random()) * 1000))
}

interface Answer {
  holderId: string
  version: VersionWithDer
  info: RenewalInfo | undefined
}

async function keep(services: Services, tx: Tx, { holderId, version, info }: Answer): Promise<void> {
  const certificate = await tx.certificates.lock(version.certificate_id)
  const holder = await tx.holders.lock(holderId)
  if (certificate === undefined || holder?.current_version_id !== version.id || holder.closed_at !== null) return
  // Revoked while its CA was asked.
  const isRevoked = (await tx.versions.get(version.id))?.revoked_at !== null
  if (isRevoked) return await tx.holders.update(holder.id, { renewal_info_at: null })
  const lookAgain = { renewal_info_at: nextLook(services, tx.now, info?.retryAfterSeconds) }
  const found = info === undefined ? undefined : suggestedWindow(info, receivedOf(version))
  if (found !== undefined && 'fault' in found) {
    services.log.warn(
      { certificate: certificate.id, issuer: version.issuer_id, fault: found.fault },
      'the window for renewal that a CA suggests cannot be used; the time of renewal stays',
    )
    return await tx.holders.update(holder.id, lookAgain)
  }
  const window = {
    renewal_window_start: found?.window.windowStart ?? null,
    renewal_window_end: found?.window.windowEnd ?? null,
    renewal_info_url: info?.explanationUrl ?? null,
  }
  await tx.holders.update(holder.id, { ...lookAgain, ...window })
  const policy = await renewalPolicyOf(tx, certificate)
  const moved = { certificate, version, before: holder, window, policy }
  if (!isSame(holder, window)) await move(services, tx, moved)
  const begins = window.renewal_window_start?.getTime() ?? Number.POSITIVE_INFINITY
  if (!policy.autoRenew && begins <= tx.now.getTime()) await tellWhoRenews(tx, moved)
}

function receivedOf({ received_at, not_after }: VersionWithDer) {
  return { receivedAt: received_at, notAfter: not_after }
}

type Window = Pick<HolderRow, 'renewal_window_start' | 'renewal_window_end' | 'renewal_info_url'>

function isSame(before: Window, now: Window): boolean {
  return (
    before.renewal_window_start?.getTime() === now.renewal_window_start?.getTime() &&
    before.renewal_window_end?.getTime() === now.renewal_window_end?.getTime()
  )
}

interface Move {
  certificate: CertificateRow
  version: VersionWithDer
  before: HolderRow
  window: Window
  policy: RenewalPolicy
}

async function move(services: Services, tx: Tx, { certificate, version, before, window, policy }: Move): Promise<void> {
  const pastSpreadSeconds = services.config.renewal_spread
  const next = movedRenewal({ version, policy, holder: { ...before, ...window }, now: tx.now, pastSpreadSeconds })
  await tx.holders.update(before.id, next)
  if (before.renewal_window_start !== null) audit(tx, { certificate, before, window, renewAt: next.renew_at })
}

async function tellWhoRenews(tx: Tx, { certificate, version, before, window }: Move): Promise<void> {
  await raiseAlert(tx, {
    subject: `ca-asks:${before.id}`,
    type: 'certificate.renewal_asked',
    severity: 'warning',
    title: `The CA of ${certificate.name} asks for its renewal, and its policy leaves renewals to people`,
    command: await renewCommand(tx, { certificate, holder: before }),
    data: { url: window.renewal_info_url ?? undefined },
    certificateId: certificate.id,
    issuerId: version.issuer_id,
  })
}

function audit(
  tx: Tx,
  { certificate, before, window, renewAt }: Omit<Move, 'version' | 'policy'> & { renewAt: Date | null },
): void {
  tx.audit.append({
    actor: systemActor,
    action: 'certificate.renewal_moved',
    resource_type: 'certificate',
    resource_id: certificate.id,
    details: {
      holder_id: before.id,
      window_start: window.renewal_window_start?.toISOString(),
      window_end: window.renewal_window_end?.toISOString(),
      explanation: window.renewal_info_url ?? undefined,
      renew_at: renewAt?.toISOString(),
    },
  })
}
