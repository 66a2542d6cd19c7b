import { readFileSync } from 'node:fs'
import { CertctlError, isCertctlError, messageOf, z } from '@certctl/core'
import { parseCertificate, splitCertificates } from '@certctl/pki'
import type { Cli } from '../../cli.js'
import { mayBeDone } from '../../connect/do-once.js'
import { fileFault } from '../../file-fault.js'
import { failureOf } from '../../output/failure.js'
import { withProgress } from '../../output/progress.js'
import { defineVerb } from '../../verb.js'

const given = z.object({
  files: z.array(z.string()),
  issuer: z.string().optional(),
  owner: z.string().optional(),
  team: z.string().optional(),
  renewalPolicy: z.string().optional(),
  profile: z.string().optional(),
  environment: z.string().default('imported'),
})
type Given = z.output<typeof given>

interface Found {
  /** File and which certificate in it, for people. */
  where: string
  pem: string
  chain: string
}

interface Result {
  where: string
  id?: string
  name?: string
  code?: string
  error?: string
  /** Of a fault of the server's: what its log has it under. */
  request_id?: string | undefined
}

export const certificatesImport = defineVerb({
  name: 'import',
  summary:
    'Takes certificates that were issued elsewhere into care: watched, and renewed once they have a CSR or a target',
  examples: [
    'certctl certificates import site.pem --issuer iss-local --owner own-web',
    'certctl certificates import /etc/ssl/sites/*.pem --environment production --json',
  ],
  arguments: {
    '[files...]': 'PEM files; each leaf in them is imported, with the certificates of CAs in its file as chain',
  },
  options: {
    '--issuer <id>': 'Who issues their renewals; the default issuer where not given',
    '--owner <id>': 'Who they belong to',
    '--team <id>': 'Which team they belong to',
    '--renewal-policy <id>': 'Their renewal policy',
    '--profile <id>': 'Their profile',
    '--environment <name>': 'Their environment; imported where not given',
  },
  given,
  run: async (asked, cli) => {
    if (asked.files.length === 0) throw new CertctlError('request_malformed', 'Say at least one PEM file')
    const results = await withProgress(cli.io, 'import', async (report) => {
      const all: Result[] = []
      for (const file of asked.files)
        for (const found of certificatesOf(file)) {
          const result = 'pem' in found ? await importOne(cli, asked, found) : found
          all.push(result)
          if (!cli.json) report(lineOf(result))
        }
      return all
    })
    const failed = results.filter(({ error }) => error !== undefined).length
    cli.show(
      { data: results, imported: results.length - failed, failed },
      () => `${results.length - failed} imported, ${failed} not`,
    )
    if (failed > 0) throw new CertctlError('conflict', `${failed} of ${results.length} were not imported`)
  },
})

/** Leafs with the CA certificates of their file, or why the file holds none. */
function certificatesOf(file: string): (Found | Result)[] {
  try {
    const all = splitCertificates(readFileSync(file, 'utf8')).map(parseCertificate)
    const chain = all.filter(({ isCa }) => isCa).map(({ pem }) => pem)
    const leafs = all.filter(({ isCa }) => !isCa)
    if (leafs.length === 0)
      return [{ where: file, code: 'request_malformed', error: 'holds no certificate of a server' }]
    const where = (index: number) => (leafs.length === 1 ? file : `${file} (${index + 1})`)
    return leafs.map(({ pem }, index) => ({ where: where(index), pem, chain: chain.join('') }))
  } catch (error) {
    if (isCertctlError(error)) return [{ where: file, code: error.code, error: error.message }]
    return [{ where: file, code: 'config_invalid', error: `cannot be read: ${fileFault(error)}` }]
  }
}

/** One that is refused stops none of the others; a server that cannot be asked stops all. */
async function importOne(cli: Cli, asked: Given, { where, pem, chain }: Found): Promise<Result> {
  try {
    const { body } = await cli.client().importCertificate({
      body: {
        certificate_pem: pem,
        chain_pem: chain === '' ? undefined : chain,
        issuer_id: asked.issuer,
        owner_id: asked.owner,
        team_id: asked.team,
        renewal_policy_id: asked.renewalPolicy,
        certificate_profile_id: asked.profile,
        environment: asked.environment,
      },
    })
    return { where, id: body.id, name: body.name }
  } catch (error) {
    if (!isCertctlError(error) || mayBeDone(error) || !refusals.includes(error.code)) throw error
    const request_id = error.code === 'internal' ? failureOf(error).requestId : undefined
    return { where, code: error.code, error: messageOf(error), request_id }
  }
}

const refusals: readonly string[] = [
  'conflict',
  'request_malformed',
  'identifier_rejected',
  'policy_denied',
  'csr_rejected',
  'not_found',
  'too_large',
  'internal',
]

function lineOf({ where, id, name, error, request_id }: Result): string {
  if (error === undefined) return `${where}: ${id} (${name})`
  return request_id === undefined ? `${where}: ${error}` : `${where}: ${error} (request id: ${request_id})`
}
