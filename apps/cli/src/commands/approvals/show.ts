import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { approvalText } from './approval-text.js'

export const approvalsShow = defineVerb({
  name: 'show',
  aliases: ['get'],
  summary: 'Shows what will happen when it is approved',
  examples: ['certctl approvals show approval-1'],
  arguments: { id: 'Id of the approval' },
  given: z.object({ id: z.string() }),
  run: async ({ id }, cli) => {
    const { body } = await cli.client().getApproval({ params: { id } })
    cli.show(body, () => approvalText(body, cli.io.now()))
    if (body.state === 'pending')
      cli.say(`To decide: certctl approvals approve ${id}, or: certctl approvals reject ${id}`)
  },
})
