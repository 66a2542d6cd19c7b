import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { createTestHost, type DnsWorld, type HttpAnswer, type SeenRequest, type TestHost } from '@certctl/testing'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const email = 'certctl@dns-project.iam.gserviceaccount.com'
export const project = 'dns-project'

/** The JSON of a service account key, with other parts than usual where asked. */
export function keyJson(changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    type: 'service_account',
    project_id: project,
    private_key_id: 'key-1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    client_email: email,
    token_uri: 'https://oauth2.googleapis.com/token',
    ...changes,
  })
}
export const googleConfig = { credentials: keyJson() }

interface FakeSet {
  name: string
  type: string
  ttl: number
  rrdatas?: string[]
  routingPolicy?: object
}
interface FakeZone {
  name: string
  dnsName: string
  visibility: string
  sets: Map<string, FakeSet>
}
interface World {
  zones: FakeZone[]
  tokens: Map<string, number>
  made: number
  zonesPerPage: number
  permissions: readonly string[]
  enabled: boolean
  limited: { status: number; reason: string } | undefined
  keyDeleted: boolean
  now: () => Date
}

export interface FakeGoogle extends DnsWorld {
  readonly host: TestHost
  readonly requests: readonly SeenRequest[]
  plant(name: string, values: readonly string[]): void
  values(name: string): string[]
  addZone(dnsName: string, name?: string, visibility?: string): void
  /** A record set as somebody else made it. */
  put(set: FakeSet): void
  setOf(name: string): FakeSet | undefined
  revokeTokens(): void
  set(changes: Partial<Omit<World, 'zones' | 'tokens' | 'now'>>): void
}

const everything = [
  'dns.changes.create',
  ...['create', 'delete', 'list', 'update'].map((verb) => `dns.resourceRecordSets.${verb}`),
]

/**
 * A model of Google Cloud DNS (API v1), of Google's token endpoint (RFC 7523) and of the metadata server (computeMetadata/v1), after their
 * documentation and the answers that users report (autumn 2026); there is no product to run here. Assertions are verified with the public key; zones come
 * in pages; changes are atomic; a deletion must be the record set to the letter (412), an addition must be new (409).
 */
export function fakeGoogle(zones: readonly string[] = ['example.test', 'child.example.test']): FakeGoogle {
  const requests: SeenRequest[] = []
  const world: World = {
    zones: [],
    tokens: new Map(),
    made: 0,
    zonesPerPage: 100,
    permissions: everything,
    enabled: true,
    limited: undefined,
    keyDeleted: false,
    now: () => host.now(),
  }
  const host: TestHost = createTestHost({
    http: (request) => {
      requests.push(request)
      return services[request.url.origin]?.(request, world) ?? { status: 404, body: 'no such place' }
    },
  })
  const setsOf = (name: string) => deepest(world, name).sets
  const fake: FakeGoogle = {
    host,
    requests,
    addZone(dnsName, name = dnsName.replaceAll('.', '-'), visibility = 'public') {
      world.zones.push({ name, dnsName: `${dnsName}.`, visibility, sets: new Map() })
    },
    put(set) {
      setsOf(set.name.slice(0, -1)).set(`${set.name} ${set.type}`, set)
    },
    plant(name, values) {
      const before = fake.setOf(name)
      const added = values.map((value) => (value.match(/[\s\S]{1,255}/g) ?? ['']).map(quotedByHand).join(' '))
      fake.put({
        name: `${name}.`,
        type: 'TXT',
        ttl: before?.ttl ?? 300,
        rrdatas: [...(before?.rrdatas ?? []), ...added],
      })
    },
    setOf: (name) => setsOf(name).get(`${name}. TXT`),
    values: (name) => (fake.setOf(name)?.rrdatas ?? []).map(textOf),
    names: () => world.zones.flatMap(({ sets }) => [...sets.values()].map(({ name }) => name.slice(0, -1))).sort(),
    revokeTokens: () => world.tokens.clear(),
    set: (changes) => {
      Object.assign(world, changes)
    },
  }
  for (const name of zones) fake.addZone(name)
  return fake
}

function quotedByHand(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

function textOf(rrdata: string): string {
  return [...rrdata.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, part = '']) => part.replace(/\\(.)/g, '$1')).join('')
}

function deepest(world: World, name: string): FakeZone {
  const holding = world.zones.filter(
    ({ dnsName, visibility }) => visibility === 'public' && `.${name}.`.endsWith(`.${dnsName}`),
  )
  const [zone] = holding.sort((a, b) => b.dnsName.length - a.dnsName.length)
  if (zone === undefined) throw new Error(`The fake has no zone for ${name}`)
  return zone
}

type Service = (request: SeenRequest, world: World) => HttpAnswer

const services: Readonly<Record<string, Service>> = {
  'https://oauth2.googleapis.com': (request, world) => signIn(request, world),
  'http://metadata.google.internal': (request, world) => askMetadata(request, world),
  'https://dns.googleapis.com': (request, world) => serve(request, world),
}

function giveToken(world: World): HttpAnswer {
  world.made += 1
  const access_token = `ya29.5ECRET-${world.made}`
  world.tokens.set(access_token, world.now().getTime() + 3599_000)
  return { status: 200, json: { access_token, expires_in: 3599, token_type: 'Bearer' } }
}

function signIn(request: SeenRequest, world: World): HttpAnswer {
  const refused = (error_description: string): HttpAnswer => ({
    status: 400,
    json: { error: 'invalid_grant', error_description },
  })
  if (request.method !== 'POST' || request.path !== '/token') return { status: 404 }
  const form = new URLSearchParams(request.text())
  if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
    return { status: 400, json: { error: 'unsupported_grant_type', error_description: 'Invalid grant_type' } }
  const [header = '', payload = '', signature = ''] = (form.get('assertion') ?? '').split('.')
  const decoded = (part: string) =>
    JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>
  const key = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' }))
  if (!verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')))
    return refused('Invalid JWT Signature.')
  const { iss, aud, scope, iat, exp } = decoded(payload)
  if (world.keyDeleted || decoded(header).kid !== 'key-1') return refused('Invalid JWT Signature.')
  if (iss !== email) return refused('Invalid grant: account not found')
  if (aud !== 'https://oauth2.googleapis.com/token') return refused('Invalid JWT: audience')
  const now = world.now().getTime() / 1000
  if (Math.abs(Number(iat) - now) > 300 || Number(exp) - Number(iat) > 3600)
    return refused('Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.')
  if (scope !== 'https://www.googleapis.com/auth/ndev.clouddns.readwrite')
    return { status: 400, json: { error: 'invalid_scope', error_description: 'Invalid OAuth scope.' } }
  return giveToken(world)
}

function askMetadata(request: SeenRequest, world: World): HttpAnswer {
  if (request.headers['metadata-flavor'] !== 'Google')
    return { status: 403, body: '<html>Missing Metadata-Flavor:Google header.</html>' }
  if (request.path === '/computeMetadata/v1/project/project-id') return { status: 200, body: project }
  if (request.path === '/computeMetadata/v1/instance/service-accounts/default/token') return giveToken(world)
  return { status: 404, body: '<html>not found</html>' }
}

function fault(status: number, reason: string, message: string): HttpAnswer {
  return { status, json: { error: { code: status, message, errors: [{ message, domain: 'global', reason }] } } }
}

function serve(request: SeenRequest, world: World): HttpAnswer {
  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const until = world.tokens.get(bearer)
  if (until === undefined || until <= world.now().getTime()) return fault(401, 'authError', 'Invalid Credentials')
  if (!world.enabled)
    return fault(
      403,
      'accessNotConfigured',
      'Google Cloud DNS API has not been used in project before or it is disabled.',
    )
  if (world.limited !== undefined)
    return {
      ...fault(world.limited.status, world.limited.reason, 'Quota exceeded for quota metric'),
      headers: { 'Retry-After': '31' },
    }
  const [, own = '', zone, rest] =
    /^\/dns\/v1\/projects\/([^/]+)\/(?:locations\/global\/)?managedZones(?:\/([^/:]+))?(.*)$/.exec(request.path) ?? []
  if (own !== project) return fault(403, 'forbidden', 'Forbidden')
  if (zone === undefined) return request.method === 'GET' ? listZones(request, world) : { status: 405 }
  const found = world.zones.find(({ name }) => name === zone)
  if (found === undefined)
    return fault(404, 'notFound', `The 'parameters.managedZone' resource named '${zone}' does not exist.`)
  return routes[`${request.method} ${rest}`]?.(request, world, found) ?? { status: 404, body: '<html>' }
}

const shownZone = ({ name, dnsName, visibility }: FakeZone) => ({
  kind: 'dns#managedZone',
  id: '1',
  name,
  dnsName,
  visibility,
})

function listZones({ query }: SeenRequest, world: World): HttpAnswer {
  const all = world.zones.filter(({ dnsName }) => !query.has('dnsName') || query.get('dnsName') === dnsName)
  const from = Number(query.get('pageToken') ?? 0)
  const next = from + world.zonesPerPage
  const managedZones = all.slice(from, next).map(shownZone)
  return {
    status: 200,
    json: {
      kind: 'dns#managedZonesListResponse',
      managedZones,
      ...(next < all.length && { nextPageToken: String(next) }),
    },
  }
}

const routes: Readonly<Record<string, (request: SeenRequest, world: World, zone: FakeZone) => HttpAnswer>> = {
  'GET ': (_request, _world, zone) => ({ status: 200, json: shownZone(zone) }),
  'GET /rrsets': ({ query }, _world, { sets }) => {
    const wanted = [...sets.values()].filter(
      ({ name, type }) => name === query.get('name') && type === query.get('type'),
    )
    return {
      status: 200,
      json: {
        kind: 'dns#resourceRecordSetsListResponse',
        rrsets: wanted.map((set) => ({ kind: 'dns#resourceRecordSet', signatureRrdatas: [], ...set })) as never,
      },
    }
  },
  'POST /changes': (request, world, zone) => change(request, world, zone),
  'POST :testIamPermissions': (request, world) => {
    const { permissions } = request.json() as { permissions: string[] }
    return { status: 200, json: { permissions: permissions.filter((one) => world.permissions.includes(one)) } }
  },
}

function change(request: SeenRequest, world: World, zone: FakeZone): HttpAnswer {
  if (!world.permissions.includes('dns.changes.create')) return fault(403, 'forbidden', 'Forbidden')
  const { additions = [], deletions = [] } = request.json() as { additions?: FakeSet[]; deletions?: FakeSet[] }
  const sets = new Map(zone.sets)
  const same = (a: FakeSet | undefined, b: FakeSet) =>
    a !== undefined &&
    a.ttl === b.ttl &&
    JSON.stringify([...(a.rrdatas ?? [])].sort()) === JSON.stringify([...(b.rrdatas ?? [])].sort())
  for (const [index, set] of deletions.entries()) {
    if (!same(sets.get(`${set.name} ${set.type}`), set))
      return fault(412, 'conditionNotMet', `Precondition not met for 'entity.change.deletions[${index}]'`)
    sets.delete(`${set.name} ${set.type}`)
  }
  for (const [index, set] of additions.entries()) {
    const where = `entity.change.additions[${index}]`
    if (sets.has(`${set.name} ${set.type}`))
      return fault(409, 'alreadyExists', `The resource '${where}' named '${set.name} (${set.type})' already exists`)
    if (!`.${set.name}`.endsWith(`.${zone.dnsName}`))
      return fault(400, 'invalidZoneApex', `Invalid value for '${where}.name': '${set.name}'`)
    if (set.rrdatas?.length === 0 || set.rrdatas?.some((text) => !wellWritten(text)))
      return fault(400, 'invalid', `Invalid value for '${where}.rrdata[0]'`)
    if (sets.has(`${set.name} CNAME`))
      return fault(
        400,
        'cnameResourceRecordSetConflict',
        `The resource record set '${where}' is invalid because the DNS name '${set.name}' may have either one CNAME resource record set or resource record sets of other types, but not both.`,
      )
    const { name, type, ttl, rrdatas } = set
    sets.set(`${name} ${type}`, { name, type, ttl, rrdatas: rrdatas ?? [] })
  }
  zone.sets = sets
  world.made += 1
  return { status: 200, json: { kind: 'dns#change', id: String(world.made), status: 'pending' } }
}

/** Quoted strings of at most 255 characters, none twice as long as it may be. */
function wellWritten(text: string): boolean {
  if (!/^"(?:[^"\\]|\\.)*"(?: "(?:[^"\\]|\\.)*")*$/.test(text)) return false
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)].every(([, part = '']) => part.replace(/\\(.)/g, '$1').length <= 255)
}
