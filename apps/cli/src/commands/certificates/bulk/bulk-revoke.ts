import { operations, revocationReasons } from '@certctl/api'
import { CertctlError, z } from '@certctl/core'
import type { Cli } from '../../../cli.js'
import { parseBody } from '../../../parse-body.js'
import { defineVerb } from '../../../verb.js'
import { criteriaGiven, criteriaOf, criteriaOptions, ownerOptions } from './criteria.js'
import { bulkGiven, bulkOptions, runBulk } from './run-bulk.js'

export const certificatesBulkRevoke = defineVerb({
  name: 'bulk-revoke',
  summary: 'Revokes every certificate that matches; for administrators',
  examples: [
    'certctl certificates bulk-revoke --owner own-left --reason cessationOfOperation --dry-run',
    'certctl certificates bulk-revoke --agent agent-7 --reason keyCompromise --note "host was broken into"',
  ],
  arguments: { '[ids...]': 'Ids of certificates' },
  options: {
    '--reason <reason>': `One of ${revocationReasons.join(', ')}`,
    '--note <text>': 'Why, in words',
    '--yes': 'Do not ask whether it is meant',
    ...criteriaOptions,
    ...ownerOptions,
    ...bulkOptions,
  },
  given: z.object({
    ...criteriaGiven,
    reason: z.string({ error: 'must be given' }),
    note: z.string().optional(),
    yes: z.boolean().default(false),
    owner: z.string().optional(),
    team: z.string().optional(),
    ...bulkGiven,
  }),
  run: async ({ owner, team, reason, note, yes, dryRun, timeout, ...given }, cli) => {
    const call = async (dry_run: boolean) => {
      const body = { ...criteriaOf(given), owner_id: owner, team_id: team, reason, reason_text: note, dry_run }
      return await cli.client().bulkRevokeCertificates({ body: parseBody(operations.bulkRevokeCertificates, body) })
    }
    if (!dryRun && !yes) await confirm(cli, (await call(true)).body.total_matched)
    await runBulk(cli, { verb: 'revoked', dryRun, timeout }, call)
  },
})

async function confirm(cli: Cli, count: number): Promise<void> {
  const question = `${count} certificates match. Revocation cannot be taken back. Type "revoke" to go on: `
  if (!cli.io.terminal.stdin)
    throw new CertctlError('request_malformed', `${count} certificates match; say --yes where nobody can be asked`)
  if ((await cli.io.ask(question, { hidden: false })).trim() !== 'revoke')
    throw new CertctlError('aborted', 'Nothing was revoked')
}
