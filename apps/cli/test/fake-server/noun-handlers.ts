import { apiError, reply } from '@certctl/api'
import { type Handlers, page } from './handlers.js'
import type { World } from './world.js'

interface Plain {
  id: string
  name: string
}

/** What a new one has where nothing is said. */
const usual: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  Team: { description: '' },
  Owner: { email: '' },
  AgentGroup: {
    description: '',
    match_os: '',
    match_architecture: '',
    match_ip_cidr: '',
    match_version: '',
    include_agent_ids: [],
    exclude_agent_ids: [],
    enabled: true,
  },
  Profile: {
    description: '',
    allowed_key_algorithms: [],
    allowed_ekus: ['serverAuth', 'clientAuth'],
    allowed_key_usages: [],
    required_san_patterns: [],
    spiffe_uri_pattern: '',
    allow_wildcards: true,
    allow_ip_addresses: true,
    allow_email_addresses: true,
    allowed_issuer_ids: [],
    allowed_key_custody: ['agent', 'outside'],
    allow_key_reuse: true,
    allow_short_lived: false,
    must_staple: false,
    required_csr_attributes: [],
    acme_auth_mode: '',
    requires_approval: false,
    enabled: true,
  },
  RenewalPolicy: {
    renewal_window_days: 30,
    auto_renew: true,
    max_retries: 3,
    retry_interval_seconds: 3600,
    alert_thresholds_days: [30, 14, 7, 0],
    alert_channels: {},
    alert_severity_map: {},
  },
  Policy: { config: {}, enabled: true, severity: 'Warning', mode: 'warn' },
}
const plurals: Readonly<Record<string, string>> = { Policy: 'Policies', RenewalPolicy: 'RenewalPolicies' }
const words: Readonly<Record<string, string>> = { AgentGroup: 'agent group', RenewalPolicy: 'renewal policy' }

/** Keeps nouns as the server does where it matters: names are free or refused, null brings back the default, what is in use stays. */
export function nounHandlers(world: World): Handlers {
  const made = Object.keys(usual).map((singular) => handlersOf(world, singular))
  return {
    ...(Object.assign({}, ...made) as Handlers),
    listAgentGroupMembers: async ({ params, query }) => {
      world.take(kept(world, 'AgentGroup'), 'agent group', params.id)
      return reply(200, page([...world.agents.values()], query))
    },
    listPolicyViolations: async ({ params, query }) => {
      world.take(kept(world, 'Policy'), 'policy', params.id)
      const open = {
        id: 'violation-1',
        certificate_id: 'cert-1',
        rule_id: params.id,
        message: 'environment "test" is none of production, staging',
        severity: 'Warning',
        created_at: new Date(world.start - 3_600_000).toISOString(),
      }
      return reply(200, page(params.id === 'pr-prod' ? [open] : [], query))
    },
  }
}

function kept(world: World, singular: string): Map<string, Plain> {
  const known = world.nouns.get(singular) ?? new Map<string, Plain>()
  world.nouns.set(singular, known)
  return known
}

type Asked = { params: { id: string }; query: object; body: Record<string, unknown> & { name?: string } }

function handlersOf(world: World, singular: string) {
  const rows = kept(world, singular)
  const word = words[singular] ?? singular.toLowerCase()
  const plural = plurals[singular] ?? `${singular}s`
  const at = () => new Date(world.now()).toISOString()
  const requireFree = (name: string | undefined, id?: string) => {
    const twin = [...rows.values()].find((row) => row.id !== id && row.name.toLowerCase() === name?.toLowerCase())
    if (twin !== undefined)
      throw apiError('conflict', `There is already a ${word} named "${name}" (${twin.id}); choose another name`, {
        status: 409,
      })
  }
  const complete = (fields: object): Plain => {
    const set = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined)
    return { ...usual[singular], ...Object.fromEntries(set) } as unknown as Plain
  }
  return {
    [`list${plural}`]: async ({ query }: Asked) => reply(200, page([...rows.values()], query)),
    [`get${singular}`]: async ({ params }: Asked) => reply(200, world.take(rows, word, params.id)),
    [`create${singular}`]: async ({ body }: Asked) => {
      requireFree(body.name)
      const id = typeof body.id === 'string' ? body.id : world.nextId(singular.toLowerCase())
      const row = complete({ ...body, id, created_at: at(), updated_at: at() })
      rows.set(id, row)
      return reply(201, row)
    },
    [`update${singular}`]: async ({ params, body }: Asked) => {
      const old = world.take(rows, word, params.id)
      requireFree(body.name, params.id)
      const row = complete({ ...old, ...body, updated_at: at() })
      rows.set(params.id, row)
      return reply(200, row)
    },
    [`delete${singular}`]: async ({ params }: Asked) => {
      world.take(rows, word, params.id)
      const users = [...kept(world, 'Owner').values()].filter((owner) => Object.values(owner).includes(params.id))
      if (singular === 'Team' && users.length > 0)
        throw apiError(
          'conflict',
          `The team "${params.id}" is in use by owners (1: ${users[0]?.id}); give them another, or none, first`,
          { status: 409 },
        )
      rows.delete(params.id)
      return reply(204, undefined)
    },
  }
}
