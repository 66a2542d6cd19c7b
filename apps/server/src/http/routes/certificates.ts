import { type Placement, reply, replyJson } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { actorOf } from '../../access/principal.js'
import { listCertificateTargets, listPlacements, listVersions } from '../../inventory/certificate-parts.js'
import { getCertificate } from '../../inventory/get-certificate.js'
import { listCertificates } from '../../inventory/list-certificates.js'
import { versionView } from '../../inventory/version-view.js'
import { archiveCertificate } from '../../lifecycle/asking/archive-certificate.js'
import { changeCertificate } from '../../lifecycle/asking/change-certificate.js'
import { renewCertificate } from '../../lifecycle/asking/renew-certificate.js'
import { requestCertificate } from '../../lifecycle/asking/request-certificate.js'
import { supplyCsr } from '../../lifecycle/csr/supply-csr.js'
import { type ForetoldOrders, foretellOrders } from '../../lifecycle/order/foretell-orders.js'
import { deployCertificate } from '../../lifecycle/placement/deploy-certificate.js'
import { linkTarget } from '../../lifecycle/placement/link-target.js'
import { unlinkTarget } from '../../lifecycle/placement/unlink-target.js'
import type { Services } from '../../services.js'
import { matchCheck } from '../etag.js'
import type { Handlers } from '../handlers.js'
import { listingOf } from '../page.js'

type Ids =
  | 'listCertificates'
  | 'createCertificate'
  | 'getCertificate'
  | 'updateCertificate'
  | 'deleteCertificate'
  | 'listCertificateVersions'
  | 'listCertificateDeployments'
  | 'renewCertificate'
  | 'deployCertificate'
  | 'listCertificateTargets'
  | 'addCertificateTarget'
  | 'removeCertificateTarget'
  | 'listCertificatePlacements'

export function certificateRoutes(services: Services): Handlers<Ids> {
  return { ...nounRoutes(services), ...partRoutes(services), ...actionRoutes(services) }
}

type NounIds = 'listCertificates' | 'createCertificate' | 'getCertificate' | 'updateCertificate' | 'deleteCertificate'

function nounRoutes(services: Services): Handlers<NounIds> {
  return {
    async listCertificates({ query }) {
      const list = `listCertificates ${JSON.stringify(query.sort ?? {})}`
      const { request, jsonEnvelope } = listingOf(services.sealing, list, query)
      const { sort, fields } = query
      return replyJson(
        200,
        jsonEnvelope(await listCertificates(services, { filter: filterOf(query), sort, request, fields })),
      )
    },
    async createCertificate({ body, principal, signal }) {
      const { id } = await requestCertificate(services, { actor: actorOf(principal), ...requestOf(body) })
      const orders = await foretellOrders(services, { certificateId: id, signal })
      const issuance = orders === undefined ? {} : { issuance: issuanceView(orders) }
      return reply(201, { ...(await getCertificate(services, id)), ...issuance })
    },
    getCertificate: async ({ params }) => reply(200, await getCertificate(services, params.id)),
    async updateCertificate({ params, body, principal, raw }) {
      const match = matchCheck(raw)
      await changeCertificate(services, {
        certificateId: params.id,
        actor: actorOf(principal),
        check: async (tx) => match(await getCertificate({ store: tx, clock: services.clock }, params.id)),
        ...changesOf(body),
      })
      return reply(200, await getCertificate(services, params.id))
    },
    async deleteCertificate({ params, principal }) {
      await archiveCertificate(services, { certificateId: params.id, actor: actorOf(principal) })
      return reply(204, undefined)
    },
  }
}

type PartIds =
  | 'listCertificateVersions'
  | 'listCertificateDeployments'
  | 'listCertificateTargets'
  | 'listCertificatePlacements'
  | 'addCertificateTarget'
  | 'removeCertificateTarget'

function partRoutes(services: Services): Handlers<PartIds> {
  const targets = async (id: string) => listed(await listCertificateTargets(services, id))
  return {
    async listCertificateVersions({ params, query }) {
      const { request, envelope } = listingOf(services.sealing, `listCertificateVersions ${params.id}`, query)
      return reply(200, envelope(await listVersions(services, params.id, request), versionView))
    },
    listCertificateDeployments: async ({ params }) => reply(200, await targets(params.id)),
    listCertificateTargets: async ({ params }) => reply(200, await targets(params.id)),
    listCertificatePlacements: async ({ params }) => reply(200, listed(await listPlacements(services, params.id))),
    async addCertificateTarget({ params, body, principal }) {
      const link = { certificateId: params.id, targetId: body.target_id, actor: actorOf(principal) }
      await linkTarget(services, link)
      return reply(201, placementAt(await listPlacements(services, params.id), body.target_id))
    },
    async removeCertificateTarget({ params, principal }) {
      const { id: certificateId, target_id: targetId } = params
      await unlinkTarget(services, { certificateId, targetId, actor: actorOf(principal) })
      return reply(204, undefined)
    },
  }
}

function actionRoutes(services: Services): Handlers<'renewCertificate' | 'deployCertificate'> {
  return {
    async renewCertificate({ params, query, body, principal }) {
      const force = query.force === true || body.force === true
      const actor = actorOf(principal)
      const wanted = { certificateId: params.id, actor, force }
      const { csr_pem: csrPem } = body
      const { jobIds } =
        csrPem === undefined
          ? await renewCertificate(services, wanted)
          : await supplyCsr(services, { ...wanted, csrPem })
      const [first] = jobIds
      return reply(202, {
        status: 'renewal_triggered',
        ...(first === undefined ? {} : { job_id: first }),
        job_ids: jobIds,
      })
    },
    async deployCertificate({ params, body, principal }) {
      const wanted = { certificateId: params.id, targetId: body.target_id, actor: actorOf(principal) }
      const { jobIds } = await deployCertificate(services, wanted)
      return reply(202, { status: 'deployment_triggered', job_ids: jobIds })
    },
  }
}

function listed<Item>(data: Item[]): { data: Item[]; total: number } {
  return { data, total: data.length }
}

function placementAt(placements: readonly Placement[], targetId: string): Placement {
  const found = placements.find((placement) => placement.target_id === targetId)
  if (found === undefined) throw new CertctlError('conflict', `Target ${targetId} was taken away again meanwhile`)
  return found
}

type Request<Id extends Ids> = Parameters<Handlers<Ids>[Id]>[0]

function filterOf(query: Request<'listCertificates'>['query']) {
  const date = (text: string | undefined) => (text === undefined ? undefined : new Date(text))
  return {
    status: query.status,
    environment: query.environment,
    ownerId: query.owner_id,
    teamId: query.team_id,
    issuerId: query.issuer_id,
    agentId: query.agent_id,
    profileId: query.profile_id,
    targetId: query.target_id,
    name: query.name,
    text: query.q,
    domain: query.domain,
    tags: query.tag,
    expiresBefore: date(query.expires_before),
    expiresAfter: date(query.expires_after),
    createdAfter: date(query.created_after),
    updatedAfter: date(query.updated_after),
  }
}

function issuanceView({ orders, inTurn, fits, nextAt, detail }: ForetoldOrders) {
  return {
    orders,
    in_turn: inTurn,
    ...(fits === undefined ? {} : { fits }),
    ...(nextAt === undefined ? {} : { next_at: nextAt.toISOString() }),
    detail,
  }
}

function requestOf(body: Request<'createCertificate'>['body']) {
  return {
    id: body.id,
    name: body.name,
    commonName: body.common_name,
    sans: body.sans ?? [],
    environment: body.environment,
    ownerId: body.owner_id ?? undefined,
    teamId: body.team_id ?? undefined,
    issuerId: body.issuer_id,
    renewalPolicyId: body.renewal_policy_id ?? undefined,
    certificateProfileId: body.certificate_profile_id ?? undefined,
    keyAlgorithm: body.key_algorithm,
    tags: body.tags,
    targetIds: body.target_ids ?? [],
    csrPem: body.csr_pem,
  }
}

function changesOf(body: Request<'updateCertificate'>['body']) {
  return {
    name: body.name,
    commonName: body.common_name,
    sans: body.sans,
    environment: body.environment,
    ownerId: body.owner_id,
    teamId: body.team_id,
    issuerId: body.issuer_id,
    renewalPolicyId: body.renewal_policy_id,
    certificateProfileId: body.certificate_profile_id,
    keyAlgorithm: body.key_algorithm,
    tags: body.tags,
    targetIds: body.target_ids,
  }
}
