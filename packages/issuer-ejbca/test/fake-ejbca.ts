import { parseCertificate, parseCsr } from '@certctl/pki'
import type { HttpAnswer, TestCa } from '@certctl/testing'

/**
 * Behaves like EJBCA's REST interface, version 1, as its Community source code has it (releases 8 and 9; no running EJBCA was at hand): prefix, profiles,
 * end entities with a status and an enrolment code, approvals, base64 of DER, search results in base64 twice, and the sentences and statuses of its refusals.
 */
export interface FakeEjbca {
  /** As HTTPS, or as a host in memory, brings it. */
  answer(request: FakeRequest): Promise<HttpAnswer>
  readonly calls: readonly string[]
  readonly certificates: FakeCertificate[]
  readonly requests: Map<number, ApprovalRequest>
  readonly entities: Map<string, Entity>
  /** Somebody decides about every request that waits. */
  decide(status: ApprovalRequest['status']): void
  behaviour: Behaviour
}

export interface FakeRequest {
  method: string
  /** Percent-encoded, without the query. */
  path: string
  query: URLSearchParams
  headers: Readonly<Record<string, string | undefined>>
  body: string
  /** PEM of the client certificate that the connection proved. */
  clientCertificate?: string | undefined
}

export interface Behaviour {
  auth: 'mtls' | 'oauth2'
  approveEnrolment: boolean
  approveRevocation: boolean
  /** Releases before 9 do not tell the number of the request. */
  tellsRequestId: boolean
  restEnabled: boolean
  caOnline: boolean
  /** EJBCA's own spelling of the CA's name. */
  caDn: string
  /** The end entity profile makes codes of its own, so that ours are not asked for. */
  ignoresCodes: boolean
  /** Rights of our role. */
  maySearch: boolean
}

interface Entity {
  password: string
  status: 'NEW' | 'GENERATED'
  csrPem: string
  subjectDn: string
}
interface ApprovalRequest {
  username: string
  password: string
  csrPem: string
  status: 'waiting' | 'approved' | 'rejected' | 'expired' | 'failed' | 'removed'
}
interface FakeCertificate {
  username: string
  pem: string
  serial: string
  issuedAt: Date
  revoked?: string | undefined
  revocationFiled?: boolean | undefined
}

export interface FakeMaterial {
  ca: TestCa
  /** The administrator's client certificate. */
  adminPem: string
}

export const caName = 'Issuing CA'
const prefix = '/ejbca/ejbca-rest-api'
const knownReasons = [
  'NOT_REVOKED',
  'UNSPECIFIED',
  'KEY_COMPROMISE',
  'CA_COMPROMISE',
  'AFFILIATION_CHANGED',
  'SUPERSEDED',
  'CESSATION_OF_OPERATION',
  'CERTIFICATE_HOLD',
  'REMOVE_FROM_CRL',
  'PRIVILEGES_WITHDRAWN',
  'AA_COMPROMISE',
]
const enrolFields = [
  'certificate_request',
  'certificate_profile_name',
  'end_entity_profile_name',
  'certificate_authority_name',
  'username',
  'password',
  'include_chain',
  'email',
  'account_binding_id',
  'response_format',
]

export const json = (status: number, body: unknown): HttpAnswer => ({ status, json: JSON.parse(JSON.stringify(body)) })
const refuse = (status: number, message: string): HttpAnswer =>
  json(status, { error_code: status, error_message: message })
export const page = (status: number): HttpAnswer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<html>Not Found</html>',
})
const derOf = (pem: string) => Buffer.from(parseCertificate(pem).der).toString('base64')

export function fakeEjbca(
  { ca, adminPem }: FakeMaterial,
  options: Partial<Behaviour> & { now?: () => Date; tokens?: () => readonly string[] } = {},
): FakeEjbca {
  const { now = () => new Date(), tokens = () => [], ...behaviour } = options
  const world: Behaviour = {
    auth: 'mtls',
    approveEnrolment: false,
    approveRevocation: false,
    tellsRequestId: true,
    restEnabled: true,
    caOnline: true,
    caDn: 'CN=Throw-away Issuing CA',
    maySearch: true,
    ignoresCodes: false,
    ...behaviour,
  }
  const certificates: FakeCertificate[] = []
  const requests = new Map<number, ApprovalRequest>()
  const entities = new Map<string, Entity>()
  const calls: string[] = []
  let lastRequest = 16

  const unauthorized = ({ headers, clientCertificate }: FakeRequest): string | undefined => {
    if (world.auth === 'mtls') {
      if (clientCertificate === undefined) return 'Authorization failed. No certificates or OAuth token provided.'
      return clientCertificate === adminPem
        ? undefined
        : 'Authentication failed: No admin authenticated for certificate.'
    }
    const [scheme, token = ''] = (headers.authorization ?? '').split(' ')
    if (scheme !== 'Bearer') return 'Authorization failed. No certificates or OAuth token provided.'
    return tokens().includes(token)
      ? undefined
      : 'Authentication failed using OAuth Bearer Token. JWT token has expired.'
  }

  const sign = async (username: string, csrPem: string): Promise<FakeCertificate> => {
    const csr = parseCsr(csrPem)
    const pem = await ca.sign(csrPem, { subject: csr.subject.filter(({ type }) => type !== 'emailAddress') })
    const serial = parseCertificate(pem).serialNumber.toUpperCase()
    const made = { username, pem, serial, issuedAt: now() }
    certificates.push(made)
    const entity = entities.get(username)
    if (entity !== undefined) entity.status = 'GENERATED'
    return made
  }

  const issued = (made: FakeCertificate, chain: boolean): HttpAnswer =>
    json(201, {
      certificate: derOf(made.pem),
      serial_number: made.serial,
      response_format: 'DER',
      ...(chain ? { certificate_chain: [derOf(ca.intermediatePem), derOf(ca.rootPem)] } : {}),
    })

  const unknownNames = (body: Record<string, unknown>): HttpAnswer | undefined => {
    if (body.certificate_authority_name !== caName)
      return refuse(400, `CA with name "${String(body.certificate_authority_name)}" doesn't exist`)
    if (!['SERVER', 'ENDUSER'].includes(String(body.certificate_profile_name)))
      return refuse(400, `Certificate profile with name "${String(body.certificate_profile_name)}" doesn't exist`)
    if (!['EMPTY'].includes(String(body.end_entity_profile_name)))
      return refuse(404, `End entity profile with name "${String(body.end_entity_profile_name)}" does not exist`)
    return undefined
  }

  const enrol = async (body: Record<string, unknown>): Promise<HttpAnswer> => {
    const stranger = Object.keys(body).find((field) => !enrolFields.includes(field))
    if (stranger !== undefined) return refuse(400, `Unrecognized field "${stranger}"`)
    const names = unknownNames(body)
    if (names !== undefined) return names
    const { username, password, certificate_request: csrPem } = body
    if (typeof username !== 'string' || typeof password !== 'string' || typeof csrPem !== 'string')
      return refuse(400, 'Invalid request')
    if (!world.caOnline) return refuse(503, `CA "${caName}" is offline`)
    const { subjectText: subjectDn } = parseCsr(csrPem)
    const twin = [...entities].find(
      ([name, entity]) => name !== username && entity.subjectDn === subjectDn && subjectDn !== '',
    )
    if (twin !== undefined)
      return refuse(400, `User '${username}' is not allowed to use same subject DN as another user.`)
    if (!world.approveEnrolment) {
      entities.set(username, { password, status: 'NEW', csrPem, subjectDn })
      return issued(await sign(username, csrPem), body.include_chain === true)
    }
    const open = [...requests].find(([, request]) => request.username === username && request.status === 'waiting')
    if (open !== undefined) return refuse(400, `Approval Request ${open[0]} already exists in database.`)
    lastRequest += 1
    requests.set(lastRequest, { username, password, csrPem, status: 'waiting' })
    return waiting('Your action have been added for approval by another authorized administrator.', lastRequest)
  }

  const waiting = (message: string, id: number): HttpAnswer =>
    json(202, {
      status_code: 202,
      info_message: message,
      ...(world.tellsRequestId ? { request_id: id, link: `https://ejbca.example.test/${id}/finalize` } : {}),
    })

  const finalize = async (id: number, { password, response_format }: Record<string, unknown>): Promise<HttpAnswer> => {
    const request = requests.get(id)
    if (request === undefined || request.status === 'removed')
      return refuse(400, `Could not find request with Id '${id}'`)
    if (response_format !== 'DER' && response_format !== 'PEM') return refuse(400, 'Invalid parameter: response_format')
    if (request.status === 'waiting') return waiting(`Request with Id '${id}' is still waiting for approval`, id)
    if (request.status === 'rejected') return refuse(400, `Request with Id '${id}' has been rejected`)
    if (request.status === 'expired') return refuse(400, `Request with Id '${id}' has expired`)
    if (request.status === 'failed') return refuse(400, `Request with Id '${id}' could not be executed`)
    const entity = entities.get(request.username)
    if (entity === undefined) return refuse(404, `The end entity '${request.username}' does not exist`)
    if (entity.status === 'GENERATED') return refuse(400, `Enrollment with Id '${id}' has already been finalized`)
    if (entity.password !== password && !world.ignoresCodes)
      return refuse(403, `Wrong username or password for user ${request.username}`)
    return issued(await sign(request.username, entity.csrPem), false)
  }

  const requestFor = async (body: Record<string, unknown>): Promise<HttpAnswer> => {
    if (body.certificate_request_type !== 'PKCS10') return refuse(500, 'General failure.')
    const entity = entities.get(String(body.username))
    if (entity === undefined) return refuse(404, `End entity ${String(body.username)} does not exist`)
    if (entity.status !== 'NEW')
      return refuse(
        400,
        `Got request with status GENERATED (40), NEW, FAILED or INPROCESS required: ${String(body.username)}.`,
      )
    if (entity.password !== body.password) return refuse(400, 'Got invalid password for user.')
    return issued(await sign(String(body.username), String(body.certificate_request)), body.include_chain === true)
  }

  const search = (body: Record<string, unknown>): HttpAnswer => {
    if (!world.maySearch) return refuse(403, 'Administrator is not authorized to search for certificates')
    const criteria = Array.isArray(body.criteria) ? (body.criteria as Record<string, string>[]) : []
    if (typeof body.max_number_of_results !== 'number' || criteria.length === 0)
      return refuse(400, 'Malformed request.')
    const found = certificates.filter((one) =>
      criteria.every(({ property, value = '', operation }) => {
        if (property === 'QUERY' && operation === 'EQUAL') return one.username === value
        return (
          property === 'ISSUED_DATE' && operation === 'AFTER' && parseCertificate(one.pem).notBefore > new Date(value)
        )
      }),
    )
    const rows = found.map(({ pem, serial }) => ({
      certificate: Buffer.from(derOf(pem)).toString('base64'),
      serial_number: serial,
      response_format: 'DER',
    }))
    return json(200, { certificates: rows, more_results: false })
  }

  const revoke = (one: FakeCertificate, reason: string): HttpAnswer => {
    if (one.revoked !== undefined)
      return refuse(
        409,
        `Certificate with issuer: ${world.caDn} and serial number: ${one.serial} has already been revoked`,
      )
    if (world.approveRevocation) {
      if (one.revocationFiled === true) return refuse(400, 'Approval Request 99 already exists in database.')
      one.revocationFiled = true
      return json(202, { status_code: 202, info_message: 'The revocation request has been sent for approval.' })
    }
    one.revoked = reason
    return json(200, {
      issuer_dn: world.caDn,
      serial_number: one.serial,
      revocation_reason: reason,
      message: 'Successfully revoked',
      revoked: true,
    })
  }

  const certificateAt = (encoded: string, serial: string): FakeCertificate | HttpAnswer => {
    if (decodeURIComponent(encoded) !== world.caDn)
      return refuse(404, `CA '${decodeURIComponent(encoded)}' does not exist.`)
    if (!/^(?:0x)?[0-9A-Fa-f]+$/.test(serial)) return refuse(400, 'Invalid serial number format.')
    const found = certificates.find((one) => one.serial === serial.toUpperCase())
    return (
      found ?? refuse(404, `Certificate with serial number '${serial}' and issuer DN '${world.caDn}' was not found`)
    )
  }

  const ofCertificate = (
    { method, query }: FakeRequest,
    [dn = '', serial = '', verb]: readonly string[],
  ): HttpAnswer => {
    const one = certificateAt(dn, serial)
    if ('status' in one) return one
    if (method === 'GET' && verb === 'revocationstatus')
      return json(200, {
        issuer_dn: world.caDn,
        serial_number: serial,
        revoked: one.revoked !== undefined,
        revocation_reason: one.revoked,
      })
    const reason = query.get('reason')
    if (reason === null || !knownReasons.includes(reason)) return refuse(400, 'Invalid revocation reason.')
    return revoke(one, reason)
  }

  const route = async (request: FakeRequest, path: string): Promise<HttpAnswer> => {
    const { method } = request
    if (method === 'GET' && path === '/v1/certificate/status')
      return json(200, { status: 'OK', version: '1.0', revision: 'EJBCA 9.3.7 Community' })
    const denied = unauthorized(request)
    if (denied !== undefined) return refuse(403, denied)
    if (method === 'GET' && path === '/v1/ca')
      return json(200, {
        certificate_authorities: [
          { id: 1, name: 'ManagementCA', subject_dn: 'CN=ManagementCA', issuer_dn: 'CN=ManagementCA' },
          { id: 2, name: caName, subject_dn: world.caDn, issuer_dn: 'CN=Throw-away Root' },
        ],
      })
    const chain = /^\/v1\/ca\/([^/]+)\/certificate\/download$/.exec(path)
    if (method === 'GET' && chain !== null)
      return decodeURIComponent(chain[1] ?? '') === world.caDn
        ? { status: 200, body: `Subject: x\n${ca.intermediatePem}${ca.rootPem}` }
        : refuse(404, 'CA does not exist')
    const one = /^\/v1\/certificate\/([^/]+)\/([^/]+)\/(revoke|revocationstatus)$/.exec(path)
    if (one !== null && (one[3] === 'revoke' ? method === 'PUT' : method === 'GET'))
      return ofCertificate(request, one.slice(1))
    if (method !== 'POST') return refuse(405, 'RESTEASY003650: No resource method found')
    if (!(request.headers['content-type'] ?? '').startsWith('application/json'))
      return refuse(415, 'Cannot consume content type')
    const body = JSON.parse(request.body) as Record<string, unknown>
    const final = /^\/v1\/certificate\/(\d+)\/finalize$/.exec(path)
    if (final !== null) return await finalize(Number(final[1]), body)
    if (path === '/v1/certificate/pkcs10enroll') return await enrol(body)
    if (path === '/v1/certificate/certificaterequest') return await requestFor(body)
    if (path === '/v1/certificate/search') return search(body)
    return refuse(404, 'RESTEASY003210: Could not find resource for full path')
  }

  return {
    calls,
    certificates,
    requests,
    entities,
    behaviour: world,
    decide: (status) => {
      for (const request of requests.values()) {
        if (request.status !== 'waiting') continue
        request.status = status
        const { username, password, csrPem } = request
        if (status === 'approved')
          entities.set(username, { password, csrPem, status: 'NEW', subjectDn: parseCsr(csrPem).subjectText })
      }
    },
    async answer(request) {
      const path =
        request.path.startsWith(`${prefix}/`) && world.restEnabled ? request.path.slice(prefix.length) : undefined
      calls.push(`${request.method} ${path ?? request.path}`)
      return path === undefined ? page(404) : await route(request, path)
    },
  }
}
