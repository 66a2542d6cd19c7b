import { type Approval, apiError, reply } from '@certctl/api'
import { type Handlers, page } from './handlers.js'
import type { World } from './world.js'

/** Approvals of this world: what was asked for with the key of the same name is refused, and what was decided stays. */
export function approvalHandlers(world: World): Handlers {
  const decide = (id: string, action: 'approved' | 'rejected', by: { name: string; note: string | undefined }) => {
    const found = world.take(world.approvals, 'approval', id)
    if (found.state !== 'pending')
      throw apiError('conflict', `Approval ${id} is ${found.state} already by ${found.decided_by}`, { status: 409 })
    if (found.requested_by === by.name)
      throw apiError(
        'forbidden',
        `${by.name} asked for this: somebody else has to decide about approval ${id}. To take the request back: certctl jobs cancel job-1`,
        {
          status: 403,
        },
      )
    const note = by.note === undefined ? {} : { decision_note: by.note }
    const decided: Approval = { ...found, ...note, state: action, decided_by: by.name }
    world.approvals.set(id, decided)
    return { id, decided_by: by.name, action }
  }
  return {
    listApprovals: async ({ query }) => {
      const all = [...world.approvals.values()].filter(({ state }) => (query.state ?? state) === state)
      return reply(200, page(all, query))
    },
    getApproval: async ({ params }) => reply(200, world.take(world.approvals, 'approval', params.id)),
    approveApproval: async ({ params, body, principal }) =>
      reply(200, { ...decide(params.id, 'approved', { ...principal, note: body.note }), action: 'approved' as const }),
    rejectApproval: async ({ params, body, principal }) =>
      reply(200, { ...decide(params.id, 'rejected', { ...principal, note: body.note }), action: 'rejected' as const }),
  }
}
