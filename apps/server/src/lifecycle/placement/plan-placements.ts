import type { CertificateRow } from '../../store/certificates.js'
import { createId } from '../../store/create-id.js'
import type { HolderRow } from '../../store/holders.js'
import type { PlacementView } from '../../store/placements.js'
import type { Tx } from '../../store/store.js'
import type { TargetRow } from '../../store/targets.js'
import type { VersionRow } from '../../store/versions.js'
import { waitText, windowOf } from './window-of.js'

export interface PlacementPlan {
  certificate: CertificateRow
  requestedBy: string
  /** Only this placement; all of the certificate where none is named. */
  placementId?: string | undefined
}

/**
 * Makes what is desired of every placement the current version of the agent that holds its key, gives agents that hold none a holder,
 * and gives every placement that is not as it should be a deployment. The certificate is locked. Returns the open deploy jobs.
 */
export async function planPlacements(tx: Tx, plan: PlacementPlan): Promise<string[]> {
  const { certificate, requestedBy, placementId } = plan
  if (certificate.archived_at !== null) return []
  const [all, holders] = await Promise.all([
    tx.placements.listOfCertificate(certificate.id),
    tx.holders.listOfCertificate(certificate.id),
  ])
  const placements = all.filter(({ id }) => placementId === undefined || id === placementId)
  const agents = holders.filter(({ kind }) => kind === 'agent')
  const [targetRows, versions] = await Promise.all([
    tx.targets.getMany(placements.map((row) => row.target_id)),
    versionsByAgent(tx, agents),
  ])
  const targets = byId(targetRows)
  const live = placements.filter(({ target_id: id }) => targets.get(id)?.retired_at === null)
  await addMissingHolders(tx, certificate, { holders, live })
  const jobs: string[] = []
  for (const placement of live) {
    const target = targets.get(placement.target_id)
    const version = versions.get(placement.agent_id)
    if (target === undefined || version === undefined) continue
    const wanted = await desire(tx, placement, version)
    if (wanted === undefined || !mayDeploy(wanted, target)) continue
    jobs.push(await planDeployment(tx, wanted, { target, requestedBy }))
  }
  return jobs
}

function byId<Row extends { id: string }>(rows: readonly Row[]): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [row.id, row]))
}

/** An agent that holds no key of the certificate becomes a holder. */
async function addMissingHolders(
  tx: Tx,
  certificate: CertificateRow,
  { holders, live }: { holders: readonly HolderRow[]; live: readonly PlacementView[] },
): Promise<void> {
  const known = new Set(holders.map((holder) => holder.agent_id))
  const needed = new Set(live.map((row) => row.agent_id).filter((agentId) => !known.has(agentId)))
  for (const agentId of needed) {
    const own = live.filter((placement) => placement.agent_id === agentId)
    const standing = givenUp(holders) ?? ((await areGivenUp(tx, own)) ? revokedForGood(certificate) : {})
    await tx.holders.insert({
      ...standing,
      id: createId('holder', tx.now),
      certificate_id: certificate.id,
      kind: 'agent',
      agent_id: agentId,
      created_at: tx.now,
    })
  }
}

/** Where all others gave up because the certificate was revoked for good, a new one does not ask by itself either. */
function givenUp(holders: readonly HolderRow[]) {
  const [first] = holders
  if (first === undefined || holders.some(({ blocked_code: code }) => code !== 'already_revoked')) return undefined
  const { last_error_code, last_error, blocked_code, blocked_generation } = first
  return { last_error_code, last_error, blocked_code, blocked_generation }
}

/** All that goes there came with targets of others, whose version was revoked and who are not asked for a new one. */
async function areGivenUp(tx: Tx, placements: readonly PlacementView[]): Promise<boolean> {
  for (const { desired_version_id: desired } of placements) {
    const version = desired === null ? undefined : await tx.versions.get(desired)
    if (version === undefined || version.revoked_at === null) return false
    const before = await tx.holders.get(version.holder_id)
    if (before?.renewal_requested_at !== null) return false
  }
  return true
}

function revokedForGood({ generation }: CertificateRow) {
  const reason = { last_error_code: 'already_revoked', last_error: 'The certificate was revoked' }
  return { ...reason, blocked_code: 'already_revoked', blocked_generation: generation }
}

/** What each of these agents serves now, if it may. */
async function versionsByAgent(tx: Tx, holders: readonly HolderRow[]): Promise<ReadonlyMap<string, VersionRow>> {
  const versions = byId(await tx.versions.getMany(holders.flatMap((holder) => holder.current_version_id ?? [])))
  return new Map(
    holders.flatMap(({ agent_id: agentId, current_version_id: current }) => {
      const version = current === null ? undefined : versions.get(current)
      return agentId === null || version?.revoked_at !== null ? [] : [[agentId, version] as const]
    }),
  )
}

type Wanted = Pick<
  PlacementView,
  | 'id'
  | 'certificate_id'
  | 'target_id'
  | 'blocked_code'
  | 'blocked_generation'
  | 'next_attempt_at'
  | 'deployed_fingerprint'
  | 'served_fingerprint'
  | 'window_at'
>

/** The placement with what is desired now; `undefined` where it is as it should be. */
async function desire(tx: Tx, placement: PlacementView, version: VersionRow): Promise<Wanted | undefined> {
  if (placement.desired_version_id !== version.id) {
    const renewed = {
      desired_version_id: version.id,
      desired_at: tx.now,
      state: 'pending' as const,
      failures: 0,
      next_attempt_at: tx.now,
      verify_at: null,
      cause_code: null,
      cause_message: null,
      blocked_code: null,
      blocked_generation: null,
      frozen_at: null,
      updated_at: tx.now,
    }
    await tx.placements.update(placement.id, renewed)
    return { ...placement, ...renewed }
  }
  const isDone = placement.state === 'served' || placement.state === 'unverifiable'
  if (isDone || placement.frozen_at !== null) return undefined
  return placement.state === 'deployed' && placement.next_attempt_at === null ? undefined : placement
}

function mayDeploy(placement: Wanted, target: TargetRow): boolean {
  return target.enabled && (placement.blocked_code === null || (placement.blocked_generation ?? 0) < target.generation)
}

async function planDeployment(
  tx: Tx,
  placement: Wanted,
  { target, requestedBy }: { target: TargetRow; requestedBy: string },
): Promise<string> {
  const { next_attempt_at: next } = placement
  const earliest = next !== null && next.getTime() > tx.now.getTime() ? next : tx.now
  const opensAt = await windowOf(tx, { target, placement, at: earliest })
  const runAt = opensAt ?? earliest
  if (opensAt?.getTime() !== placement.window_at?.getTime())
    await tx.placements.update(placement.id, { window_at: opensAt ?? null })
  const { id, created } = await tx.jobs.insert({
    id: createId('job', tx.now),
    kind: 'deploy',
    state: 'ready',
    agent_id: target.agent_id,
    certificate_id: placement.certificate_id,
    placement_id: placement.id,
    target_id: target.id,
    generation: target.generation,
    run_at: runAt,
    last_error: opensAt === undefined ? null : waitText(opensAt),
    requested_by: requestedBy,
    created_at: tx.now,
  })
  if (created || (await tx.jobs.bringForward(id, runAt))) tx.wake('agent', target.agent_id)
  return id
}
