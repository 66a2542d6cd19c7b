import { createTestHost, type DnsWorld, type HttpAnswer, type SeenRequest, type TestHost } from '@certctl/testing'

export const cloudflareConfig = { api_token: 'cf-t0ken-5ECRET-0123456789abcdefghijklmnop' }

/** What a token may do, by zone name; `*` is every zone. */
export interface Grant {
  zoneRead: readonly string[]
  dnsRead: readonly string[]
  dnsEdit: readonly string[]
}
const everything: Grant = { zoneRead: ['*'], dnsRead: ['*'], dnsEdit: ['*'] }

interface FakeZone {
  id: string
  name: string
  status: string
}
interface FakeRecord {
  id: string
  zone: FakeZone
  type: string
  name: string
  content: string
  ttl: number
}

export interface FakeCloudflare extends DnsWorld {
  readonly host: TestHost
  readonly requests: readonly SeenRequest[]
  readonly records: readonly FakeRecord[]
  plant(name: string, values: readonly string[]): void
  addZone(name: string, status?: string): string
  addRecord(type: string, name: string, content: string): void
  grant(grant: Partial<Grant>): void
  /** The next requests are refused: too many of them. */
  exhaust(requests: number): void
}

interface World {
  zones: FakeZone[]
  records: FakeRecord[]
  grant: Grant
  exhausted: number
  made: number
}
type Refusal = { status: number; code: number; message: string }
type Route = (request: SeenRequest, world: World, parts: readonly string[]) => HttpAnswer

const failed = ({ status, code, message }: Refusal): HttpAnswer => ({
  status,
  json: { success: false, errors: [{ code, message }], messages: [], result: null },
})
const fine = (result: object, info?: object): HttpAnswer => ({
  status: 200,
  json: { success: true, errors: [], messages: [], result, ...(info && { result_info: info }) } as never,
})
const allows = (names: readonly string[], zone: string): boolean => names.includes('*') || names.includes(zone)

/**
 * A model of Cloudflare's API, version 4, after its documentation and the answers that its users report (autumn 2026); there is no product to run
 * here. Bearer tokens with permissions by zone; pages of at most 50 zones; a record of its own for each value; content in quoted strings; names outside
 * of the zone become names below it; twins refused by 81058, CNAMEs in the way by 81054; at most so many requests.
 */
export function fakeCloudflare(zones: readonly string[] = ['example.test', 'child.example.test']): FakeCloudflare {
  const world: World = { zones: [], records: [], grant: everything, exhausted: 0, made: 0 }
  const requests: SeenRequest[] = []
  const host = createTestHost({
    http: (request) => {
      requests.push(request)
      return answer(request, world)
    },
  })
  const fake: FakeCloudflare = {
    host,
    requests,
    records: world.records,
    addZone(name, status = 'active') {
      const zone = { id: idOf(world), name, status }
      world.zones.push(zone)
      return zone.id
    },
    addRecord(type, name, content) {
      world.records.push({ id: idOf(world), zone: deepest(world, name), type, name, content, ttl: 300 })
    },
    grant(grant) {
      world.grant = { ...world.grant, ...grant }
    },
    exhaust(count) {
      world.exhausted = count
    },
    values: (name) =>
      world.records.filter((r) => r.type === 'TXT' && r.name === name && r.zone === deepest(world, name)).map(textOf),
    plant: (name, values) => {
      for (const value of values) fake.addRecord('TXT', name, quotedByHand(value))
    },
    names: () => [...new Set(world.records.map(({ name }) => name))].sort(),
  }
  for (const name of zones) fake.addZone(name)
  return fake
}

function idOf(world: World): string {
  world.made += 1
  return world.made.toString(16).padStart(32, '0')
}

function deepest(world: World, name: string): FakeZone {
  const holding = world.zones.filter((zone) => name === zone.name || name.endsWith(`.${zone.name}`))
  const [zone] = holding.sort((a, b) => b.name.length - a.name.length)
  if (zone === undefined) throw new Error(`The fake has no zone for ${name}`)
  return zone
}

function answer(request: SeenRequest, world: World): HttpAnswer {
  if (world.exhausted > 0) {
    world.exhausted -= 1
    const message =
      'More than 1200 requests per 300 seconds reached. Please wait and consider throttling your request speed'
    return { ...failed({ status: 429, code: 10100, message }), headers: { 'Retry-After': '240' } }
  }
  if (!request.url.href.startsWith('https://api.cloudflare.com/client/v4/'))
    return { status: 404, body: 'no such place' }
  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1]
  if (bearer === undefined || bearer.length < 40)
    return failed({ status: 400, code: 6003, message: 'Invalid request headers' })
  if (bearer !== cloudflareConfig.api_token) return failed({ status: 403, code: 9109, message: 'Invalid access token' })
  const parts = request.path.replace('/client/v4/', '').split('/')
  const route = routes[`${request.method} ${parts.map((part, index) => (index % 2 === 0 ? part : ':')).join('/')}`]
  return route === undefined
    ? failed({ status: 405, code: 10405, message: 'Method not allowed' })
    : route(request, world, parts)
}

const routes: Readonly<Record<string, Route>> = {
  'GET zones': ({ query }, world) => {
    const seen = world.zones.filter(({ name }) => allows(world.grant.zoneRead, name))
    return page(
      seen.filter(({ name }) => !query.has('name') || query.get('name') === name),
      query,
      50,
    )
  },
  'GET zones/:/dns_records': ({ query }, world, parts) =>
    inZone(world, parts, 'dnsRead', (zone) => {
      const own = world.records.filter((record) => record.zone === zone)
      const wanted = own.filter(
        ({ type, name }) => (query.get('type') ?? type) === type && (query.get('name') ?? name) === name,
      )
      return page(wanted.map(shown), query, 5000)
    }),
  'POST zones/:/dns_records': (request, world, parts) =>
    inZone(world, parts, 'dnsEdit', (zone) => create(request, world, zone)),
  'DELETE zones/:/dns_records/:': (_, world, parts) =>
    inZone(world, parts, 'dnsEdit', (zone) => {
      const index = world.records.findIndex(({ id, zone: own }) => id === parts[3] && own === zone)
      if (index === -1) return failed({ status: 404, code: 81044, message: 'Record does not exist.' })
      return fine({ id: world.records.splice(index, 1)[0]?.id ?? '' })
    }),
}

function inZone(
  world: World,
  parts: readonly string[],
  right: 'dnsRead' | 'dnsEdit',
  act: (zone: FakeZone) => HttpAnswer,
) {
  const zone = world.zones.find(({ id }) => id === parts[1])
  if (zone === undefined)
    return failed({
      status: 404,
      code: 7003,
      message: `Could not route to /zones/${parts[1]}, perhaps your object identifier is invalid?`,
    })
  if (!allows(world.grant[right], zone.name))
    return failed({ status: 403, code: 10000, message: 'Authentication error' })
  return act(zone)
}

function create(request: SeenRequest, world: World, zone: FakeZone): HttpAnswer {
  const { type, name: given, content: written, ttl } = request.json() as Omit<FakeRecord, 'id' | 'zone'>
  if (request.headers['content-type'] !== 'application/json')
    return failed({ status: 400, code: 9207, message: 'Request body is invalid.' })
  if (ttl !== 1 && (ttl < 60 || ttl > 86_400))
    return failed({
      status: 400,
      code: 9021,
      message: 'Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic',
    })
  const name = given === zone.name || given.endsWith(`.${zone.name}`) ? given.toLowerCase() : `${given}.${zone.name}`
  const content = /^\s*"/.test(written) ? written : quotedByHand(written)
  if ([...content.matchAll(/"((?:[^"\\]|\\.)*)"/g)].some(([, part = '']) => part.length > 255))
    return failed({
      status: 400,
      code: 9005,
      message: 'Content for TXT record is invalid. Must be quoted strings of at most 255 bytes',
    })
  const same = world.records.filter((record) => record.zone === zone && record.name === name)
  if (same.some((record) => record.type === 'CNAME'))
    return failed({ status: 400, code: 81054, message: 'A CNAME record with that host already exists.' })
  if (same.some((record) => record.type === type && textOf(record) === textOf({ content })))
    return failed({ status: 400, code: 81058, message: 'An identical record already exists.' })
  const record = { id: idOf(world), zone, type, name, content, ttl }
  world.records.push(record)
  return fine(shown(record))
}

function shown({ zone, ...record }: FakeRecord) {
  return { ...record, proxied: false, zone_id: zone.id, zone_name: zone.name }
}

function page(all: readonly object[], query: URLSearchParams, most: number): HttpAnswer {
  const number = Number(query.get('page') ?? 1)
  const size = Number(query.get('per_page') ?? 20)
  if (number < 1 || size < 5 || size > most)
    return failed({ status: 400, code: 9205, message: 'Invalid per_page or page' })
  const result = all.slice((number - 1) * size, number * size)
  const total_pages = Math.ceil(all.length / size)
  return fine(result, { page: number, per_page: size, count: result.length, total_count: all.length, total_pages })
}

/** The value that a resolver is given. */
function textOf({ content }: { content: string }): string {
  const parts = [...content.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, part = '']) => part.replace(/\\(.)/g, '$1'))
  return content.startsWith('"') ? parts.join('') : content
}

/** As the dashboard would: strings of at most 255, quotes and backslashes escaped. */
function quotedByHand(value: string): string {
  return (value.match(/[\s\S]{1,255}/g) ?? ['']).map((part) => `"${part.replace(/["\\]/g, '\\$&')}"`).join(' ')
}
