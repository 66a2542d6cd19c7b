import type { BulkStanding } from '../../store/bulk-items.js'
import type { BulkOperationRow } from '../../store/bulk-operations.js'

/** Why a bulk operation passes over a certificate. */
export interface Obstacle {
  code: 'archived' | 'revoked' | 'expired' | 'in_progress' | 'not_issued' | 'unchanged'
  message: string
}

/** Why there is nothing to do for this certificate, or nothing that should be done; `undefined` where there is. */
export function bulkObstacle(
  operation: Pick<BulkOperationRow, 'action' | 'arguments'>,
  standing: BulkStanding,
): Obstacle | undefined {
  if (standing.archived) return { code: 'archived', message: 'It is archived' }
  return obstacles[operation.action](standing, operation)
}

type Check = (standing: BulkStanding, operation: Pick<BulkOperationRow, 'arguments'>) => Obstacle | undefined

const revoked: Obstacle = { code: 'revoked', message: 'It is revoked already' }

const obstacles: Readonly<Record<BulkOperationRow['action'], Check>> = {
  renew({ issued, unrevoked, usable, issuing }, { arguments: { ended_too: endedToo = false } }) {
    if (issuing) return { code: 'in_progress', message: 'It is being issued already' }
    if (issued > 0 && unrevoked === 0) return revoked
    if (issued > 0 && usable === 0 && !endedToo)
      return { code: 'expired', message: 'It has ended; ask for those with status Expired to renew them' }
    return undefined
  },
  revoke({ issued, unrevoked, revocable }) {
    if (revocable > 0) return undefined
    if (issued === 0) return { code: 'not_issued', message: 'Nothing was issued for it yet' }
    return unrevoked === 0 ? revoked : { code: 'expired', message: 'It has ended' }
  },
  reassign({ owner_id: owner, team_id: team }, { arguments: { owner_id: newOwner, team_id: newTeam } }) {
    const isSame = owner === newOwner && (newTeam === undefined || team === newTeam)
    return isSame ? { code: 'unchanged', message: 'It belongs to them already' } : undefined
  },
}
