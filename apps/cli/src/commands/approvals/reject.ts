import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { approvalText } from './approval-text.js'

export const approvalsReject = defineVerb({
  name: 'reject',
  summary: 'Refuses what is shown; somebody else asked for it',
  examples: ['certctl approvals reject approval-1 --note "not our domain"'],
  arguments: { id: 'Id of the approval' },
  options: { '--note <text>': 'Why, for the record' },
  given: z.object({ id: z.string(), note: z.string().optional() }),
  run: async ({ id, note }, cli) => {
    const { body: approval } = await cli.client().getApproval({ params: { id } })
    const { body } = await cli.client().rejectApproval({ params: { id }, body: { note } })
    cli.show(body, () => approvalText({ ...approval, state: body.action, decided_by: body.decided_by }, cli.io.now()))
    cli.say(`Approval ${id} is rejected; the certificate is not issued until somebody asks again`)
  },
})
