import { apiError, type Certificate, type Job, reply } from '@certctl/api'
import { fingerprintOf } from '@certctl/pki'
import { type Handlers, page } from './handlers.js'
import type { World } from './world.js'

interface Selection {
  certificate_ids?: string[] | undefined
  environment?: string | undefined
  tags?: Record<string, string> | undefined
}

/** A bulk job of this world does one certificate a second; certificates that are not active are passed over. */
export function bulkHandlers(world: World): Handlers {
  const at = (moment = world.now()) => new Date(moment).toISOString()
  const revoked = new Map<string, { reason: string; note: string; since: number }>()
  const matching = (body: Selection) =>
    [...world.certificates.keys()].filter(
      (id) =>
        (body.certificate_ids ?? [id]).includes(id) &&
        (body.environment === undefined || world.certificate(id).environment === body.environment) &&
        Object.entries(body.tags ?? {}).every(([key, value]) => world.certificate(id).tags?.[key] === value),
    )
  const begin = (action: NonNullable<Job['bulk']>['action'], ids: readonly string[]) => {
    const skipped = new Set(ids.filter((id) => revoked.has(id)))
    if (action === 'revoke')
      for (const id of ids.filter((each) => !skipped.has(each)))
        revoked.set(id, { reason: 'superseded', note: 'in bulk', since: world.now() })
    const job_id = world.nextId('job')
    world.bulk.set(job_id, { action, ids: [...ids], skipped, since: world.now() })
    return { job_id, total_matched: ids.length }
  }
  const counted = (ids: readonly string[], { certificate_ids: named = [] }: Selection) => {
    const failed = named.filter((id) => !world.certificates.has(id)).length
    return { total_matched: ids.length + failed, total_skipped: 0, total_failed: failed }
  }
  return {
    bulkRenewCertificates: async ({ body }) => {
      const ids = matching(body)
      if (body.dry_run === true) return reply(200, { ...counted(ids, body), total_enqueued: 0 })
      return reply(202, begin('renew', ids))
    },
    bulkRevokeCertificates: async ({ body }) => {
      const ids = matching(body)
      if (body.dry_run === true) return reply(200, { ...counted(ids, body), total_revoked: 0 })
      return reply(202, begin('revoke', ids))
    },
    bulkReassignCertificates: async ({ body }) => {
      const ids = matching(body)
      if (body.dry_run === true) return reply(200, { ...counted(ids, body), total_reassigned: 0 })
      return reply(202, begin('reassign', ids))
    },
    listJobItems: async ({ params, query }) => {
      const { ids, skipped } = world.take(world.bulk, 'job', params.id)
      const items = ids.map((certificate_id) =>
        skipped.has(certificate_id)
          ? { certificate_id, state: 'skipped' as const, code: 'revoked', message: 'It is revoked already' }
          : { certificate_id, state: 'done' as const },
      )
      return reply(
        200,
        page(
          items.filter(({ state }) => (query.state ?? state) === state),
          query,
        ),
      )
    },
    revokeCertificate: async ({ params, body }) => {
      const { name } = world.certificate(params.id)
      if (revoked.has(params.id)) throw apiError('already_revoked', `${name} is revoked already`, { status: 409 })
      revoked.set(params.id, {
        reason: body.reason ?? 'unspecified',
        note: body.reason_text ?? '',
        since: world.now(),
      })
      return reply(200, { status: 'revoked', version_ids: ['ver-1'] })
    },
    listCertificateRevocations: async ({ params }) => {
      const found = revoked.get(params.id)
      if (found === undefined) return reply(200, { data: [], total: 0 })
      const isConfirmed = world.now() - found.since > 10_000
      const row = {
        id: 'rev-1',
        version_id: 'ver-1',
        serial_number: '41',
        issuer_id: 'iss-local',
        reason: found.reason,
        reason_text: found.note,
        state: isConfirmed ? ('confirmed' as const) : ('here' as const),
        attempts: isConfirmed ? 1 : 0,
        requested_by: 'admin',
        created_at: at(found.since),
      }
      return reply(200, { data: [row], total: 1 })
    },
    listCaCertificates: async ({ params }) => {
      world.take(world.issuers, 'issuer', params.id)
      const pem = '-----BEGIN CERTIFICATE-----\nbG9jYWw=\n-----END CERTIFICATE-----\n'
      const about = { subject: 'CN=CertCtl Local CA', fingerprint_sha256: 'ab', not_after: at(), self_signed: true }
      return reply(200, { certificates: [{ pem, ...about }], pem })
    },
    importCertificate: async ({ body }) => {
      const name = fingerprintOf(body.certificate_pem).slice(0, 12)
      const known = [...world.certificates.values()].find(({ made }) => made.name === name)
      if (known !== undefined)
        throw apiError('conflict', `This certificate is there already, as a version of ${known.made.id}`, {
          status: 409,
        })
      const made: Certificate = {
        id: world.nextId('cert'),
        name,
        common_name: '',
        sans: [],
        environment: body.environment ?? '',
        owner_id: '',
        team_id: '',
        issuer_id: 'iss-local',
        target_ids: [],
        renewal_policy_id: '',
        status: 'Active',
        tags: {},
        created_at: at(),
        updated_at: at(),
        source: 'import',
      }
      world.certificates.set(made.id, { made, version: 1, since: world.now() })
      return reply(201, made)
    },
    exportCertificatePkcs12: async ({ body }) =>
      reply(200, {
        pkcs12_base64: Buffer.from(`pkcs12 ${body.format} ${body.password}`).toString('base64'),
        fingerprint_sha256: 'ab',
      }),
  }
}

/** A bulk job as it stands. */
export function bulkJob(world: World, id: string): Job | undefined {
  const found = world.bulk.get(id)
  if (found === undefined) return undefined
  const { action, ids, skipped, since } = found
  const gone = Math.min(ids.length, Math.floor((world.now() - since) / 1000))
  const passed = ids.slice(0, gone).filter((each) => skipped.has(each)).length
  const at = new Date(since).toISOString()
  return {
    id,
    type: 'Bulk',
    status: gone === ids.length ? 'Completed' : 'Running',
    attempts: 1,
    max_attempts: 0,
    scheduled_at: at,
    created_at: at,
    verification_status: 'skipped',
    bulk: { action, total: ids.length, done: gone - passed, skipped: passed, failed: 0, pending: ids.length - gone },
  }
}
