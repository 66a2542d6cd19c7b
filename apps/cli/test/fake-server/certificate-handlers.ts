import { apiError, type Certificate, reply } from '@certctl/api'
import { type Handlers, page } from './handlers.js'
import type { World } from './world.js'

export function certificateHandlers(world: World): Handlers {
  const at = () => new Date(world.now()).toISOString()
  const place = (certificateId: string, targetId: string) => {
    world.take(world.targets, 'target', targetId)
    world.placed.push({ certificateId, targetId, since: world.now() })
  }
  return {
    listCertificates: async ({ query }) => {
      const all = [...world.certificates.keys()].map((id) => world.certificate(id))
      const named = (certificate: Certificate) =>
        query.name === undefined ||
        [certificate.name, certificate.common_name, ...certificate.sans].includes(query.name)
      const { by, descending } = query.sort ?? { by: 'createdAt', descending: false }
      const names = ({ name, common_name, sans }: Certificate) => [name, common_name, ...sans]
      const searched = (one: Certificate) => names(one).some((name) => name.includes(query.q ?? ''))
      const below = (one: Certificate) => names(one).some((name) => `.${name}`.endsWith(`.${query.domain ?? name}`))
      const tagged = (one: Certificate) => (query.tag ?? []).every(({ key, value }) => one.tags[key] === value)
      const rows = all.filter(
        (one) =>
          named(one) && searched(one) && below(one) && tagged(one) && (query.status ?? one.status) === one.status,
      )
      if (by === 'name') rows.sort((a, b) => (a.name < b.name ? -1 : 1) * (descending ? -1 : 1))
      return reply(200, page(rows, query))
    },
    createCertificate: async ({ body }) => {
      const id = body.id ?? world.nextId('cert')
      const name = body.name ?? body.common_name ?? body.sans?.[0] ?? 'from a CSR'
      if ([...world.certificates.values()].some(({ made }) => made.name === name))
        throw apiError('conflict', `There is a certificate named "${name}" already`, { status: 409 })
      for (const targetId of body.target_ids ?? []) place(id, targetId)
      const made: Certificate = {
        id,
        name,
        common_name: body.common_name ?? '',
        sans: body.sans ?? [],
        environment: body.environment ?? '',
        owner_id: body.owner_id ?? '',
        team_id: body.team_id ?? '',
        issuer_id: body.issuer_id ?? 'iss-local',
        target_ids: body.target_ids ?? [],
        renewal_policy_id: body.renewal_policy_id ?? '',
        ...(body.certificate_profile_id == null ? {} : { certificate_profile_id: body.certificate_profile_id }),
        status: 'Pending',
        tags: body.tags ?? {},
        created_at: at(),
        updated_at: at(),
        ...((body.target_ids ?? []).length === 0 && body.csr_pem === undefined
          ? { notices: ['It has no targets yet, so nobody makes a key for it'] }
          : {}),
      }
      world.certificates.set(id, { made, version: 1, since: world.now() })
      return reply(201, made)
    },
    getCertificate: async ({ params }) => reply(200, world.certificate(params.id)),
    updateCertificate: async ({ params, body }) => {
      const found = world.take(world.certificates, 'certificate', params.id)
      const { made } = found
      const kept = (given: string | null | undefined, known: string) => (given === undefined ? known : (given ?? ''))
      found.made = {
        ...made,
        name: body.name ?? made.name,
        common_name: kept(body.common_name, made.common_name),
        sans: body.sans ?? made.sans,
        environment: kept(body.environment, made.environment),
        owner_id: kept(body.owner_id, made.owner_id),
        team_id: kept(body.team_id, made.team_id),
        renewal_policy_id: kept(body.renewal_policy_id, made.renewal_policy_id),
        tags: body.tags ?? made.tags,
        updated_at: at(),
      }
      return reply(200, world.certificate(params.id))
    },
    deleteCertificate: async ({ params }) => {
      const found = world.take(world.certificates, 'certificate', params.id)
      found.made = { ...found.made, status: 'Archived' }
      return reply(204, undefined)
    },
    listCertificatePlacements: async ({ params }) => {
      world.take(world.certificates, 'certificate', params.id)
      const data = world.placements(params.id)
      return reply(200, { data, total: data.length })
    },
    renewCertificate: async ({ params }) => {
      const found = world.take(world.certificates, 'certificate', params.id)
      found.version += 1
      found.since = world.now()
      for (const placed of world.placed) if (placed.certificateId === params.id) placed.since = world.now()
      return reply(202, {
        status: 'renewal_triggered',
        job_ids: [world.addJob({ type: 'Renewal', certificate_id: params.id }, 1)],
      })
    },
    deployCertificate: async ({ params, body }) => {
      const placed = world.placed.filter(
        (one) => one.certificateId === params.id && (body.target_id ?? one.targetId) === one.targetId,
      )
      const ids = placed.map(({ targetId }) =>
        world.addJob({ type: 'Deployment', certificate_id: params.id, target_id: targetId }, 2),
      )
      return reply(202, { status: 'deployment_triggered', job_ids: ids })
    },
    addCertificateTarget: async ({ params, body }) => {
      world.take(world.certificates, 'certificate', params.id)
      place(params.id, body.target_id)
      const made = world.placements(params.id).find(({ target_id }) => target_id === body.target_id)
      if (made === undefined) throw apiError('internal', 'the placement was not made', { status: 500 })
      return reply(201, made)
    },
    removeCertificateTarget: async ({ params }) => {
      const index = world.placed.findIndex(
        (one) => one.certificateId === params.id && one.targetId === params.target_id,
      )
      if (index === -1) throw apiError('not_found', `It does not go to "${params.target_id}"`, { status: 404 })
      world.placed.splice(index, 1)
      return reply(204, undefined)
    },
    exportCertificatePem: async ({ params }) => {
      world.take(world.certificates, 'certificate', params.id)
      return reply(200, { cert_pem: 'LEAF\n', chain_pem: 'CHAIN\n', full_pem: 'LEAF\nCHAIN\n' })
    },
  }
}
