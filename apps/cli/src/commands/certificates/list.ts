import { certificateStatuses } from '@certctl/api'
import { CertctlError, z } from '@certctl/core'
import { timeText } from '../../output/time-text.js'
import { pageGiven, pageOptions, readPages } from '../../read-pages.js'
import { defineVerb } from '../../verb.js'

const text = z.string().optional()

const given = z.object({
  status: z.enum(certificateStatuses, `must be one of ${certificateStatuses.join(', ')}`).optional(),
  search: text,
  domain: text,
  name: text,
  tag: z.array(z.string()).default([]),
  issuer: text,
  target: text,
  agent: text,
  owner: text,
  team: text,
  profile: text,
  environment: text,
  expiresBefore: text,
  expiresAfter: text,
  createdAfter: text,
  updatedAfter: text,
  sort: text,
  fields: text,
  ...pageGiven,
})

export const certificatesList = defineVerb({
  name: 'list',
  summary: 'Lists managed certificates',
  examples: [
    'certctl certificates list',
    'certctl certificates list --status Expiring --sort notAfter',
    'certctl certificates list --domain example.com --team t-web --expires-before 2026-12-31T00:00:00Z',
    'certctl certificates list --search payments --tag tier=gold --fields name,expires_at --json',
  ],
  options: {
    '--status <status>': `Only these: ${certificateStatuses.join(', ')}`,
    '--search <text>': 'Only those with this somewhere in a name',
    '--domain <domain>': 'Only those with a name that is this domain or below it',
    '--name <name>': 'Only those with exactly this name',
    '--tag <key=value>...': 'Only those with this tag; several: with all of them',
    '--issuer <id>': 'Only those of this issuer',
    '--target <id>': 'Only those that go to this target',
    '--agent <id>': 'Only those that this agent has',
    '--owner <id>': 'Only those of this owner',
    '--team <id>': 'Only those of this team',
    '--profile <id>': 'Only those of this profile',
    '--environment <name>': 'Only those of this environment',
    '--expires-before <time>': 'Only those that end before, such as 2026-12-31T00:00:00Z',
    '--expires-after <time>': 'Only those that end after',
    '--created-after <time>': 'Only those made after',
    '--updated-after <time>': 'Only those changed after',
    '--sort <field>':
      'notAfter, createdAt, updatedAt, name, commonName, status or environment; - in front for descending',
    '--fields <names>': 'Only these fields, commas between them; best with --json',
    ...pageOptions,
  },
  given,
  run: async (asked, cli) => {
    const { page, perPage, all } = asked
    const query = queryOf(asked)
    const read = { page, perPage, all }
    const body = await readPages(read, (part) => cli.client().listCertificates({ query: { ...query, ...part } }))
    const now = cli.io.now()
    cli.list(body, {
      columns: [
        { title: 'ID', value: ({ id }) => id },
        { title: 'NAME', value: (item) => item.name },
        { title: 'STATUS', value: (item) => item.status },
        { title: 'EXPIRES', value: ({ expires_at }) => timeText(expires_at, now) },
        { title: 'ISSUER', value: ({ issuer_id }) => issuer_id },
        { title: 'TARGETS', value: ({ target_ids }) => target_ids?.join(', ') },
      ],
      none: 'No certificates; ask for one with: certctl certificates request --help',
    })
  },
})

function queryOf(asked: z.output<typeof given>) {
  const { status, search, domain, name, environment, sort, fields } = asked
  return {
    status,
    q: search,
    domain,
    name,
    tag: asked.tag.length === 0 ? undefined : asked.tag.map(tagQuery),
    issuer_id: asked.issuer,
    target_id: asked.target,
    agent_id: asked.agent,
    owner_id: asked.owner,
    team_id: asked.team,
    profile_id: asked.profile,
    environment,
    expires_before: asked.expiresBefore,
    expires_after: asked.expiresAfter,
    created_after: asked.createdAfter,
    updated_after: asked.updatedAfter,
    sort,
    fields,
  }
}

function tagQuery(pair: string): string {
  const at = pair.search(/[=:]/)
  if (at < 1) throw new CertctlError('request_malformed', `--tag takes key=value, not ${JSON.stringify(pair)}`)
  return `${pair.slice(0, at)}:${pair.slice(at + 1)}`
}
