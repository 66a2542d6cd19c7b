import type { TargetModel } from '../model/agent-model.js'
import type { World } from '../world.js'

// What was handed out before the revocation may be under way, and its bound is five minutes.
const underWayMs = 600_000

/** A revoked certificate is never deployed, and never deployed again. */
export function mayBeDeployed(world: World, target: TargetModel, fingerprint: string): void {
  const revokedAt = world.revoked.get(fingerprint)
  if (revokedAt === undefined || world.agenda.now() - revokedAt < underWayMs) return
  world.violate(
    'revokedIsNotDeployed',
    `${target.id} is given a certificate that was revoked at ${new Date(revokedAt).toISOString()}`,
  )
}
