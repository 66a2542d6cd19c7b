import { reply } from '@certctl/api'
import { actorOf } from '../../access/principal.js'
import { bulkItemView } from '../../inventory/job-view.js'
import { listJobItems } from '../../inventory/jobs.js'
import { requestBulk } from '../../inventory/request-bulk.js'
import type { WantedBulk } from '../../lifecycle/bulk/begin-bulk.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'
import { listingOf } from '../page.js'
import { coreReason } from './core-reason.js'

type Ids =
  | 'bulkRenewCertificates'
  | 'bulkRevokeCertificates'
  | 'bulkRevokeEstCertificates'
  | 'bulkReassignCertificates'
  | 'listJobItems'

export function bulkRoutes(services: Services): Handlers<Ids> {
  return {
    ...reassignRoutes(services),
    bulkRenewCertificates: async (request) => await renewAll(services, request),
    bulkRevokeCertificates: async (request) => await revokeAll(services, request, undefined),
    bulkRevokeEstCertificates: async (request) => await revokeAll(services, request, 'EST'),
    async listJobItems({ params, query }) {
      const { request, envelope } = listingOf(services.sealing, `listJobItems ${params.id}`, query)
      return reply(
        200,
        envelope(await listJobItems(services, { jobId: params.id, state: query.state }, request), bulkItemView),
      )
    },
  }
}

type Request<Id extends Ids> = Parameters<Handlers<Ids>[Id]>[0]

async function renewAll(services: Services, { body, principal, signal }: Request<'bulkRenewCertificates'>) {
  const { dry_run: dryRun = false, ...criteria } = body
  const wanted: WantedBulk = {
    action: 'renew',
    filter: filterOf(criteria),
    criteria,
    arguments: criteria.status === 'Expired' ? { ended_too: true } : {},
    actor: actorOf(principal),
  }
  const answer = await requestBulk(services, wanted, { dryRun, signal })
  if (answer.is === 'accepted') return accepted(answer)
  if (answer.is === 'counted') return reply(200, { ...counted(answer), total_enqueued: 0 })
  const jobs = answer.doneItems.flatMap(({ certificate_id, result_job_id: job_id }) =>
    job_id === null ? [] : [{ certificate_id, job_id }],
  )
  return reply(200, { ...answer.totals, total_enqueued: answer.done, enqueued_jobs: jobs })
}

async function revokeAll(
  services: Services,
  { body, principal, signal }: Pick<Request<'bulkRevokeCertificates'>, 'body' | 'principal' | 'signal'>,
  source: string | undefined,
) {
  const { dry_run: dryRun = false, reason, reason_text: reasonText, ...given } = body
  const criteria = source === undefined ? given : { ...given, source }
  const wanted: WantedBulk = {
    action: 'revoke',
    filter: filterOf(criteria),
    criteria,
    arguments: { reason: coreReason(reason), reason_text: reasonText ?? `Revoked in bulk: ${reason}` },
    actor: actorOf(principal),
  }
  const answer = await requestBulk(services, wanted, { dryRun, signal })
  if (answer.is === 'accepted') return accepted(answer)
  if (answer.is === 'counted') return reply(200, { ...counted(answer), total_revoked: 0 })
  return reply(200, { ...answer.totals, total_revoked: answer.done })
}

function reassignRoutes(services: Services): Handlers<'bulkReassignCertificates'> {
  return {
    async bulkReassignCertificates({ body, principal, signal }) {
      const { dry_run: dryRun = false, owner_id, team_id, from_owner_id, from_team_id, ...others } = body
      const wanted: WantedBulk = {
        action: 'reassign',
        filter: { ...filterOf(others), ownerId: from_owner_id, teamId: from_team_id },
        criteria: { ...others, from_owner_id, from_team_id },
        arguments: { owner_id, ...(team_id === undefined ? {} : { team_id }) },
        actor: actorOf(principal),
      }
      const answer = await requestBulk(services, wanted, { dryRun, signal })
      if (answer.is === 'accepted') return accepted(answer)
      if (answer.is === 'counted') return reply(200, { ...counted(answer), total_reassigned: 0 })
      return reply(200, { ...answer.totals, total_reassigned: answer.done })
    },
  }
}

function accepted({ jobId, total }: { jobId: string; total: number }) {
  return reply(202, { job_id: jobId, total_matched: total }, { location: `/api/v1/jobs/${jobId}` })
}

function counted({ total, failed }: { total: number; failed: number }) {
  return { total_matched: total, total_skipped: 0, total_failed: failed }
}

type Criteria = Omit<Request<'bulkRenewCertificates'>['body'], 'dry_run'>

type Narrowings = {
  readonly [Name in keyof Criteria]-?: (value: NonNullable<Criteria[Name]>) => WantedBulk['filter']
}

/** For every criterion there is: one that a route took and passed over would let all certificates pass. */
const narrowings: Narrowings = {
  certificate_ids: (ids) => ({ ids }),
  status: (status) => ({ status }),
  environment: (environment) => ({ environment }),
  owner_id: (ownerId) => ({ ownerId }),
  team_id: (teamId) => ({ teamId }),
  issuer_id: (issuerId) => ({ issuerId }),
  agent_id: (agentId) => ({ agentId }),
  profile_id: (profileId) => ({ profileId }),
  target_id: (targetId) => ({ targetId }),
  tags: (tags) => ({ tags: Object.entries(tags).map(([key, value]) => ({ key, value })) }),
  source: (source) => ({ source }),
  expires_before: (time) => ({ expiresBefore: new Date(time) }),
  expires_after: (time) => ({ expiresAfter: new Date(time) }),
  created_after: (time) => ({ createdAfter: new Date(time) }),
  updated_after: (time) => ({ updatedAfter: new Date(time) }),
}

function filterOf(criteria: Criteria): WantedBulk['filter'] {
  const given = Object.entries(criteria).filter(([, value]) => value !== undefined)
  // Which value belongs to which name is what the type of the table says; pairs of both no longer know it.
  return Object.assign({}, ...given.map(([name, value]) => narrowings[name as keyof Criteria](value as never)))
}
