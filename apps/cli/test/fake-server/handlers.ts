import {
  apiError,
  type Certificate,
  type HandlersOf,
  type Issuer,
  type operations,
  pagingOf,
  type Role,
  reply,
  rolePermissions,
} from '@certctl/api'
import { adminHandlers } from './admin-handlers.js'
import { approvalHandlers } from './approval-handlers.js'
import { bulkHandlers, bulkJob } from './bulk-handlers.js'
import { certificateHandlers } from './certificate-handlers.js'
import { dnsProviderHandlers } from './dns-provider-handlers.js'
import { doctorReportOf } from './doctor.js'
import { healthCheckHandlers } from './health-check-handlers.js'
import { nounHandlers } from './noun-handlers.js'
import { planOf } from './plan.js'
import { statsHandlers } from './stats-handlers.js'
import type { World } from './world.js'

export interface Principal {
  name: string
  role: Role
}
export type Handlers = Partial<HandlersOf<typeof operations, Principal>>

/** A page of a list in either form; the cursor of this world is the number of the next row. */
export function page<T>(rows: readonly T[], query: Parameters<typeof pagingOf>[0]) {
  const paging = pagingOf(query)
  if (paging.by === 'offset') {
    const data = rows.slice(paging.offset, paging.offset + paging.perPage)
    return { data, total: rows.length, page: paging.page, per_page: paging.perPage }
  }
  const from = Number(paging.cursor ?? 0)
  const size = Math.min(paging.pageSize, 2)
  const next = from + size < rows.length ? { next_cursor: String(from + size) } : {}
  return { data: rows.slice(from, from + size), page_size: size, ...next }
}

/** What the fake answers, beyond certificates. */
export function createHandlers(world: World): Handlers {
  const at = () => new Date(world.now()).toISOString()
  return {
    checkAuth: async ({ principal: { name, role } }) =>
      reply(200, {
        status: 'authenticated',
        user: name,
        admin: role === 'admin',
        role,
        permissions: [...rolePermissions[role]],
      }),
    examineName: async ({ body }) => {
      if (body.issuer_id !== undefined) world.take(world.issuers, 'issuer', body.issuer_id)
      return reply(200, doctorReportOf(body))
    },
    getPlan: async ({ query }) => reply(200, planOf(query.lifetime)),
    getStatus: async () => reply(200, statusOf(world)),
    listConnectorTypes: async ({ query }) => {
      const data = world.connectorTypes.filter(({ kind }) => query.kind === undefined || kind === query.kind)
      return reply(200, { data, total: data.length })
    },
    listEvents: async ({ query }) =>
      reply(
        200,
        page(
          world.events.filter(({ severity }) => (query.severity ?? severity) === severity),
          query,
        ),
      ),
    ...bulkHandlers(world),
    ...healthCheckHandlers(world),
    ...issuerHandlers(world),
    ...dnsProviderHandlers(world),
    ...nounHandlers(world),
    listTargets: async ({ query }) =>
      reply(
        200,
        page(
          [...world.targets.values()].filter(({ agent_id }) => (query.agent_id ?? agent_id) === agent_id),
          query,
        ),
      ),
    getTarget: async ({ params }) => reply(200, world.take(world.targets, 'target', params.id)),
    createTarget: async ({ body }) => {
      world.take(world.agents, 'agent', body.agent_id)
      const id = body.id ?? world.nextId('target')
      const made = { ...body, id, test_status: 'untested', source: 'api', created_at: at(), updated_at: at() }
      world.targets.set(id, made)
      return reply(201, made)
    },
    testTarget: async ({ params }) => {
      world.take(world.targets, 'target', params.id)
      return reply(
        200,
        params.id.endsWith('broken')
          ? { status: 'failed', message: 'nginx is not running' }
          : { status: 'success', message: 'files can be written' },
      )
    },
    listNotifiers: async ({ query }) => reply(200, page([...world.notifiers.values()], query)),
    listAgents: async ({ query }) =>
      reply(
        200,
        page(
          [...world.agents.values()].filter(
            (agent) => agent.retired_at === undefined && (query.status ?? agent.status) === agent.status,
          ),
          query,
        ),
      ),
    listRetiredAgents: async ({ query }) =>
      reply(
        200,
        page(
          [...world.agents.values()].filter((agent) => agent.retired_at !== undefined),
          query,
        ),
      ),
    getAgent: async ({ params }) => reply(200, world.take(world.agents, 'agent', params.id)),
    createJoinToken: async ({ body }) =>
      reply(201, {
        id: world.nextId('join'),
        ...(body.agent_name === undefined ? {} : { agent_name: body.agent_name }),
        created_at: at(),
        expires_at: new Date(world.now() + body.expires_in_seconds * 1000).toISOString(),
        token: 'ccj_one-time-word',
        command: 'CERTCTL_JOIN_TOKEN=ccj_one-time-word certctl-agent',
      }),
    retireAgent: async ({ params, query }) => {
      const agent = world.take(world.agents, 'agent', params.id)
      if (agent.retired_at !== undefined) return reply(204, undefined)
      const counts = {
        active_targets: world.targets.size,
        active_certificates: world.certificates.size,
        pending_jobs: 0,
      }
      if (query.force !== true)
        throw apiError('conflict', `Agent ${params.id} is in use`, {
          status: 409,
          problem: { error: 'blocked_by_dependencies', counts },
        })
      world.agents.set(agent.id, { ...agent, retired_at: at() })
      return reply(200, { retired_at: at(), already_retired: false, cascade: true, counts })
    },
    listJobs: async ({ query }) => {
      const jobs = [...world.jobs.keys()].map((id) => world.job(id))
      return reply(
        200,
        page(
          jobs.filter(({ status }) => (query.status ?? status) === status),
          query,
        ),
      )
    },
    getJob: async ({ params }) => reply(200, bulkJob(world, params.id) ?? world.job(params.id)),
    cancelJob: async ({ params }) => {
      const found = world.take(world.jobs, 'job', params.id)
      if (world.job(params.id).status !== 'Running')
        throw apiError('conflict', `Job ${params.id} has ended`, { status: 409 })
      found.job = { ...found.job, status: 'Cancelled' }
      return reply(200, { status: 'job_cancelled' })
    },
    listApiKeys: async ({ query }) => reply(200, page([...world.apiKeys.values()], query)),
    createApiKey: async ({ body }) => {
      const made = { ...body, id: body.id ?? world.nextId('key'), created_at: at() }
      world.apiKeys.set(made.id, made)
      return reply(201, { ...made, key: 'ccl_made_0123456789' })
    },
    deleteApiKey: async ({ params }) => {
      world.take(world.apiKeys, 'API key', params.id)
      world.apiKeys.delete(params.id)
      return reply(204, undefined)
    },
    verifyAudit: async () =>
      reply(200, { ok: true, entries: 7, batches: 3, checkpoints: 1, key_ids: ['ab'.repeat(32)] }),
    exportAudit: async () => reply(200, lines(['{"kind":"header"}', '{"kind":"end"}'])),
    ...adminHandlers(),
    ...statsHandlers(),
    ...approvalHandlers(world),
    ...certificateHandlers(world),
  }
}

async function* lines(texts: readonly string[]) {
  for (const text of texts) yield `${text}\n`
}

function issuerHandlers(world: World): Handlers {
  const at = () => new Date(world.now()).toISOString()
  const masked = (config: Issuer['config']) =>
    Object.fromEntries(
      Object.entries(config).map(([name, value]) => [name, name === 'passphrase' ? '********' : value]),
    )
  return {
    listIssuers: async ({ query }) =>
      reply(
        200,
        page(
          [...world.issuers.values()].filter(({ type }) => (query.type ?? type) === type),
          query,
        ),
      ),
    getIssuer: async ({ params }) => reply(200, world.take(world.issuers, 'issuer', params.id)),
    createIssuer: async ({ body }) => {
      const id = body.id ?? world.nextId('iss')
      if (world.issuers.has(id)) throw apiError('conflict', `There is an issuer "${id}" already`, { status: 409 })
      const made: Issuer = {
        ...body,
        id,
        config: masked(body.config),
        available: true,
        test_status: 'untested',
        source: 'api',
        created_at: at(),
        updated_at: at(),
      }
      world.issuers.set(id, made)
      return reply(201, made)
    },
    updateIssuer: async ({ params, body }) => {
      const old = world.take(world.issuers, 'issuer', params.id)
      const config = { ...old.config, ...masked(body.config ?? {}) }
      const made = {
        ...old,
        name: body.name ?? old.name,
        enabled: body.enabled ?? old.enabled,
        config,
        updated_at: at(),
      }
      world.issuers.set(old.id, made)
      return reply(200, made)
    },
    deleteIssuer: async ({ params }) => {
      world.take(world.issuers, 'issuer', params.id)
      if ([...world.certificates.values()].some(({ made }) => made.issuer_id === params.id))
        throw apiError('conflict', `Issuer "${params.id}" still issues certificates`, { status: 409 })
      world.issuers.delete(params.id)
      return reply(204, undefined)
    },
    testIssuer: async ({ params }) => {
      const { enabled } = world.take(world.issuers, 'issuer', params.id)
      if (!enabled)
        throw apiError('connection_failed', `Issuer "${params.id}" did not answer within 30 s`, { status: 422 })
      return reply(200, { status: 'connection_successful', detail: 'signed and read back' })
    },
  }
}

function statusOf(world: World) {
  const certificates: Certificate[] = [...world.certificates.keys()].map((id) => world.certificate(id))
  const placements = [...world.certificates.keys()].flatMap((id) => world.placements(id))
  const count = (state: string) => placements.filter((placement) => placement.state === state).length
  return {
    version: '0.1.0',
    server_time: new Date(world.now()).toISOString(),
    certificates: {
      total: certificates.length,
      active: certificates.filter(({ status }) => status === 'Active').length,
      expiring: 0,
      expired: 0,
    },
    placements: {
      pending: count('pending'),
      deploying: count('deploying'),
      deployed: count('deployed'),
      served: count('served'),
      drifted: 0,
      failed: count('failed'),
      unverifiable: count('unverifiable'),
    },
    endpoints: { total: 3, unhealthy: count('failed') },
    agents: { total: world.agents.size, online: world.agents.size },
    renewals: { due: 0, overdue: 0 },
    jobs: { waiting: 0, active: 0 },
    failing: placements.filter(({ state }) => state === 'failed'),
  }
}
