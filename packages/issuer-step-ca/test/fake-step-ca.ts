import { createHash } from 'node:crypto'
import { CertctlError, type JsonValue, parseDuration, z } from '@certctl/core'
import { fingerprintOf, parseCertificate, parseCsr } from '@certctl/pki'
import {
  createTestCa,
  createTestIssuerHost,
  type HttpAnswer,
  type IssuerWorld,
  type SeenRequest,
  type TestCa,
  type TestIssuerHost,
} from '@certctl/testing'
import { importJWK, type JWK, jwtVerify } from 'jose'
import { createProvisionerMaterial, type ProvisionerMaterial } from './provisioner-material.js'

export const address = 'https://ca.example.test:9000'
export const password = 'the-password-of-the-fake-provisioner'
export const keyPath = '/etc/certctl/stepca/provisioner.json'
export const rootPath = '/etc/certctl/stepca/root_ca.crt'

/** Everything a test may turn. */
export interface FakeStepCa extends IssuerWorld {
  readonly host: TestIssuerHost
  readonly requests: readonly SeenRequest[]
  readonly material: ProvisionerMaterial
  readonly rootFingerprint: string
  readonly revoked: Map<string, { reasonCode: number; reason: string }>
  readonly queued: HttpAnswer[]
  /** Of the provisioner, as it is listed; a claim that is absent is decided by the CA and not told. */
  claims: { maxTLSCertDuration?: string; defaultTLSCertDuration?: string } | undefined
  caMaxSeconds: number
  hasDatabase: boolean
  crl: Uint8Array | undefined
  /** How far the CA's clock is from ours. */
  clockSeconds: number
  dnsNames: readonly string[]
  type: string
  /** More provisioners before ours, so that there are pages. */
  others: number
  /** Whose root is handed out by fingerprint. */
  handedRoot: string
  restart(): void
}

let made: Promise<{ ca: TestCa; material: ProvisionerMaterial }> | undefined
const refusal =
  'The request lacked necessary authorization to be completed. Please see the certificate authority logs for more info.'
const minute = 60
const minimumSeconds = 300

const signSchema = z.strictObject({ csr: z.string(), ott: z.string(), notAfter: z.string().optional() })
const revokeSchema = z.strictObject({
  serial: z.string(),
  ott: z.string(),
  reasonCode: z.number(),
  reason: z.string(),
  passive: z.boolean(),
})

/**
 * Behaves like step-ca 0.30.2, with which its answers were compared one by one: 201 where others say 200, one vague sentence for every refused token, the
 * limits of durations with the backdating counted in, decimal serial numbers, 501 without a database. Tokens are really verified.
 */
export async function fakeStepCa(): Promise<FakeStepCa> {
  made ??= Promise.all([createTestCa(), createProvisionerMaterial('adm', password)]).then(([ca, material]) => ({
    ca,
    material,
  }))
  const { ca, material } = await made
  const requests: SeenRequest[] = []
  const used = new Set<string>()
  const now = (): number => Math.floor(host.now().getTime() / 1000) + fake.clockSeconds
  let startedAt = 0

  const host = createTestIssuerHost({
    http: async (request) => {
      requests.push(request)
      requireTrust(request, ca.rootPem)
      const answer = fake.queued.shift() ?? (await route(request))
      const date = new Date(now() * 1000).toUTCString()
      return { ...answer, headers: { date, 'x-request-id': 'f00d', ...answer.headers } }
    },
  })
  await host.files.replace(keyPath, material.jwe, {})
  await host.files.replace(rootPath, ca.rootPem, {})
  const fake: FakeStepCa = {
    host,
    requests,
    material,
    rootFingerprint: fingerprintOf(ca.rootPem),
    revoked: new Map(),
    revocations: () => fake.revoked.size,
    queued: [],
    claims: { maxTLSCertDuration: '24h0m0s' },
    caMaxSeconds: 86_400,
    hasDatabase: true,
    crl: undefined,
    clockSeconds: 0,
    dnsNames: ['ca.example.test'],
    type: 'JWK',
    others: 0,
    handedRoot: ca.rootPem,
    restart() {
      startedAt = now()
    },
  }

  const route = async (request: SeenRequest): Promise<HttpAnswer> => {
    const path = request.path.replace(/^\/1\.0\//, '/')
    const get = request.method === 'GET'
    if (get && path === '/health') return { status: 200, json: { status: 'ok' } }
    if (get && path === '/roots') return { status: 201, json: { crts: [ca.rootPem] } }
    if (get && path === '/intermediates') return { status: 201, json: { crts: [ca.intermediatePem] } }
    if (get && path === `/root/${fake.rootFingerprint}`) return { status: 200, json: { ca: fake.handedRoot } }
    if (get && path.startsWith('/root/')) return refused(404, 'root certificate was not found')
    if (get && path === '/provisioners') return provisioners(request)
    if (get && path === '/crl')
      return fake.crl === undefined ? refused(404, 'no CRL available') : { status: 200, body: fake.crl }
    if (!get && path === '/sign') return await sign(request)
    if (!get && path === '/revoke') return await revoke(request)
    return { status: 404, headers: { 'content-type': 'text/plain' }, body: '404 page not found' }
  }

  const provisioners = ({ query }: SeenRequest): HttpAnswer => {
    const fillers = Array.from({ length: fake.others }, (_, index) => ({ type: 'ACME', name: `acme-${index}` }))
    const ours = {
      type: fake.type,
      name: material.name,
      key: { ...material.publicJwk },
      encryptedKey: material.jwe,
      ...(fake.claims === undefined ? {} : { claims: fake.claims }),
    }
    const all: JsonValue[] = [...fillers, ours]
    const from = Number(query.get('cursor') ?? 0)
    const until = from + Math.min(Number(query.get('limit') ?? 20), 100)
    return {
      status: 200,
      json: { provisioners: all.slice(from, until), nextCursor: until < all.length ? String(until) : '' },
    }
  }

  /** The claims of a token that is good for this path; `undefined`: refused, and nobody is told why. */
  const verified = async (ott: string, path: string): Promise<z.output<typeof claimsSchema> | undefined> => {
    const audience = fake.dnsNames.map((name) => `https://${name}:9000/1.0/${path}`)
    const kid = z
      .object({ kid: z.string() })
      .parse(JSON.parse(Buffer.from(ott.split('.')[0] ?? '', 'base64url').toString())).kid
    if (kid !== material.publicJwk.kid) return undefined
    try {
      const key = await importJWK(material.publicJwk as JWK, material.algorithm)
      const currentDate = new Date(now() * 1000)
      const { payload } = await jwtVerify(ott, key, {
        issuer: material.name,
        audience,
        currentDate,
        clockTolerance: minute,
      })
      const claims = claimsSchema.parse(payload)
      if (claims.iat < startedAt || used.has(claims.jti)) return undefined
      used.add(claims.jti)
      return claims
    } catch {
      return undefined
    }
  }

  const sign = async (request: SeenRequest): Promise<HttpAnswer> => {
    const { csr: csrPem, ott, notAfter } = signSchema.parse(request.json())
    const claims = await verified(ott, 'sign')
    if (claims === undefined) return refused(401, refusal)
    const csr = parseCsr(csrPem)
    const hash = createHash('sha256').update(csr.der).digest('base64url')
    if (claims.cnf !== undefined && claims.cnf['x5rt#S256'] !== hash) return refused(401, refusal)
    const sans = claims.sans ?? [claims.sub]
    const inCsr = csr.names.map(({ value }) => value)
    const isSame = inCsr.length === 0 || [...inCsr].sort().join() === [...sans].sort().join()
    if (!isSame) return forbidden(`certificate request does not contain the valid names - got [${inCsr.join(' ')}]`)
    const isKnownCn = csr.commonName === undefined || [claims.sub, ...sans].includes(csr.commonName)
    if (!isKnownCn) return forbidden('certificate request does not contain the valid common name')
    const seconds = secondsOf(notAfter)
    const maximum = parseDuration(fake.claims?.maxTLSCertDuration ?? '') ?? fake.caMaxSeconds
    const asked = `requested duration of ${shown(seconds + minute)} is`
    if (seconds > maximum)
      return forbidden(`${asked} more than the authorized maximum certificate duration of ${shown(maximum + minute)}`)
    if (seconds + minute < minimumSeconds)
      return forbidden(`${asked} less than the authorized minimum certificate duration of 5m0s`)
    const names = csr.names.length > 0 ? csr.names : sans.map((value) => ({ type: 'dns', value }) as const)
    const subject = [{ type: 'CN', value: claims.sub.slice(0, 64) }]
    const crt = await ca.sign(csrPem, { names, subject, notAfter: new Date((now() + seconds) * 1000) })
    return { status: 201, json: { crt, ca: ca.intermediatePem, certChain: [crt, ca.intermediatePem], tlsOptions: {} } }
  }

  const secondsOf = (notAfter: string | undefined): number => {
    if (notAfter === undefined) return parseDuration(fake.claims?.defaultTLSCertDuration ?? '24h') ?? 0
    return parseDuration(notAfter) ?? Math.floor(Date.parse(notAfter) / 1000) - now()
  }

  const revoke = async (request: SeenRequest): Promise<HttpAnswer> => {
    const { serial, ott, reasonCode, reason, passive } = revokeSchema.parse(request.json())
    if (!passive || !fake.hasDatabase)
      return refused(501, 'The requested method is not implemented by the certificate authority.')
    const claims = await verified(ott, 'revoke')
    if (claims === undefined) return refused(401, refusal)
    if (!/^([0-9]+|0x[0-9a-f]+)$/.test(serial)) return refused(400, `'${serial}' is not a valid serial number`)
    if (claims.sub !== serial)
      return forbidden(`request serial number "${serial}" and token subject "${claims.sub}" do not match`)
    const hex = BigInt(serial).toString(16)
    if (fake.revoked.has(hex))
      return refused(
        400,
        `The request could not be completed: certificate with serial number '${serial}' is already revoked.`,
      )
    fake.revoked.set(hex, { reasonCode, reason })
    return { status: 200, json: { status: 'ok' } }
  }
  return fake
}

const claimsSchema = z.object({
  sub: z.string(),
  jti: z.string(),
  iat: z.number(),
  sans: z.array(z.string()).optional(),
  cnf: z.object({ 'x5rt#S256': z.string() }).optional(),
})

/** As a handshake would: everything but the root by its fingerprint needs the right anchor. */
function requireTrust(request: SeenRequest, rootPem: string): void {
  const { caPem, insecure } = request.options.tls ?? {}
  if (insecure === true && !request.path.startsWith('/root/'))
    throw new Error('an unproven connection carries more than the root')
  const trusts = caPem !== undefined && parseCertificate(caPem).fingerprint === fingerprintOf(rootPem)
  if (insecure !== true && !trusts)
    throw new CertctlError('upstream_unavailable', `${request.url.host}: unable to verify the first certificate`)
}

function refused(status: number, message: string): HttpAnswer {
  return { status, json: { status, message } }
}

function forbidden(why: string): HttpAnswer {
  return refused(403, `The request was forbidden by the certificate authority: ${why}.`)
}

/** As Go prints durations. */
function shown(seconds: number): string {
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m${seconds % 60}s`
}
