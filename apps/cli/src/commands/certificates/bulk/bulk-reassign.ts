import { operations } from '@certctl/api'
import { z } from '@certctl/core'
import { parseBody } from '../../../parse-body.js'
import { defineVerb } from '../../../verb.js'
import { criteriaGiven, criteriaOf, criteriaOptions } from './criteria.js'
import { bulkGiven, bulkOptions, runBulk } from './run-bulk.js'

export const certificatesBulkReassign = defineVerb({
  name: 'bulk-reassign',
  summary: 'Gives every certificate that matches to another owner',
  examples: [
    'certctl certificates bulk-reassign --from-owner own-left --owner own-new --dry-run',
    'certctl certificates bulk-reassign cert-1 cert-2 --owner own-new --team t-web',
  ],
  arguments: { '[ids...]': 'Ids of certificates' },
  options: {
    '--owner <id>': 'Who gets them',
    '--team <id>': "Which team gets them; the owner's where not given",
    '--from-owner <id>': 'Only those of this owner',
    '--from-team <id>': 'Only those of this team',
    ...criteriaOptions,
    ...bulkOptions,
  },
  given: z.object({
    ...criteriaGiven,
    owner: z.string({ error: 'must be given' }),
    team: z.string().optional(),
    fromOwner: z.string().optional(),
    fromTeam: z.string().optional(),
    ...bulkGiven,
  }),
  run: async ({ owner, team, fromOwner, fromTeam, dryRun, timeout, ...given }, cli) =>
    await runBulk(cli, { verb: 'reassigned', dryRun, timeout }, async (dry_run) => {
      const whose = { owner_id: owner, team_id: team, from_owner_id: fromOwner, from_team_id: fromTeam }
      const body = { ...criteriaOf(given), ...whose, dry_run }
      return await cli.client().bulkReassignCertificates({ body: parseBody(operations.bulkReassignCertificates, body) })
    }),
})
