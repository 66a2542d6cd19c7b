import type { PlacementRow } from '../../store/placements.js'
import type { Tx } from '../../store/store.js'
import type { TargetRow } from '../../store/targets.js'
import type { VersionRow } from '../../store/versions.js'
import { nextWindow } from './next-window.js'

// A deployment that begins when the window opens must be over before the certificate is.
const marginMs = 900_000

export interface WindowQuestion {
  target: Pick<TargetRow, 'windows'>
  placement: Pick<PlacementRow, 'served_fingerprint' | 'deployed_fingerprint'>
  /** When it would begin. */
  at: Date
}

/** When the maintenance window opens that a deployment must wait for. `undefined`: it need not wait. */
export async function windowOf(tx: Tx, { target, placement, at }: WindowQuestion): Promise<Date | undefined> {
  if (target.windows.length === 0) return undefined
  const opensAt = nextWindow(target.windows, at)
  if (opensAt === undefined || opensAt.getTime() <= at.getTime()) return undefined
  const served =
    (await versionOf(tx, placement.served_fingerprint)) ?? (await versionOf(tx, placement.deployed_fingerprint))
  return beatsWindow(served, opensAt) ? undefined : opensAt
}

/** `undefined` also for what somebody else put there, whose end nobody knows. */
async function versionOf(tx: Tx, fingerprint: string | null): Promise<VersionRow | undefined> {
  return fingerprint === null ? undefined : await tx.versions.findByFingerprint(fingerprint)
}

/** A certificate that ends before the window opens, or whose key is known to others, is worse than a change outside it. */
export function beatsWindow(
  served: Pick<VersionRow, 'not_after' | 'revoked_at' | 'revocation_reason'> | undefined,
  opensAt: Date,
): boolean {
  if (served === undefined) return false
  if (served.revoked_at !== null && served.revocation_reason === 'keyCompromise') return true
  return served.not_after.getTime() <= opensAt.getTime() + marginMs
}

/** What a job says that waits. */
export function waitText(opensAt: Date): string {
  return `Waits for the maintenance window of its target, which opens at ${opensAt.toISOString()}`
}
