import { operations } from '@certctl/api'
import { z } from '@certctl/core'
import { parseBody } from '../../../parse-body.js'
import { defineVerb } from '../../../verb.js'
import { criteriaGiven, criteriaOf, criteriaOptions, ownerOptions } from './criteria.js'
import { bulkGiven, bulkOptions, runBulk } from './run-bulk.js'

export const certificatesBulkRenew = defineVerb({
  name: 'bulk-renew',
  summary:
    'Renews every certificate that matches; archived, revoked and ended ones and those under way are passed over',
  examples: [
    'certctl certificates bulk-renew --issuer iss-old --dry-run',
    'certctl certificates bulk-renew --team t-web --expires-before 2026-12-31T00:00:00Z',
    'certctl certificates bulk-renew cert-1 cert-2 cert-3',
  ],
  arguments: { '[ids...]': 'Ids of certificates' },
  options: { ...criteriaOptions, ...ownerOptions, ...bulkOptions },
  given: z.object({ ...criteriaGiven, owner: z.string().optional(), team: z.string().optional(), ...bulkGiven }),
  run: async ({ owner, team, dryRun, timeout, ...given }, cli) =>
    await runBulk(cli, { verb: 'renewal begun for', dryRun, timeout }, async (dry_run) => {
      const body = { ...criteriaOf(given), owner_id: owner, team_id: team, dry_run }
      return await cli.client().bulkRenewCertificates({ body: parseBody(operations.bulkRenewCertificates, body) })
    }),
})
