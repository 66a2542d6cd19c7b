import { operations, revocationReasons } from '@certctl/api'
import { CertctlError, z } from '@certctl/core'
import { parseBody } from '../../parse-body.js'
import { defineVerb } from '../../verb.js'
import { certificateArgument, findCertificate } from './find.js'

export const certificatesRevoke = defineVerb({
  name: 'revoke',
  summary: 'Revokes a certificate for good, here at once; its CA is told until it confirms',
  examples: [
    'certctl certificates revoke www.example.com --reason keyCompromise --note "found in a public repository"',
    'certctl certificates revoke cert-1 --version ver-2 --reason superseded --yes',
  ],
  arguments: certificateArgument,
  options: {
    '--reason <reason>': `One of ${revocationReasons.join(', ')}; keyCompromise and superseded ask for a new certificate`,
    '--note <text>': 'Why, in words',
    '--version <id>': 'Only this version; with keyCompromise everything of its key',
    '--yes': 'Do not ask whether it is meant',
  },
  given: z.object({
    certificate: z.string(),
    reason: z.string().optional(),
    note: z.string().optional(),
    version: z.string().optional(),
    yes: z.boolean().default(false),
  }),
  run: async ({ certificate: asked, reason, note, version, yes }, cli) => {
    const { id, name } = await findCertificate(cli, asked)
    if (!yes && cli.io.terminal.stdin) {
      const answer = await cli.io.ask(`Revoke ${name}? It cannot be taken back. Type "revoke": `, { hidden: false })
      if (answer.trim() !== 'revoke') throw new CertctlError('aborted', 'Nothing was revoked')
    }
    const given = parseBody(operations.revokeCertificate, { reason, reason_text: note, version_id: version })
    const { body } = await cli.client().revokeCertificate({ params: { id }, body: given })
    const count = body.version_ids.length
    const what = count === 1 ? 'one version' : `${count} versions`
    cli.show(body, () => `${name} is revoked (${what}); watch its CA with: certctl certificates revocations ${id}`)
  },
})
