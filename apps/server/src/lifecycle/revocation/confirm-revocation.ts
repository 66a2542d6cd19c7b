import { CertctlError, isCertctlError, messageOf, type RevocationOutcome, type RevocationReason } from '@certctl/core'
import { systemActor } from '../../access/principal.js'
import type { Services } from '../../services.js'
import type { RevocationRow } from '../../store/revocations.js'
import type { Tx } from '../../store/store.js'
import { answerInTime } from '../order/answer-in-time.js'
import { backoff } from '../order/backoff.js'
import { issuedRef } from '../order/issued-ref.js'
import { raiseAlert } from '../raise-alert.js'
import { resolveAlert } from '../resolve-alert.js'

const callSeconds = 90
const askAgainSeconds = 3600
// A wish for longer is a mistake: whoever has a revocation in hand is asked once a day, and people hear of three failures within days.
const longestWishSeconds = 86_400
const shortestSeconds = 60
const failuresBeforeAlert = 3
const longestRestMs = 300_000

/** Tells the issuer once about a revocation that it has not confirmed; the attempt is counted already. Never rejects for what the issuer does. */
export async function confirmRevocation(services: Services, row: RevocationRow, signal: AbortSignal): Promise<void> {
  try {
    const outcome = await answerInTime((limited) => tell(services, row, limited), { seconds: callSeconds, signal })
    await keep(services, row, outcome)
  } catch (error) {
    await keepFailure(services, row, error)
  }
}

async function tell(services: Services, row: RevocationRow, signal: AbortSignal): Promise<RevocationOutcome> {
  const version = await services.store.versions.getWithDer(row.version_id)
  if (version === undefined) throw new CertctlError('internal', `Version ${row.version_id} has no certificate`)
  const { connector, name } = await services.connections.issuer(row.issuer_id)
  if (connector.revoke === undefined) throw new CertctlError('unsupported', `${name} cannot be told about revocations`)
  return await connector.revoke({
    id: row.id,
    attempt: row.attempts,
    firstAskedAt: row.first_asked_at ?? row.created_at,
    certificate: issuedRef(version),
    reason: row.reason as RevocationReason,
    reasonText: row.reason_text,
    reference: row.reference ?? undefined,
    signal,
  })
}

async function keep(services: Services, row: RevocationRow, outcome: RevocationOutcome): Promise<void> {
  await services.store.transaction(async (tx) => {
    const isConfirmed = outcome.status === 'confirmed'
    const wished = isConfirmed ? 0 : (outcome.retryAfterSeconds ?? askAgainSeconds)
    const seconds = Math.min(Math.max(wished, shortestSeconds), longestWishSeconds)
    await tx.revocations.update(row.id, {
      state: outcome.status,
      ...(isConfirmed
        ? { confirmed_at: tx.now, next_try_at: null }
        : { reference: outcome.reference ?? row.reference, next_try_at: new Date(tx.now.getTime() + seconds * 1000) }),
      last_error_code: null,
      last_error: null,
    })
    if (!isConfirmed) {
      await endOutlived(tx, row)
      return
    }
    tx.audit.append({
      actor: systemActor,
      action: 'revocation.confirmed',
      resource_type: 'revocation',
      resource_id: row.id,
      details: { version_id: row.version_id, issuer_id: row.issuer_id, attempts: row.attempts },
    })
    await resolveAlert(tx, {
      subject: `revocation:${row.id}`,
      type: 'revocation.confirmed',
      title: 'The issuer confirmed a revocation',
      issuerId: row.issuer_id,
    })
  })
}

async function keepFailure(services: Services, row: RevocationRow, error: unknown): Promise<void> {
  const code = isCertctlError(error) ? error.code : 'internal'
  const message = messageOf(error)
  await services.store.transaction(async (tx) => {
    const wished = isCertctlError(error) ? (error.retryAfterSeconds ?? 0) : 0
    const retryAfterSeconds = Math.min(wished, longestWishSeconds)
    const nextAt = backoff({ failures: row.attempts, now: tx.now, retryAfterSeconds, random: tx.chance.random })
    await tx.revocations.update(row.id, { next_try_at: nextAt, last_error_code: code, last_error: message })
    if ((await endOutlived(tx, row)) || row.attempts < failuresBeforeAlert) return
    await raiseAlert(tx, {
      subject: `revocation:${row.id}`,
      type: 'revocation.unconfirmed',
      severity: 'critical',
      title: `A revocation is known here, but its issuer has not confirmed it: ${message}`,
      command: `certctl issuers test ${row.issuer_id}`,
      data: { code, message, version_id: row.version_id, attempts: row.attempts },
      issuerId: row.issuer_id,
    })
  })
  // By itself: however many they are, that this one failed is known.
  if (code === 'upstream_unavailable') await restIssuer(services, row)
}

/** Nobody trusts a certificate that has ended, confirmed or not: its issuer is told on, and people need do nothing. Returns whether it has. */
async function endOutlived(tx: Tx, row: RevocationRow): Promise<boolean> {
  const version = await tx.versions.get(row.version_id)
  if (version === undefined || version.not_after.getTime() > tx.now.getTime()) return false
  await resolveAlert(tx, {
    subject: `revocation:${row.id}`,
    type: 'revocation.outlived',
    title: 'The certificate has ended; its issuer has still not confirmed that it was revoked',
    issuerId: row.issuer_id,
  })
  return true
}

/** Who does not answer is not asked for the others one after the other, each with a call that takes its time: they come after this one. */
async function restIssuer({ store, clock }: Services, { id, issuer_id: issuerId }: RevocationRow): Promise<void> {
  const nextAt = (await store.revocations.get(id))?.next_try_at?.getTime() ?? 0
  const until = Math.min(nextAt, clock.now().getTime() + longestRestMs)
  await store.revocations.putOff(issuerId, new Date(until))
}
