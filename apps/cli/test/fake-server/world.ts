import type {
  Agent,
  ApiKey,
  Approval,
  Certificate,
  ConnectorType,
  DnsProvider,
  Event,
  Issuer,
  Job,
  Notifier,
  Placement,
  Target,
} from '@certctl/api'
import { apiError } from '@certctl/api'
import { waitingApproval } from './waiting-approval.js'

export const keys = {
  admin: 'ccl_admin_0123456789abcdef',
  viewer: 'ccl_viewer_0123456789abcdef',
} as const

/** How a target of this world behaves, by the end of its id. */
type Nature = 'good' | 'broken' | 'refused' | 'blind' | 'slow'

interface Placed {
  certificateId: string
  targetId: string
  /** When the version that is desired now became so. */
  since: number
}

/**
 * A small model of the server: certificates are issued after a second, deployed after two and served after three, on targets that may be
 * broken, refused by policy, blind or slow. Modelled on the contract and on the states it promises; time is the test's.
 */
export function createWorld(now: () => number) {
  const at = (milliseconds: number) => new Date(milliseconds).toISOString()
  const start = now()
  const world = {
    now,
    start,
    issuers: new Map<string, Issuer>(),
    /** Plain nouns by their name in operation ids. */
    nouns: new Map<string, Map<string, { id: string; name: string }>>(),
    notifiers: new Map<string, Notifier>(),
    dnsProviders: new Map<string, DnsProvider>(),
    targets: new Map<string, Target>(),
    agents: new Map<string, Agent>(),
    approvals: new Map<string, Approval>(),
    apiKeys: new Map<string, ApiKey>(),
    certificates: new Map<string, { made: Certificate; version: number; since: number }>(),
    placed: [] as Placed[],
    jobs: new Map<string, { job: Job; endsAt: number }>(),
    bulk: new Map<
      string,
      { action: NonNullable<Job['bulk']>['action']; ids: string[]; skipped: Set<string>; since: number }
    >(),
    events: [] as Event[],
    connectorTypes: [] as ConnectorType[],
    /** Targets that were broken or refused and no longer are, from their next version on. */
    mended: new Map<string, number>(),
    seen: [] as { operationId: string; body: unknown; query: unknown }[],
    counter: 0,

    nextId: (prefix: string) => `${prefix}-${++world.counter}`,

    take<T>(from: ReadonlyMap<string, T>, what: string, id: string): T {
      const found = from.get(id)
      if (found === undefined) throw apiError('not_found', `There is no ${what} "${id}"`, { status: 404 })
      return found
    },

    certificate(id: string): Certificate {
      const { made, version, since } = world.take(world.certificates, 'certificate', id)
      const issued = now() - since >= 1000 ? version : version - 1
      const targetIds = world.placed.filter(({ certificateId }) => certificateId === id).map(({ targetId }) => targetId)
      if (issued === 0)
        return { ...made, target_ids: targetIds, status: made.status === 'Archived' ? 'Archived' : 'Pending' }
      return {
        ...made,
        target_ids: targetIds,
        status: made.status === 'Archived' ? 'Archived' : 'Active',
        fingerprint_sha256: fingerprintOf(id, issued),
        serial_number: `4${issued}`,
        expires_at: at(start + 90 * 86_400_000),
        renew_at: at(start + 60 * 86_400_000),
        ...(made.name.startsWith('asked.') ? { holders: [holderAsked()] } : {}),
      }
    },

    placements(id: string): Placement[] {
      return world.placed.filter(({ certificateId }) => certificateId === id).map((placed) => placementOf(placed))
    },

    addJob(job: Pick<Job, 'type' | 'certificate_id' | 'target_id'>, seconds: number): string {
      const id = world.nextId('job')
      const made: Job = {
        id,
        ...job,
        status: 'Running',
        attempts: 1,
        max_attempts: 0,
        scheduled_at: at(now()),
        created_at: at(now()),
        verification_status: 'pending',
      }
      world.jobs.set(id, { job: made, endsAt: now() + seconds * 1000 })
      return id
    },

    job(id: string): Job {
      const { job, endsAt } = world.take(world.jobs, 'job', id)
      if (job.status === 'Cancelled' || now() < endsAt) return job
      return { ...job, status: 'Completed', completed_at: at(endsAt), verification_status: 'success' }
    },
  }

  /** Whose CA wants it renewed soon, and does not answer. */
  function holderAsked(): NonNullable<Certificate['holders']>[number] {
    const hour = 3_600_000
    return {
      id: 'holder-1',
      kind: 'agent',
      agent_id: 'agent-web',
      not_after: at(start + 90 * 24 * hour),
      renew_at: at(start + 5 * hour),
      renew_at_reason: 'its CA asks for it then',
      renewal_window_start: at(start + 4 * hour),
      renewal_window_end: at(start + 6 * hour),
      renewal_info_url: 'https://ca.test/incident',
      cause: { code: 'upstream_unavailable', message: 'The CA does not answer' },
      failures: 2,
      next_attempt_at: at(start + hour),
    }
  }

  function placementOf({ certificateId, targetId, since }: Placed): Placement {
    const { version, made } = world.take(world.certificates, 'certificate', certificateId)
    const target = world.take(world.targets, 'target', targetId)
    const age = (now() - since) / 1000
    const desired = fingerprintOf(certificateId, age >= 1 ? version : version - 1)
    const base = {
      certificate_id: certificateId,
      certificate_name: made.name,
      target_id: targetId,
      target_name: target.name,
      target_type: target.type,
      agent_id: target.agent_id,
      agent_name: world.take(world.agents, 'agent', target.agent_id).name,
      failures: 0,
      updated_at: at(now()),
      ...(desired === undefined ? {} : { desired_fingerprint: desired, desired_at: at(since) }),
    }
    const night = at(start + 14 * 3_600_000)
    if ((target.windows ?? []).length > 0)
      return { ...base, state: 'pending', next_attempt_at: night, window_at: night }
    if (age < 1 && version === 1) return { ...base, state: 'pending' }
    // Until the new version is there, the placement stands as the old one left it.
    if (age < 1) return { ...base, ...endOf(natureOf(targetId), { age: 3600, desired, at: since - 3_600_000 }) }
    if (age < 2) return { ...base, state: 'deploying' }
    return {
      ...base,
      ...endOf(since >= (world.mended.get(targetId) ?? Number.POSITIVE_INFINITY) ? 'good' : natureOf(targetId), {
        age,
        desired,
        at: since,
      }),
    }
  }

  function endOf(
    nature: Nature,
    { age, desired, at: since }: { age: number; desired: string | undefined; at: number },
  ): Pick<Placement, 'state' | 'failures'> & Partial<Placement> {
    const deployed = desired === undefined ? {} : { deployed_fingerprint: desired, deployed_at: at(since + 2000) }
    if (nature === 'broken')
      return {
        state: 'failed',
        failures: 1,
        cause: { code: 'deploy_failed', message: 'nginx -t said: \u001b[31munknown directive' },
        next_attempt_at: at(now() + 100_000 - age * 1000),
      }
    if (nature === 'refused')
      return {
        state: 'failed',
        failures: 1,
        cause: { code: 'policy_denied', message: "the agent's policy does not allow /etc/shadow" },
        next_attempt_at: at(now() + 3_600_000),
      }
    if (nature === 'blind') return { state: 'unverifiable', failures: 0, ...deployed }
    if (nature === 'slow' && age < 40) return { state: 'deployed', failures: 0, ...deployed }
    if (age < 3) return { state: 'deployed', failures: 0, ...deployed }
    return { state: 'served', failures: 0, ...deployed, ...servedBy(desired, since) }
  }

  function servedBy(fingerprint: string | undefined, since: number) {
    return fingerprint === undefined ? {} : { served_fingerprint: fingerprint, served_at: at(since + 3000) }
  }

  seed(world, at(start - 3_600_000))
  return world
}
export type World = ReturnType<typeof createWorld>

function natureOf(targetId: string): Nature {
  const natures: readonly Nature[] = ['broken', 'refused', 'blind', 'slow']
  return natures.find((nature) => targetId.endsWith(nature)) ?? 'good'
}

function fingerprintOf(id: string, version: number): string | undefined {
  if (version < 1) return undefined
  return Buffer.from(`${id}/${version}`).toString('hex').padEnd(64, '0').slice(0, 64)
}

function seed(world: World, at: string): void {
  const dated = { created_at: at, updated_at: at }
  const connection = { config: {}, enabled: true, available: true, test_status: 'untested', source: 'api', ...dated }
  world.issuers.set('iss-local', { ...connection, id: 'iss-local', name: 'Local CA', type: 'local', source: 'env' })
  world.agents.set('agent-web', {
    id: 'agent-web',
    name: 'web',
    hostname: 'web.example.test',
    status: 'Online',
    last_heartbeat_at: new Date(world.start - 12_000).toISOString(),
    registered_at: at,
    os: 'linux',
    architecture: 'x64',
    ip_address: '10.0.0.7',
    version: '0.1.0',
  })
  world.approvals.set('approval-1', waitingApproval('approval-1', 'grace', at))
  world.approvals.set('approval-2', waitingApproval('approval-2', 'ada', at))
  world.apiKeys.set('key-first', { id: 'key-first', name: 'first', role: 'admin', created_at: at })
  for (const id of ['web-1', 'web-2', 'web-broken', 'web-refused', 'web-blind', 'web-slow'])
    world.targets.set(id, {
      id,
      name: id,
      type: 'files',
      agent_id: 'agent-web',
      config: { cert_path: `/etc/ssl/${id}.pem`, password: '********' },
      enabled: true,
      test_status: 'untested',
      source: 'api',
      ...dated,
    })
  world.connectorTypes.push(
    {
      kind: 'issuer',
      type: 'local',
      aliases: ['GenericCA'],
      schema: {
        type: 'object',
        required: ['common_name'],
        properties: {
          common_name: { type: 'string', description: 'Name of the CA.' },
          validity_days: { type: 'integer', default: 90, description: 'Days a certificate is valid.' },
          passphrase: { type: 'string', description: 'Opens the key.', 'x-certctl': 'secret' },
        },
      },
      capabilities: {},
      package: '@certctl/issuer-local',
      version: '0.1.0',
      where: ['server'],
    },
    {
      kind: 'target',
      type: 'files',
      aliases: [],
      schema: {
        type: 'object',
        properties: {
          cert_path: { type: 'string', description: 'File for the certificate.' },
          files: {
            type: 'array',
            description: 'Files to write.',
            items: {
              type: 'object',
              required: ['path'],
              properties: { path: { type: 'string', description: 'Where it is.' } },
            },
          },
          post_deploy_verify: {
            type: 'object',
            properties: { enabled: { type: 'boolean' } },
            description: 'Handshakes.',
          },
        },
      },
      capabilities: {},
      package: '@certctl/target-files',
      version: '0.1.0',
      where: ['agent-web'],
    },
  )
  world.connectorTypes.push({
    kind: 'dns',
    type: 'zones',
    aliases: [],
    schema: {
      type: 'object',
      required: ['zone'],
      properties: {
        zone: { type: 'string', description: 'Zone that it writes to.' },
        token: { type: 'string', description: 'Credential.', 'x-certctl': 'secret' },
      },
    },
    capabilities: {},
    package: '@certctl/dns-zones',
    version: '0.1.0',
    where: ['server'],
  })
  world.events.push({
    id: 'event-1',
    type: 'certificate.issued',
    severity: 'info',
    message: 'www.example.test was issued',
    data: {},
    at,
  })
}
