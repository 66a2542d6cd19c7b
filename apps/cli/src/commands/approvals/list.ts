import { approvalStates } from '@certctl/api'
import { z } from '@certctl/core'
import { agoText } from '../../output/time-text.js'
import { pageGiven, pageOptions, readPages } from '../../read-pages.js'
import { defineVerb } from '../../verb.js'

export const approvalsList = defineVerb({
  name: 'list',
  summary: 'Lists what waits or waited for a second person, newest first',
  examples: ['certctl approvals list --state pending', 'certctl approvals list --certificate cert-1 --json'],
  options: {
    '--state <state>': `Only these: ${approvalStates.join(', ')}`,
    '--certificate <id>': 'Only those of this certificate',
    '--requested-by <name>': 'Only what was asked for with the key of this name',
    ...pageOptions,
  },
  given: z.object({
    state: z.enum(approvalStates, `must be one of ${approvalStates.join(', ')}`).optional(),
    certificate: z.string().optional(),
    requestedBy: z.string().optional(),
    ...pageGiven,
  }),
  run: async ({ state, certificate, requestedBy, ...paging }, cli) => {
    const filters = { state, certificate_id: certificate, requested_by: requestedBy }
    const body = await readPages(paging, (page) => cli.client().listApprovals({ query: { ...filters, ...page } }))
    cli.list(body, {
      columns: [
        { title: 'ID', value: ({ id }) => id },
        { title: 'STATE', value: (approval) => approval.state },
        { title: 'CERTIFICATE', value: ({ metadata }) => metadata.certificate_name },
        { title: 'ISSUER', value: ({ metadata }) => metadata.issuer_name },
        { title: 'ASKED BY', value: ({ requested_by }) => requested_by },
        { title: 'ASKED', value: ({ created_at }) => agoText(created_at, cli.io.now()) },
        { title: 'DECIDED BY', value: ({ decided_by }) => decided_by },
        { title: 'NOTE', value: ({ decision_note }) => decision_note },
      ],
      none: 'No approvals',
    })
  },
})
