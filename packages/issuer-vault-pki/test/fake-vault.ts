import { randomBytes } from 'node:crypto'
import { type GeneralName, type JsonValue, parseDuration, z } from '@certctl/core'
import { parseCertificate, parseCsr } from '@certctl/pki'
import {
  createTestCa,
  createTestIssuerHost,
  type HttpAnswer,
  type IssuerWorld,
  type SeenRequest,
  type TestCa,
  type TestIssuerHost,
} from '@certctl/testing'

export const address = 'https://vault.example.test:8200'
export const rootToken = 's.fake-vault-token-of-tests'
export const appRole = { role_id: 'f3a1c2d4-role', secret_id: 'secret-id-of-the-fake-vault' }

export interface FakeRole {
  allowedDomains?: readonly string[]
  maxTtlSeconds: number
  useCsrSans: boolean
  noStore: boolean
  requireCn: boolean
}
export interface FakeToken {
  /** Absent: without an end. */
  expiresAt?: Date | undefined
  creationTtl: number
  maxUntil?: Date | undefined
  renewable: boolean
  /** Paths it may update. */
  may: readonly string[]
}

/** Everything a test may turn. */
export interface FakeVault extends IssuerWorld {
  readonly host: TestIssuerHost
  readonly requests: readonly SeenRequest[]
  readonly roles: Map<string, FakeRole>
  readonly tokens: Map<string, FakeToken>
  readonly revoked: ReadonlySet<string>
  sealed: boolean
  standby: boolean
  /** The next answers, before anything else is looked at. */
  readonly queued: HttpAnswer[]
  chain: 'array' | 'text' | 'missing'
  caEnd: Date | undefined
  secretIdUsesLeft: number
  loginTtl: number
  revocationState: 'revoked' | 'pending'
  mount: string
  namespace: string | undefined
}

let authority: Promise<TestCa> | undefined
const everything = ['pki/sign/web', 'pki/sign/strict', 'pki/sign/unstored', 'pki/revoke', 'auth/token/renew-self']

const signSchema = z.object({
  csr: z.string(),
  common_name: z.string().optional(),
  alt_names: z.string().optional(),
  ip_sans: z.string().optional(),
  uri_sans: z.string().optional(),
  ttl: z.string(),
  format: z.literal('pem'),
  exclude_cn_from_sans: z.boolean(),
})

/**
 * Behaves like OpenBao 2.7.2, with which its answers were compared one by one: errors and their texts, the cap of the TTL with its warning, the
 * refusal beyond the end of the CA, `no_store`, tokens that end, AppRole, namespaces, seal. Answers of standbys and of clusters (307, 412, 473,
 * `pending`) follow HashiCorp's documentation and met no real cluster.
 */
export async function fakeVault(): Promise<FakeVault> {
  authority ??= createTestCa()
  const ca = await authority
  const stored = new Set<string>()
  const revoked = new Set<string>()
  const requests: SeenRequest[] = []
  const now = (): number => host.now().getTime()

  const host = createTestIssuerHost({
    http: (request) => {
      requests.push(request)
      return vault.queued.shift() ?? answer(request)
    },
  })
  const role = { maxTtlSeconds: 30 * 86_400, useCsrSans: true, noStore: false, requireCn: false }
  const vault: FakeVault = {
    host,
    requests,
    roles: new Map<string, FakeRole>([
      ['web', role],
      ['strict', { ...role, allowedDomains: ['example.org'] }],
      ['unstored', { ...role, noStore: true, useCsrSans: false }],
    ]),
    tokens: new Map<string, FakeToken>([[rootToken, { creationTtl: 0, renewable: false, may: everything }]]),
    revoked,
    revocations: () => revoked.size,
    sealed: false,
    standby: false,
    queued: [],
    chain: 'array',
    caEnd: undefined,
    secretIdUsesLeft: Number.POSITIVE_INFINITY,
    loginTtl: 1200,
    revocationState: 'revoked',
    mount: 'pki',
    namespace: undefined,
  }

  const livingToken = (request: SeenRequest): FakeToken | undefined => {
    const token = vault.tokens.get(request.headers['x-vault-token'] ?? '')
    return token?.expiresAt !== undefined && token.expiresAt.getTime() <= now() ? undefined : token
  }

  const answer = async (request: SeenRequest): Promise<HttpAnswer> => {
    const path = request.path.replace(/^\/v1\//, '')
    if (path === 'sys/health') return health(request)
    if (vault.sealed) return errors(503, 'Vault is sealed')
    if (vault.standby) return { status: 307, headers: { location: 'https://10.0.0.7:8200/v1/x' } }
    if (request.headers['x-vault-namespace'] !== vault.namespace) return noRoute(path)
    if (request.headers['x-vault-request'] !== 'true') return errors(400, 'missing X-Vault-Request')
    if (path === 'auth/approle/login' && request.method === 'POST') return logIn(request)
    if (path === `${vault.mount}/ca/pem` || path === `${vault.mount}/ca_chain`) return caOf(path)
    const token = livingToken(request)
    if (token === undefined) return errors(403, 'permission denied')
    return await authenticated({ request, path, token })
  }

  const health = (request: SeenRequest): HttpAnswer => {
    if (request.headers['x-vault-namespace'] !== undefined) return errors(400, 'operation unavailable in namespaces')
    const status = vault.sealed ? 503 : vault.standby ? 429 : 200
    return { status, json: { initialized: true, sealed: vault.sealed, standby: vault.standby, version: '2.7.2' } }
  }

  const logIn = (request: SeenRequest): HttpAnswer => {
    const body = z.object({ role_id: z.string(), secret_id: z.string().optional() }).parse(request.json())
    const isRight = body.role_id === appRole.role_id && body.secret_id === appRole.secret_id
    if (!isRight || vault.secretIdUsesLeft <= 0) return errors(400, 'invalid role or secret ID')
    vault.secretIdUsesLeft -= 1
    const id = `s.${randomBytes(12).toString('hex')}`
    const expiresAt = new Date(now() + vault.loginTtl * 1000)
    const maxUntil = new Date(now() + 3 * vault.loginTtl * 1000)
    vault.tokens.set(id, { expiresAt, creationTtl: vault.loginTtl, maxUntil, renewable: true, may: everything })
    return { status: 200, json: { auth: { client_token: id, lease_duration: vault.loginTtl, renewable: true } } }
  }

  const caOf = (path: string): HttpAnswer => {
    const body = path.endsWith('ca/pem') ? ca.intermediatePem : ca.intermediatePem + ca.rootPem
    return { status: 200, headers: { 'content-type': 'application/pem-certificate-chain' }, body }
  }

  const authenticated = async ({ request, path, token }: Authenticated): Promise<HttpAnswer> => {
    const route = `${request.method} ${path}`
    if (route === 'GET auth/token/lookup-self') return { status: 200, json: { data: factsOf(token) } }
    if (route === 'POST sys/capabilities-self') return capabilitiesOf(request, token)
    if (path.startsWith(`${vault.mount}/roles/`)) return errors(403, '1 error occurred:\n\t* permission denied\n\n')
    if (request.method !== 'POST') return errors(405, 'unsupported operation')
    if (!path.startsWith(`${vault.mount}/`) && !path.startsWith('auth/')) return noRoute(path)
    if (!token.may.includes(path)) return errors(403, '1 error occurred:\n\t* permission denied\n\n')
    if (path === 'auth/token/renew-self') return renew(token)
    if (path === `${vault.mount}/revoke`) return revoke(request)
    return await sign(request, path.slice(`${vault.mount}/sign/`.length))
  }

  const factsOf = ({ expiresAt, creationTtl, renewable }: FakeToken): JsonValue => ({
    ttl: expiresAt === undefined ? 0 : Math.floor((expiresAt.getTime() - now()) / 1000),
    creation_ttl: creationTtl,
    renewable,
    policies: ['certctl'],
  })

  const capabilitiesOf = (request: SeenRequest, { may }: FakeToken): HttpAnswer => {
    const { paths } = z.object({ paths: z.array(z.string()) }).parse(request.json())
    const data = Object.fromEntries(paths.map((path) => [path, may.includes(path) ? ['update'] : ['deny']]))
    return { status: 200, json: { data } }
  }

  const renew = (token: FakeToken): HttpAnswer => {
    if (!token.renewable) return errors(400, 'lease is not renewable')
    const wished = now() + token.creationTtl * 1000
    token.expiresAt = new Date(Math.min(wished, token.maxUntil?.getTime() ?? wished))
    const left = Math.floor((token.expiresAt.getTime() - now()) / 1000)
    return { status: 200, json: { auth: { client_token: 'x', lease_duration: left, renewable: true } } }
  }

  const sign = async (request: SeenRequest, name: string): Promise<HttpAnswer> => {
    const found = vault.roles.get(name)
    if (found === undefined) return errors(400, `unknown role: ${name}`)
    const asked = signSchema.parse(request.json())
    const csr = parseCsr(asked.csr)
    const commonName = found.useCsrSans ? (csr.commonName ?? asked.common_name) : asked.common_name
    if (commonName === undefined && found.requireCn) return errors(400, 'the common_name field is required')
    const names = namesOf(asked, { role: found, csrNames: csr.names, commonName })
    const stranger = names.find((each) => !isAllowed(each, found))
    if (stranger !== undefined) return errors(400, `common name ${stranger.value} not allowed by this role`)
    const wantedSeconds = parseDuration(asked.ttl) ?? 0
    const seconds = Math.min(wantedSeconds, found.maxTtlSeconds)
    const end = new Date(now() + seconds * 1000)
    if (vault.caEnd !== undefined && end > vault.caEnd) return beyond(end, vault.caEnd)
    const subject = commonName === undefined ? [] : [{ type: 'CN', value: commonName }]
    const notAfter = new Date(Math.floor(end.getTime() / 1000) * 1000)
    const pem = await ca.sign(asked.csr, { names, notAfter, subject })
    const { serialNumber } = parseCertificate(pem)
    if (!found.noStore) stored.add(serialNumber)
    const capped = `TTL "${asked.ttl}" is longer than permitted maxTTL "${found.maxTtlSeconds}s", so maxTTL is being used`
    const warnings = ['the common_name field was provided but', ...(seconds < wantedSeconds ? [capped] : [])]
    const data = {
      certificate: pem,
      issuing_ca: ca.intermediatePem,
      ...chainFields(),
      serial_number: colons(serialNumber),
    }
    return { status: 200, json: { data, warnings } }
  }

  const chainFields = () => {
    const certificates = [ca.rootPem, ca.intermediatePem, ca.intermediatePem]
    if (vault.chain === 'missing') return {}
    return { ca_chain: vault.chain === 'array' ? certificates : certificates.join('') }
  }

  const revoke = (request: SeenRequest): HttpAnswer => {
    const body = z
      .union([z.strictObject({ serial_number: z.string() }), z.strictObject({ certificate: z.string() })])
      .parse(request.json())
    const serial =
      'certificate' in body ? parseCertificate(body.certificate).serialNumber : body.serial_number.replace(/[:-]/g, '')
    if ('serial_number' in body && !stored.has(serial))
      return errors(400, `certificate with serial ${body.serial_number} not found.`)
    revoked.add(serial)
    return { status: 200, json: { data: { revocation_time: 1, state: vault.revocationState }, warnings: null } }
  }
  return vault
}

interface Authenticated {
  request: SeenRequest
  path: string
  token: FakeToken
}

function errors(status: number, ...texts: string[]): HttpAnswer {
  return { status, json: { errors: texts } }
}

function noRoute(path: string): HttpAnswer {
  return errors(404, `no handler for route "${path}". route entry not found.`)
}

function beyond(end: Date, caEnd: Date): HttpAnswer {
  const text = `cannot satisfy request, as TTL would result in notAfter of ${end.toISOString()}`
  return errors(400, `${text} that is beyond the expiration of the CA certificate at ${caEnd.toISOString()}`)
}

function colons(serial: string): string {
  return serial.match(/../g)?.join(':') ?? ''
}

function isAllowed({ type, value }: GeneralName, { allowedDomains }: FakeRole): boolean {
  if (allowedDomains === undefined || type !== 'dns') return true
  return allowedDomains.some((domain) => value === domain || value.endsWith(`.${domain}`))
}

/** As the engine does: the CSR's names where the role says so, else the fields; and the common name unless it is kept out. */
function namesOf(
  asked: z.output<typeof signSchema>,
  { role, csrNames, commonName }: { role: FakeRole; csrNames: readonly GeneralName[]; commonName: string | undefined },
): GeneralName[] {
  const listed = (text = ''): string[] => text.split(',').filter((item) => item !== '')
  const fields: GeneralName[] = [
    ...listed(asked.alt_names).map((value) => ({ type: value.includes('@') ? 'email' : 'dns', value }) as GeneralName),
    ...listed(asked.ip_sans).map((value) => ({ type: 'ip', value }) as const),
    ...listed(asked.uri_sans).map((value) => ({ type: 'uri', value }) as const),
  ]
  const names = role.useCsrSans ? [...csrNames] : fields
  const isIn = names.some(({ value }) => value === commonName)
  if (commonName === undefined || asked.exclude_cn_from_sans || isIn) return names
  return [{ type: 'dns', value: commonName }, ...names]
}
