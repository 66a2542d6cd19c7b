import { createTestHost, type DnsWorld, type HttpAnswer, type SeenRequest, type TestHost } from '@certctl/testing'

const subscription = '11111111-2222-3333-4444-555555555555'
const tenant = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'
const application = '99999999-8888-7777-6666-555555555555'

export const azureConfig = {
  subscription_id: subscription,
  tenant_id: tenant,
  client_id: application,
  client_secret: 'az~5ECRET-of-the-application-0123456789',
}
export const tokenFile = '/var/run/secrets/azure/tokens/azure-identity-token'
export const federatedToken = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl'

type Verb = 'read' | 'write' | 'delete'
interface FakeSet {
  etag: string
  ttl: number
  metadata: Record<string, string>
  values: string[][]
}
interface FakeZone {
  id: string
  name: string
  group: string
  txt: Map<string, FakeSet>
  cnames: Set<string>
}
interface Role {
  actions: readonly string[]
  notActions: readonly string[]
}
interface World {
  zones: FakeZone[]
  roles: Role[]
  tokens: Map<string, { audience: string; until: number }>
  made: number
  zonesPerPage: number
  throttled: number
  lifetimeSeconds: number
  managedIdentity: boolean
  locked: boolean
  secretState: 'good' | 'ended'
  now: () => Date
}

export interface FakeAzure extends DnsWorld {
  readonly host: TestHost
  readonly requests: readonly SeenRequest[]
  plant(name: string, values: readonly string[]): void
  values(name: string): string[]
  addZone(name: string, group?: string): void
  addCname(name: string): void
  /** TTL and metadata of a record set that is there. */
  mark(name: string, ttl: number, metadata: Record<string, string>): void
  setOf(name: string): Omit<FakeSet, 'etag'> | undefined
  /** Takes every token back, as when a secret is revoked. */
  revokeTokens(): void
  set(changes: Partial<Omit<World, 'zones' | 'tokens' | 'now'>>): void
}

const contributor: Role = {
  actions: ['Microsoft.Network/dnsZones/*', 'Microsoft.Authorization/*/read'],
  notActions: [],
}

/**
 * A model of Azure DNS (api-version 2018-05-01), of Microsoft Entra ID's token endpoint (v2.0) and of the instance metadata service (2018-02-01),
 * after their documentation and the answers that users report (autumn 2026); there is no product to run here. Tokens have an audience and an end; roles
 * allow actions by wildcards; zones come in pages with a `nextLink`; a record set has an ETag that every write changes, and If-Match and If-None-Match hold.
 */
export function fakeAzure(zones: readonly string[] = ['example.test', 'child.example.test']): FakeAzure {
  const requests: SeenRequest[] = []
  const world: World = {
    zones: [],
    roles: [contributor],
    tokens: new Map(),
    made: 0,
    zonesPerPage: 100,
    throttled: 0,
    lifetimeSeconds: 3599,
    managedIdentity: true,
    locked: false,
    secretState: 'good',
    now: () => host.now(),
  }
  const host: TestHost = createTestHost({
    http: (request) => {
      requests.push(request)
      return services[request.url.origin]?.(request, world) ?? { status: 404, body: 'no such place' }
    },
  })
  const at = (name: string) => {
    const zone = deepest(world, name)
    return { zone, relative: relativeName(name, zone) }
  }
  const fake: FakeAzure = {
    host,
    requests,
    addZone(name, group = 'dns') {
      const id = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Network/dnszones/${name}`
      world.zones.push({ id, name, group, txt: new Map(), cnames: new Set() })
    },
    addCname(name) {
      const { zone, relative } = at(name)
      zone.cnames.add(relative)
    },
    plant(name, values) {
      const { zone, relative } = at(name)
      const before = zone.txt.get(relative)
      const added = values.map((value) => value.match(/[\s\S]{1,255}/g) ?? [''])
      const set = { etag: etagOf(world), ttl: before?.ttl ?? 3600, metadata: before?.metadata ?? {} }
      zone.txt.set(relative, { ...set, values: [...(before?.values ?? []), ...added] })
    },
    values(name) {
      const { zone, relative } = at(name)
      return (zone.txt.get(relative)?.values ?? []).map((strings) => strings.join(''))
    },
    names: () =>
      world.zones
        .flatMap(({ name, txt }) =>
          [...txt.keys()].map((relative) => (relative === '@' ? name : `${relative}.${name}`)),
        )
        .sort(),
    mark(name, ttl, metadata) {
      const { zone, relative } = at(name)
      const before = zone.txt.get(relative)
      if (before !== undefined) zone.txt.set(relative, { ...before, etag: etagOf(world), ttl, metadata })
    },
    setOf(name) {
      const { zone, relative } = at(name)
      return zone.txt.get(relative)
    },
    revokeTokens: () => world.tokens.clear(),
    set: (changes) => {
      Object.assign(world, changes)
    },
  }
  host.files.put(tokenFile, federatedToken)
  for (const name of zones) fake.addZone(name)
  return fake
}

function etagOf(world: World): string {
  world.made += 1
  return `0000${world.made}-etag`
}

function deepest(world: World, name: string): FakeZone {
  const holding = world.zones.filter((zone) => name === zone.name || name.endsWith(`.${zone.name}`))
  const [zone] = holding.sort((a, b) => b.name.length - a.name.length)
  if (zone === undefined) throw new Error(`The fake has no zone for ${name}`)
  return zone
}

function relativeName(name: string, zone: FakeZone): string {
  return name === zone.name ? '@' : name.slice(0, -zone.name.length - 1)
}

type Service = (request: SeenRequest, world: World) => HttpAnswer

const services: Readonly<Record<string, Service>> = {
  'https://login.microsoftonline.com': (request, world) => signIn(request, world),
  'http://169.254.169.254': (request, world) => askMetadata(request, world),
  'https://management.azure.com': (request, world) => manage(request, world),
}

function giveToken(world: World, audience: string) {
  world.made += 1
  const access_token = `az-token-5ECRET-${world.made}`
  world.tokens.set(access_token, { audience, until: world.now().getTime() + world.lifetimeSeconds * 1000 })
  return access_token
}

function signIn(request: SeenRequest, world: World): HttpAnswer {
  const refused = (status: number, error: string, error_description: string): HttpAnswer => ({
    status,
    json: { error, error_description },
  })
  const path = /^\/([^/]+)\/oauth2\/v2\.0\/token$/.exec(request.path)
  if (path === null || request.method !== 'POST') return { status: 404 }
  if (path[1] !== tenant) return refused(400, 'invalid_request', `AADSTS90002: Tenant '${path[1]}' not found.`)
  const form = new URLSearchParams(request.text())
  if (form.get('grant_type') !== 'client_credentials')
    return refused(400, 'unsupported_grant_type', 'AADSTS70003: The app requested an unsupported grant type.')
  if (form.get('client_id') !== application)
    return refused(
      400,
      'unauthorized_client',
      `AADSTS700016: Application with identifier '${form.get('client_id')}' was not found in the directory.`,
    )
  const proof = form.has('client_assertion')
    ? form.get('client_assertion') === federatedToken &&
      form.get('client_assertion_type') === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' &&
      !form.has('client_secret')
    : form.get('client_secret') === azureConfig.client_secret
  if (!proof && form.has('client_assertion'))
    return refused(401, 'invalid_client', 'AADSTS700024: Client assertion is not within its valid time range.')
  if (!proof) return refused(401, 'invalid_client', 'AADSTS7000215: Invalid client secret provided.')
  if (world.secretState === 'ended')
    return refused(401, 'invalid_client', 'AADSTS7000222: The provided client secret keys are expired.')
  const access_token = giveToken(world, (form.get('scope') ?? '').replace(/\/\.default$/, ''))
  return { status: 200, json: { token_type: 'Bearer', expires_in: world.lifetimeSeconds, access_token } }
}

function askMetadata(request: SeenRequest, world: World): HttpAnswer {
  if (request.headers.metadata !== 'true')
    return {
      status: 400,
      json: { error: 'bad_request_102', error_description: 'Required metadata header not specified' },
    }
  if (
    request.method !== 'GET' ||
    request.path !== '/metadata/identity/oauth2/token' ||
    request.query.get('api-version') !== '2018-02-01'
  )
    return { status: 404 }
  if (!world.managedIdentity || ![null, application].includes(request.query.get('client_id')))
    return { status: 400, json: { error: 'invalid_request', error_description: 'Identity not found' } }
  const resource = request.query.get('resource') ?? ''
  // The metadata service writes its numbers as text.
  const expires_in = String(world.lifetimeSeconds)
  return {
    status: 200,
    json: { access_token: giveToken(world, resource.replace(/\/$/, '')), expires_in, resource, token_type: 'Bearer' },
  }
}

const fault = (status: number, code: string, message: string): HttpAnswer => ({
  status,
  json: { error: { code, message } },
})

function manage(request: SeenRequest, world: World): HttpAnswer {
  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const token = world.tokens.get(bearer)
  if (token === undefined || token.audience !== 'https://management.azure.com')
    return fault(401, 'InvalidAuthenticationToken', 'The access token is invalid.')
  if (token.until <= world.now().getTime())
    return fault(401, 'ExpiredAuthenticationToken', 'The access token has expired.')
  if (world.throttled > 0) {
    world.throttled -= 1
    return { ...fault(429, 'TooManyRequests', 'The request is being throttled.'), headers: { 'Retry-After': '17' } }
  }
  if (!request.path.startsWith(`/subscriptions/${subscription}/`))
    return fault(404, 'SubscriptionNotFound', 'The subscription could not be found.')
  const version = request.query.get('api-version')
  if (version !== (request.path.endsWith('/permissions') ? '2022-04-01' : '2018-05-01'))
    return fault(400, 'InvalidApiVersionParameter', `The api-version '${version}' is invalid.`)
  const set = /^(\/subscriptions\/.+\/dnszones\/[^/]+)\/TXT\/([^/]+)$/i.exec(request.path)
  if (set !== null) return onSet(request, world, { id: set[1] ?? '', relative: set[2] ?? '' })
  if (request.path.endsWith('/providers/Microsoft.Authorization/permissions'))
    return { status: 200, json: { value: world.roles as never } }
  return listZones(request, world)
}

function allows({ roles }: World, verb: Verb): boolean {
  const action = `microsoft.network/dnszones/txt/${verb}`
  const covers = (patterns: readonly string[]) =>
    patterns.some(
      (pattern) =>
        pattern === '*' ||
        action === pattern.toLowerCase() ||
        (pattern.endsWith('/*') && action.startsWith(pattern.slice(0, -1).toLowerCase())) ||
        pattern.toLowerCase() === `*/${verb}`,
    )
  return roles.some((role) => covers(role.actions) && !covers(role.notActions))
}

function listZones(request: SeenRequest, world: World): HttpAnswer {
  const path = /^\/subscriptions\/[^/]+(?:\/resourceGroups\/([^/]+))?\/providers\/Microsoft\.Network\/dnszones$/i.exec(
    request.path,
  )
  if (path === null || request.method !== 'GET')
    return fault(404, 'InvalidResourceType', 'The resource type could not be found.')
  const group = path[1]
  if (group !== undefined && !world.zones.some((zone) => zone.group === group))
    return fault(404, 'ResourceGroupNotFound', `Resource group '${group}' could not be found.`)
  const own = world.zones.filter((zone) => group === undefined || zone.group === group)
  const from = Number(request.query.get('$skipToken') ?? 0)
  const value = own
    .slice(from, from + world.zonesPerPage)
    .map(({ id, name }) => ({ id, name, type: 'Microsoft.Network/dnszones', location: 'global' }))
  const next = from + world.zonesPerPage
  if (next >= own.length) return { status: 200, json: { value } }
  const url = new URL(request.url)
  url.searchParams.set('$skipToken', String(next))
  return { status: 200, json: { value, nextLink: url.href } }
}

function onSet(request: SeenRequest, world: World, { id, relative }: { id: string; relative: string }): HttpAnswer {
  const verb = ({ GET: 'read', PUT: 'write', DELETE: 'delete' } as const)[request.method]
  if (verb === undefined) return { status: 405 }
  if (!allows(world, verb))
    return fault(
      403,
      'AuthorizationFailed',
      `The client does not have authorization to perform action 'Microsoft.Network/dnsZones/TXT/${verb}' over scope '${id}'.`,
    )
  if (world.locked && verb !== 'read')
    return fault(409, 'ScopeLocked', 'The scope cannot perform the operation because it is locked.')
  const zone = world.zones.find((one) => one.id.toLowerCase() === id.toLowerCase())
  if (zone === undefined)
    return fault(404, 'ParentResourceNotFound', 'Can not perform requested operation on nested resource.')
  const there = zone.txt.get(relative)
  // The record sets' own faults come without the envelope of Azure Resource Manager.
  if (verb === 'read' && there === undefined)
    return { status: 404, json: { code: 'NotFound', message: `The resource record '${relative}' does not exist.` } }
  if (verb === 'read' && there !== undefined) return { status: 200, json: shown(zone, relative, there) }
  const match = request.headers['if-match']
  if (request.headers['if-none-match'] === '*' && there !== undefined) return changed
  if (match !== undefined && match !== there?.etag)
    return verb === 'delete' && there === undefined ? { status: 204 } : changed
  if (verb === 'delete') return { status: zone.txt.delete(relative) ? 200 : 204 }
  return write(request, world, { zone, relative, there })
}

const changed: HttpAnswer = {
  status: 412,
  json: { code: 'PreconditionFailed', message: 'The condition set in the request was not met.' },
}

function write(
  request: SeenRequest,
  world: World,
  at: { zone: FakeZone; relative: string; there: FakeSet | undefined },
): HttpAnswer {
  const { zone, relative, there } = at
  if (zone.cnames.has(relative))
    return {
      status: 400,
      json: {
        code: 'BadRequest',
        message:
          'The record could not be created because a CNAME record with the same name already exists in this zone.',
      },
    }
  const { properties } = request.json() as {
    properties: { TTL: number; metadata?: Record<string, string>; TXTRecords: { value: string[] }[] }
  }
  const values = properties.TXTRecords.map(({ value }) => value)
  if (
    properties.TTL < 1 ||
    values.length > 20 ||
    values.some((strings) => strings.some((text) => text.length > 255) || strings.join('').length > 4096)
  )
    return { status: 400, json: { code: 'BadRequest', message: 'The resource record set is not valid.' } }
  const set = { etag: etagOf(world), ttl: properties.TTL, metadata: properties.metadata ?? {}, values }
  zone.txt.set(relative, set)
  return { status: there === undefined ? 201 : 200, json: shown(zone, relative, set) }
}

function shown({ id, name }: FakeZone, relative: string, { etag, ttl, metadata, values }: FakeSet) {
  return {
    id: `${id}/TXT/${relative}`,
    name: relative,
    type: 'Microsoft.Network/dnszones/TXT',
    etag,
    properties: {
      fqdn: `${relative}.${name}.`,
      TTL: ttl,
      metadata,
      provisioningState: 'Succeeded',
      TXTRecords: values.map((value) => ({ value })),
    },
  }
}
