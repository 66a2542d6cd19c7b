import {
  CertctlError,
  defineIssuer,
  type Host,
  type IssuanceRequest,
  type IssuedRef,
  type OrderOutcome,
  type OrderRef,
  type RevocationOutcome,
  type RevocationRequest,
  z,
} from '@certctl/core'
import { type Csr, formatGeneralName, parseCertificate, parseCsr, sameNames } from '@certctl/pki'
import type { Enrolled } from './answers.js'
import { type CertificatePlace, createClient, type EjbcaClient, type EndEntity, type Enrolment } from './client.js'
import { type Config, configSchema } from './config.js'
import { recordEnrolment } from './enrolment-record.js'
import { createTransport } from './transport.js'

export { configSchema }

/** EJBCA by its REST interface: enrolment of a CSR under an end entity, which may have to be approved by somebody first. */
export default defineIssuer({
  type: 'EJBCA',
  displayName: 'EJBCA (Keyfactor)',
  configSchema,
  environment: [
    {
      id: 'iss-ejbca',
      name: 'EJBCA',
      when: 'CERTCTL_EJBCA_API_URL',
      variables: {
        api_url: 'CERTCTL_EJBCA_API_URL',
        auth_mode: 'CERTCTL_EJBCA_AUTH_MODE',
        client_cert_path: 'CERTCTL_EJBCA_CLIENT_CERT_PATH',
        client_key_path: 'CERTCTL_EJBCA_CLIENT_KEY_PATH',
        token: 'CERTCTL_EJBCA_TOKEN',
        token_url: 'CERTCTL_EJBCA_TOKEN_URL',
        client_id: 'CERTCTL_EJBCA_CLIENT_ID',
        client_secret: 'CERTCTL_EJBCA_CLIENT_SECRET',
        scope: 'CERTCTL_EJBCA_SCOPE',
        ca_name: 'CERTCTL_EJBCA_CA_NAME',
        cert_profile: 'CERTCTL_EJBCA_CERT_PROFILE',
        ee_profile: 'CERTCTL_EJBCA_EE_PROFILE',
        server_ca_path: 'CERTCTL_EJBCA_SERVER_CA_PATH',
        username_template: 'CERTCTL_EJBCA_USERNAME_TEMPLATE',
      },
    },
  ],
  capabilities: {
    operations: ['poll', 'revoke', 'caCertificates', 'test'],
    names: ['dns', 'wildcard', 'ip', 'email', 'uri'],
    // The profiles in EJBCA decide; the lifecycle compares and warns.
    honours: [],
    revocationReasons: [
      'unspecified',
      'keyCompromise',
      'cACompromise',
      'affiliationChanged',
      'superseded',
      'cessationOfOperation',
      'privilegeWithdrawn',
      'aACompromise',
    ],
    metered: false,
  },

  create(config, host) {
    const client = createClient(config, createTransport(config, host))
    return {
      issue: async (request) => await issue({ config, host, client }, request),
      poll: async (order) => await poll({ config, host, client }, order),
      revoke: async (request) => await revoke(client, request),
      caCertificates: async (signal) => await client.caCertificates(signal),
      test: async (signal) => await test(config, client, signal),
    }
  },
})

interface Parts {
  config: Config
  host: Host
  client: EjbcaClient
}

async function issue(parts: Parts, request: IssuanceRequest): Promise<OrderOutcome> {
  if (request.signal.aborted) throw new CertctlError('aborted', 'Stopped before anything was asked of EJBCA')
  const csr = parseCsr(request.csrPem)
  requireSameNames(csr, request)
  const entity = await recordEnrolment(parts.config, parts.host, request)
  const asked: Asked = { csr, entity, since: request.firstAskedAt, signal: request.signal }
  // The answer to an earlier attempt may have been lost.
  return request.attempt > 1 ? await recover(parts.client, asked) : await enroll(parts.client, asked)
}

/** EJBCA certifies the names in the CSR. */
function requireSameNames(csr: Csr, { names }: IssuanceRequest): void {
  const { missing, extra } = sameNames(names, csr.names)
  const [different] = [...extra, ...missing]
  if (different === undefined) return
  const fault = extra.length > 0 ? 'asks for a name that was not approved' : 'does not ask for an approved name'
  throw new CertctlError('csr_rejected', `The CSR ${fault}: ${formatGeneralName(different)}`)
}

interface Asked {
  csr: Csr
  entity: EndEntity
  since: Date
  signal: AbortSignal
}

async function enroll(client: EjbcaClient, asked: Asked): Promise<OrderOutcome> {
  const { csr, entity, signal } = asked
  return outcomeOf(await client.enroll(entity, csr.pem, signal), asked)
}

/** Finds what was made under our name for our key; then what may be made with our code, now that somebody approved it; only then asks anew. */
async function recover(client: EjbcaClient, asked: Asked): Promise<OrderOutcome> {
  const { csr, entity, signal } = asked
  const found = await findIssued(client, asked)
  if (found !== undefined) return found
  const granted = await client.request(entity, csr.pem, signal)
  return granted === undefined ? await enroll(client, asked) : outcomeOf({ state: 'issued', ...granted }, asked)
}

async function findIssued(
  client: EjbcaClient,
  { csr, entity, since, signal }: Asked,
): Promise<OrderOutcome | undefined> {
  const certificates = await client.search(entity.username, since, signal)
  const certificate = certificates.find(({ spkiSha256 }) => spkiSha256 === csr.publicKey.spkiSha256)
  return certificate && validOf({ certificate, chainPem: '' })
}

/** What a look needs, stored sealed with the order. */
const progressSchema = z.object({ username: z.string(), password: z.string(), request_id: z.int().optional() })

async function poll(
  { config, host, client }: Parts,
  { request, progress, signal, orderId }: OrderRef,
): Promise<OrderOutcome> {
  const known = progressSchema.safeParse(progress)
  const { request_id, ...entity } = known.success
    ? known.data
    : { ...(await recordEnrolment(config, host, request)), request_id: requestIdOf(orderId) }
  const asked: Asked = { csr: parseCsr(request.csrPem), entity, since: request.firstAskedAt, signal }
  if (request_id === undefined) return await recover(client, asked)
  const enrolment = await client.finalize(request_id, entity.password, signal)
  if (enrolment.state === 'waiting') return pendingOf({ ...enrolment, requestId: request_id }, entity)
  if (enrolment.state === 'overtaken') return await recover(client, asked)
  if (enrolment.state === 'unknown request') return (await findIssued(client, asked)) ?? forgotten(orderId)
  // Two orders of one end entity, approved at the same time: EJBCA signs the CSR that came last, whoever finalizes.
  if (enrolment.state === 'issued' && enrolment.certificate.spkiSha256 !== asked.csr.publicKey.spkiSha256)
    return pendingOf({ said: 'it issued for another key of this end entity', requestId: undefined }, entity)
  return outcomeOf(enrolment, asked)
}

function requestIdOf(orderId: string): number | undefined {
  return /^\d+$/.test(orderId) ? Number(orderId) : undefined
}

function forgotten(orderId: string): OrderOutcome {
  return { status: 'invalid', orderId, reason: `EJBCA knows no approval request ${orderId} any more` }
}

/** A certificate for another key than that of the CSR it answers is the lifecycle's to refuse: to ask again would be to have another one made. */
function outcomeOf(enrolment: Enrolment, { entity }: Asked): OrderOutcome {
  if (enrolment.state === 'waiting') return pendingOf(enrolment, entity)
  if (enrolment.state === 'closed')
    return { status: enrolment.as, orderId: entity.username, reason: `EJBCA says: ${enrolment.said}` }
  if (enrolment.state !== 'issued')
    throw new CertctlError('upstream_protocol', `EJBCA answered an enrolment as ${enrolment.state}`)
  return validOf(enrolment)
}

function pendingOf(
  { said, requestId }: { said: string; requestId: number | undefined },
  entity: EndEntity,
): OrderOutcome {
  return {
    status: 'pending',
    orderId: requestId === undefined ? entity.username : String(requestId),
    progress: { ...entity, request_id: requestId },
    waitingFor: 'person',
    detail: `EJBCA waits for approval${requestId === undefined ? '' : ` of request ${requestId}`}: ${said}`,
  }
}

function validOf({ certificate, chainPem }: Enrolled): OrderOutcome {
  const vendorRef = `${certificate.issuerText}::${certificate.serialNumber.toUpperCase()}`
  return { status: 'valid', certificatePem: certificate.pem, chainPem, vendorRef }
}

async function revoke(
  client: EjbcaClient,
  { certificate, reason, ...request }: RevocationRequest,
): Promise<RevocationOutcome> {
  const { signal, attempt, reference } = request
  const place = placeOf(certificate)
  if (attempt > 1 || reference !== undefined) {
    const isRevoked = await client.isRevoked(place, signal)
    if (isRevoked === true) return { status: 'confirmed' }
    // Somebody must still approve what was filed.
    if (isRevoked === false && reference !== undefined) return { status: 'requested', reference }
  }
  const first = await client.revoke(place, reason, signal)
  const outcome = first.state === 'unknown' ? await revokeByCa(client, { place, reason, signal }) : first
  if (outcome.state === 'revoked') return { status: 'confirmed' }
  return { status: 'requested', reference: String(outcome.requestId ?? 'waiting for approval') }
}

/** EJBCA may write the CA's name in another order or with other words than the certificate suggests. */
async function revokeByCa(
  client: EjbcaClient,
  { place, reason, signal }: Pick<RevocationRequest, 'reason' | 'signal'> & { place: CertificatePlace },
) {
  const issuerName = await client.caDn(signal)
  const again =
    issuerName === place.issuerName ? undefined : await client.revoke({ ...place, issuerName }, reason, signal)
  if (again !== undefined && again.state !== 'unknown') return again
  throw new CertctlError('not_found', `EJBCA knows no certificate ${place.serialNumber} of ${place.issuerName}`)
}

/** The reference is `issuer_dn::serial`; a name may hold `::` itself. */
export function placeOf({ vendorRef, certificatePem, serialNumber }: IssuedRef): CertificatePlace {
  const at = vendorRef?.lastIndexOf('::') ?? -1
  if (vendorRef === undefined || at <= 0)
    return { issuerName: parseCertificate(certificatePem).issuerText, serialNumber }
  return { issuerName: vendorRef.slice(0, at), serialNumber: vendorRef.slice(at + 2) }
}

async function test({ ca_name }: Config, client: EjbcaClient, signal: AbortSignal): Promise<{ detail: string }> {
  const version = await client.status(signal)
  const name = await client.caDn(signal)
  return {
    detail: `EJBCA answers (REST interface ${version || 'of unknown version'}) and lets us use CA "${ca_name}", ${name}`,
  }
}
