import { CertctlError, type RevocationReason, z } from '@certctl/core'
import { type Certificate, splitCertificates } from '@certctl/pki'
import { type Enrolled, read, readCertificates, readEnrolled, readWaiting, requireStatus, saidIn } from './answers.js'
import type { Config } from './config.js'
import type { Send } from './transport.js'

/** An end entity of EJBCA and the code that lets it have one certificate. */
export interface EndEntity {
  username: string
  password: string
}
export type Waiting = { said: string; requestId: number | undefined }
/** What became of an enrolment. `closed`: the approval request ended without a certificate; `overtaken`: its certificate was handed out before, or another order of this end entity came after it. */
export type Enrolment =
  | ({ state: 'issued' } & Enrolled)
  | ({ state: 'waiting' } & Waiting)
  | { state: 'closed'; as: 'invalid' | 'expired'; said: string }
  | { state: 'overtaken' | 'unknown request' }

export type EjbcaClient = ReturnType<typeof createClient>

const casSchema = z.object({
  certificate_authorities: z.array(z.object({ name: z.string(), subject_dn: z.string() })),
})
const searchSchema = z.object({ certificates: z.array(z.object({ certificate: z.string() })) })
const revokedSchema = z.object({ revoked: z.boolean() })
const statusSchema = z.object({ status: z.string(), version: z.string().optional(), revision: z.string().optional() })

/** EJBCA's REST interface, version 1: HTTP in, meaning out. */
export function createClient(config: Config, send: Send) {
  const caDn = async (signal: AbortSignal): Promise<string> => {
    const response = requireStatus(await send({ method: 'GET', path: '/v1/ca', signal }), [200], 'listing CAs')
    const { certificate_authorities: cas } = read(casSchema, response, 'listing CAs')
    const found = cas.find(({ name }) => name === config.ca_name)
    if (found !== undefined) return found.subject_dn
    const shown = cas.map(({ name }) => `"${name}"`).join(', ') || 'none'
    throw new CertctlError('config_invalid', `EJBCA shows us no CA named "${config.ca_name}" (ca_name), but ${shown}`)
  }

  return {
    caDn,

    async status(signal: AbortSignal): Promise<string> {
      const response = await send({ method: 'GET', path: '/v1/certificate/status', signal })
      const { status, version, revision } = read(
        statusSchema,
        requireStatus(response, [200], 'its status'),
        'its status',
      )
      if (status !== 'OK')
        throw new CertctlError('upstream_unavailable', 'EJBCA says that its REST interface is not OK')
      return [version, revision].filter((part) => part !== undefined).join(', ')
    },

    async caCertificates(signal: AbortSignal): Promise<string[]> {
      const path = `/v1/ca/${encodeURIComponent(await caDn(signal))}/certificate/download`
      const response = requireStatus(await send({ method: 'GET', path, signal }), [200], 'fetching the CA’s chain')
      const pems = splitCertificates(response.text())
      if (pems.length === 0) throw new CertctlError('upstream_protocol', 'EJBCA gave no CA certificate in PEM')
      return pems
    },

    /** Adds or edits the end entity and has the CSR signed, unless somebody must approve that first. */
    async enroll({ username, password }: EndEntity, csrPem: string, signal: AbortSignal): Promise<Enrolment> {
      const json = {
        certificate_request: csrPem,
        certificate_profile_name: config.cert_profile,
        end_entity_profile_name: config.ee_profile,
        certificate_authority_name: config.ca_name,
        username,
        password,
        include_chain: true,
      }
      const response = await send({ method: 'POST', path: '/v1/certificate/pkcs10enroll', json, signal })
      const said = saidIn(response)
      if (response.status === 400 && /approval.*already exists/i.test(said ?? ''))
        return { state: 'waiting', said: said ?? '', requestId: undefined }
      requireNames(config, response.status, said)
      return enrolmentOf(requireStatus(response, [201, 202], 'enrolling'))
    },

    /** Fetches what was approved. */
    async finalize(requestId: number, password: string, signal: AbortSignal): Promise<Enrolment> {
      const json = { response_format: 'DER', password }
      const response = await send({ method: 'POST', path: `/v1/certificate/${requestId}/finalize`, json, signal })
      const said = saidIn(response)
      if ((response.status === 400 || response.status === 403) && said !== undefined) {
        const end = endings.find(({ sentence }) => sentence.test(said))
        if (end !== undefined) return end.meaning(said)
      }
      return enrolmentOf(requireStatus(response, [201, 202], `finishing request ${requestId}`))
    },

    /** Has the CSR signed for an end entity that is ready for it; `undefined` where it is not. */
    async request(
      { username, password }: EndEntity,
      csrPem: string,
      signal: AbortSignal,
    ): Promise<Enrolled | undefined> {
      const json = {
        certificate_request: csrPem,
        certificate_request_type: 'PKCS10',
        username,
        password,
        include_chain: true,
        certificate_authority_name: config.ca_name,
      }
      const response = await send({ method: 'POST', path: '/v1/certificate/certificaterequest', json, signal })
      if ([400, 404, 409, 422].includes(response.status) && saidIn(response) !== undefined) return undefined
      return readEnrolled(requireStatus(response, [201], 'requesting'))
    },

    /** Certificates of the end entity that began not long before. */
    async search(username: string, since: Date, signal: AbortSignal): Promise<Certificate[]> {
      const json = {
        max_number_of_results: 100,
        criteria: [
          { property: 'QUERY', value: username, operation: 'EQUAL' },
          // CAs let a certificate begin earlier than it is issued.
          { property: 'ISSUED_DATE', value: isoOf(new Date(since.getTime() - 7 * 86_400_000)), operation: 'AFTER' },
        ],
      }
      const response = await send({ method: 'POST', path: '/v1/certificate/search', json, signal })
      const what = 'searching for what an earlier attempt may have brought'
      const { certificates } = read(searchSchema, requireStatus(response, [200], what), what)
      return certificates.flatMap(({ certificate }) => readCertificates(certificate))
    },

    async isRevoked(place: CertificatePlace, signal: AbortSignal): Promise<boolean | undefined> {
      const response = await send({ method: 'GET', path: `${pathOf(place)}/revocationstatus`, signal })
      if (response.status === 404 && saidIn(response) !== undefined) return undefined
      return read(revokedSchema, requireStatus(response, [200], 'its revocation status'), 'its revocation status')
        .revoked
    },

    /** `unknown`: EJBCA has no such certificate, or writes the name of its issuer in another way. */
    async revoke(place: CertificatePlace, reason: RevocationReason, signal: AbortSignal) {
      const query = { reason: reasons[reason] ?? 'UNSPECIFIED' }
      const response = await send({ method: 'PUT', path: `${pathOf(place)}/revoke`, query, signal })
      const said = saidIn(response)
      if (response.status === 404 && said !== undefined) return { state: 'unknown' as const }
      if (response.status === 400 && /approval.*already exists/i.test(said ?? ''))
        return { state: 'waiting' as const, requestId: undefined }
      const { status } = requireStatus(response, [200, 202, 409], 'revoking')
      if (status === 202) return { state: 'waiting' as const, requestId: readWaiting(response).requestId }
      return { state: 'revoked' as const }
    },
  }
}

/** EJBCA addresses a certificate by the name of its issuer, as EJBCA writes it, and its serial number. */
export interface CertificatePlace {
  issuerName: string
  serialNumber: string
}

function pathOf({ issuerName, serialNumber }: CertificatePlace): string {
  return `/v1/certificate/${encodeURIComponent(issuerName)}/${serialNumber.toUpperCase()}`
}

const reasons: Readonly<Partial<Record<RevocationReason, string>>> = {
  unspecified: 'UNSPECIFIED',
  keyCompromise: 'KEY_COMPROMISE',
  cACompromise: 'CA_COMPROMISE',
  affiliationChanged: 'AFFILIATION_CHANGED',
  superseded: 'SUPERSEDED',
  cessationOfOperation: 'CESSATION_OF_OPERATION',
  privilegeWithdrawn: 'PRIVILEGES_WITHDRAWN',
  aACompromise: 'AA_COMPROMISE',
}

/** The sentences by which a finished approval request is refused; EJBCA has no codes for them. */
const endings: readonly { sentence: RegExp; meaning: (said: string) => Enrolment }[] = [
  { sentence: /has been rejected/i, meaning: (said) => ({ state: 'closed', as: 'invalid', said }) },
  { sentence: /could not be executed/i, meaning: (said) => ({ state: 'closed', as: 'invalid', said }) },
  { sentence: /has expired/i, meaning: (said) => ({ state: 'closed', as: 'expired', said }) },
  { sentence: /already been finalized/i, meaning: () => ({ state: 'overtaken' }) },
  { sentence: /password|wrong status/i, meaning: () => ({ state: 'overtaken' }) },
  { sentence: /could not find request/i, meaning: () => ({ state: 'unknown request' }) },
]

function enrolmentOf(response: Parameters<typeof readEnrolled>[0]): Enrolment {
  return response.status === 202
    ? { state: 'waiting', ...readWaiting(response) }
    : { state: 'issued', ...readEnrolled(response) }
}

/** Names in our configuration that EJBCA does not know, by the setting to correct. */
function requireNames({ cert_profile, ee_profile, ca_name }: Config, status: number, said = ''): void {
  if (![400, 404, 422].includes(status) || !/doesn't exist|does not exist|not found|no ca found/i.test(said)) return
  const wrong = (setting: string, value: string, what: string) =>
    new CertctlError('config_invalid', `EJBCA has no ${what} "${value}" (${setting}), or not for us; it says: ${said}`)
  if (/end entity profile/i.test(said)) throw wrong('ee_profile', ee_profile, 'end entity profile')
  if (/certificate profile/i.test(said)) throw wrong('cert_profile', cert_profile, 'certificate profile')
  if (/\bCA\b/.test(said)) throw wrong('ca_name', ca_name, 'CA')
}

function isoOf(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, 'Z')
}
