import { reply } from '@certctl/api'
import { actorOf } from '../../access/principal.js'
import { approvalView } from '../../inventory/approval-view.js'
import { getApproval, listApprovals } from '../../inventory/approvals.js'
import { decideApproval } from '../../lifecycle/approval/decide-approval.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'
import { listingOf } from '../page.js'

type Ids = 'listApprovals' | 'getApproval' | 'approveApproval' | 'rejectApproval'

export function approvalRoutes(services: Services): Handlers<Ids> {
  return {
    async listApprovals({ query }) {
      const { request, envelope } = listingOf(services.sealing, 'listApprovals', query)
      const { state, certificate_id: certificateId, requested_by: requestedBy } = query
      const filter = { states: state === undefined ? undefined : [state], certificateId, requestedBy }
      return reply(200, envelope(await listApprovals(services, filter, request), approvalView))
    },
    getApproval: async ({ params }) => reply(200, approvalView(await getApproval(services, params.id))),
    async approveApproval({ params: { id }, body: { note }, principal }) {
      const actor = actorOf(principal)
      await decideApproval(services, { approvalId: id, decision: 'approve', note, actor })
      return reply(200, { id, decided_by: actor.name, action: 'approved' as const })
    },
    async rejectApproval({ params: { id }, body: { note }, principal }) {
      const actor = actorOf(principal)
      await decideApproval(services, { approvalId: id, decision: 'reject', note, actor })
      return reply(200, { id, decided_by: actor.name, action: 'rejected' as const })
    },
  }
}
