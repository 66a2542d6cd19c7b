import type { JobReport } from '@certctl/api'
import type { Actor } from '../../store/audit-entry.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { PlacementRow } from '../../store/placements.js'
import type { Tx } from '../../store/store.js'
import type { TargetRow } from '../../store/targets.js'
import type { VersionRow } from '../../store/versions.js'
import { planPlacements } from '../placement/plan-placements.js'
import { tellPlacement } from '../placement/tell-placement.js'
import { raiseAlert } from '../raise-alert.js'
import { resolveAlert } from '../resolve-alert.js'
import { graceSeconds } from './grace-seconds.js'
import { judgePlacement, type PlacementVerdict } from './judge-placement.js'
import { nextVerification } from './next-verification.js'
import { shownAs } from './proof-of.js'
import { seeWhileFailed } from './see-while-failed.js'
import { isSilent, tellOfSilence } from './tell-of-silence.js'
import { unverifiableCause } from './unverifiable-cause.js'

export interface Observed {
  held?: JobReport['verification']
  served?: JobReport['served']
  actor: Actor
  /** How often a placement is looked at. */
  everySeconds: number
}

interface Rows {
  certificate: CertificateRow
  target: TargetRow
  placement: PlacementRow
}

// A repair that is undone at once is somebody's fight with us; once a minute is enough to win or lose it.
const repairPauseMs = 60_000

/**
 * What an agent saw at a target, with a job or without. A difference is drift and gets a deployment. Looks at a placement that
 * is being deployed, waits for its first deployment, is frozen or was removed change nothing: others decide there. Where a deployment
 * failed, what is seen is kept beside that. Certificate, target and placement are locked.
 */
export async function observePlacement(tx: Tx, rows: Rows, observed: Observed): Promise<void> {
  const { certificate, target, placement } = rows
  const { held, served = [], actor, everySeconds } = observed
  const desired =
    placement.desired_version_id === null ? undefined : await tx.versions.get(placement.desired_version_id)
  const settled = ['deployed', 'served', 'unverifiable', 'drifted'].includes(placement.state)
  const isOver = placement.frozen_at !== null || placement.removed_at !== null
  if (desired !== undefined && placement.state === 'failed' && !isOver)
    return await seeWhileFailed(tx, placement, {
      held,
      served,
      desiredFingerprint: desired.fingerprint,
      siblings: await siblingsOf(tx, certificate, desired),
    })
  if (desired === undefined || !settled || isOver || placement.deployed_at === null)
    return await tx.placements.update(placement.id, { observed_at: tx.now })
  if (held === undefined && served.length === 0 && placement.state !== 'deployed')
    return await tx.placements.update(placement.id, {
      observed_at: tx.now,
      verify_at: verifyAt(tx, rows, { state: placement.state, everySeconds }),
    })
  const siblings = await siblingsOf(tx, certificate, desired)
  const graceUntil = new Date(placement.deployed_at.getTime() + graceSeconds(target) * 1000)
  const verdict = judgePlacement({
    held,
    served,
    desiredFingerprint: desired.fingerprint,
    siblings,
    graceUntil,
    now: tx.now,
  })
  if (verdict.state === 'drifted') return await drift(tx, rows, { verdict, actor })
  await keep(tx, rows, { verdict, served, desired, everySeconds })
}

async function siblingsOf(tx: Tx, certificate: CertificateRow, desired: VersionRow): Promise<Set<string>> {
  const current = await tx.versions.listCurrent(certificate.id)
  return new Set(current.filter(({ id }) => id !== desired.id).map(({ fingerprint }) => fingerprint))
}

function verifyAt(
  { now, chance }: Tx,
  { target }: Rows,
  { state, everySeconds }: { state: PlacementRow['state']; everySeconds: number },
): Date {
  return nextVerification({ state, target, everySeconds, now, random: chance.random })
}

interface Kept {
  verdict: Exclude<PlacementVerdict, { state: 'drifted' }>
  served: NonNullable<Observed['served']>
  desired: VersionRow
  everySeconds: number
}

async function keep(tx: Tx, rows: Rows, kept: Kept): Promise<void> {
  const { placement } = rows
  const { verdict, served, desired, everySeconds } = kept
  const cause = causeOf(rows, kept)
  const seen = served.find(({ fingerprint }) => fingerprint !== undefined)?.fingerprint
  await tx.placements.update(placement.id, {
    state: verdict.state,
    observed_at: tx.now,
    verify_at: verifyAt(tx, rows, { state: verdict.state, everySeconds }),
    next_attempt_at: null,
    cause_code: cause?.code ?? null,
    cause_message: cause?.message ?? null,
    ...(verdict.state === 'served' ? { served_fingerprint: desired.fingerprint, served_at: tx.now, failures: 0 } : {}),
    // What was seen before is gone, and no look will ever say so.
    ...(verdict.state === 'unverifiable' ? { served_fingerprint: null, served_at: null } : {}),
    ...(verdict.state === 'deployed' && seen !== undefined ? { served_fingerprint: seen, served_at: tx.now } : {}),
    updated_at: verdict.state === placement.state ? placement.updated_at : tx.now,
  })
  const becameServed = verdict.state === 'served' && placement.state !== 'served'
  if (becameServed) {
    await tx.jobs.noteProof(placement, { verification: shownAs(desired.fingerprint, tx.now) })
    await tellPlacement(tx, rows, { state: 'served', fingerprint: desired.fingerprint })
  }
  const becameUnverifiable = verdict.state === 'unverifiable' && placement.state !== 'unverifiable'
  if (becameUnverifiable) await tx.jobs.noteProof(placement, { unverifiable: true })
  if (verdict.state === 'deployed' && cause !== undefined) await tellOfSilence(tx, rows, cause.message)
  else if (!becameServed && (isSilent(placement) || placement.state === 'drifted')) await tellOfEnd(tx, rows)
}

function causeOf({ target }: Rows, { verdict, served }: Kept): ReturnType<typeof unverifiableCause> | undefined {
  if (verdict.state === 'deployed') return verdict.cause
  return verdict.state === 'unverifiable' ? unverifiableCause(target, served) : undefined
}

/** What was wrong is over, though nothing shows that all is right. */
async function tellOfEnd(tx: Tx, { placement, certificate, target }: Rows): Promise<void> {
  await resolveAlert(tx, {
    subject: `placement:${placement.id}`,
    type: 'placement.recovered',
    title: `${target.name} was looked at again, and nothing is known to be wrong with ${certificate.name} there`,
    data: { target_id: target.id },
    certificateId: certificate.id,
    targetId: target.id,
    agentId: target.agent_id,
  })
}

async function drift(
  tx: Tx,
  rows: Rows,
  { verdict, actor }: { verdict: Extract<PlacementVerdict, { state: 'drifted' }>; actor: Actor },
): Promise<void> {
  const { placement, certificate, target } = rows
  const earliest = (placement.deployed_at?.getTime() ?? 0) + repairPauseMs
  const { code, message } = verdict.cause
  await tx.placements.update(placement.id, {
    state: 'drifted',
    observed_at: tx.now,
    verify_at: null,
    next_attempt_at: new Date(Math.max(tx.now.getTime(), earliest)),
    cause_code: code,
    cause_message: message,
    updated_at: tx.now,
  })
  if (placement.state !== 'drifted') {
    tx.audit.append({
      actor,
      action: 'placement.drifted',
      resource_type: 'placement',
      resource_id: placement.id,
      details: { certificate_id: certificate.id, target_id: target.id, message },
    })
    await raiseAlert(tx, {
      subject: `placement:${placement.id}`,
      type: 'placement.drifted',
      severity: 'warning',
      title: `${target.name} does not have what it should of ${certificate.name}; it is deployed again: ${message}`,
      command: `certctl targets test ${target.id}`,
      // Whoever was seen with something else answers.
      takesOver: true,
      data: { message, target_id: target.id },
      certificateId: certificate.id,
      targetId: target.id,
      agentId: target.agent_id,
    })
  }
  await planPlacements(tx, { certificate, requestedBy: 'System', placementId: placement.id })
}
