import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import type { Tx } from '../store/store.js'
import type { TargetRow } from '../store/targets.js'
import { endTarget } from './end-target.js'
import { unknownTarget } from './list-targets.js'

/** Removes a target that no certificate goes to; else refused with the list of those that do (`conflict`). */
export async function deleteTarget(services: Services, { id, actor }: { id: string; actor: Actor }): Promise<void> {
  await services.store.transaction(async (tx) => {
    const target = await lockTarget(tx, id)
    await requireUnused(tx, target)
    await endTarget(tx, { target, reason: undefined, actor })
  })
}

/** The row, locked. Throws `not_found`, for retired ones too. */
export async function lockTarget(tx: Tx, id: string): Promise<TargetRow> {
  const target = await tx.targets.lock(id)
  if (target === undefined || target.retired_at !== null) throw unknownTarget(id)
  return target
}

async function requireUnused(tx: Tx, target: TargetRow): Promise<void> {
  const placements = await tx.placements.listOfTarget(target.id)
  if (placements.length === 0) return
  const ids = placements.map((placement) => placement.certificate_id)
  const list = ids.length > 5 ? `${ids.slice(0, 5).join(', ')}, …` : ids.join(', ')
  throw new CertctlError(
    'conflict',
    `${target.name} is where ${ids.length === 1 ? 'a certificate goes' : `${ids.length} certificates go`} (${list}); take them off the target first`,
    { errors: ids.slice(0, 50).map((certificate) => ({ field: 'certificates', message: certificate })) },
  )
}
