import {
  CertctlError,
  type DnsConnector,
  type DnsDefinition,
  defineDns,
  type ErrorCode,
  type Host,
  type HttpClient,
  type HttpResponse,
  secret,
  type TxtRecord,
  z,
} from '@certctl/core'

export const configSchema = z.strictObject({ token: secret().describe('Whoever has it may change the zones.') })
export type Config = z.output<typeof configSchema>

export interface Bench {
  config: Config
  host: Host
  http: HttpClient
  parts: Parts
}

/** Where a record is, in the service's words. */
export interface Place {
  zone: string
  name: string
}
export type Values = readonly (readonly string[])[]
export interface Found {
  values: Values
  version?: number | undefined
}

/** What a correct provider for this service is made of; each broken one is this with one part exchanged. */
export interface Parts {
  type: string
  schema: z.ZodType<Config>
  created(bench: Bench): void
  present(bench: Bench, record: TxtRecord): Promise<void>
  cleanUp(bench: Bench, record: TxtRecord): Promise<void>
  nameOf(record: TxtRecord): string
  /** `undefined`: the name is in none of the zones. */
  zoneOf(zones: readonly string[], name: string): string | undefined
  relativeName(name: string, zone: string): string
  added(values: Values, value: string): Values
  removed(values: Values, value: string): Values
  precondition(found: Found): Readonly<Record<string, string>>
  requireSuccess(response: HttpResponse, bench: Bench): void
  /** An answer with 200 that does not come from the service is no success. */
  requireWritten(response: HttpResponse): void
  tries: number
  extra(bench: Bench): object
}

const codes: Readonly<Record<number, ErrorCode>> = { 401: 'unauthenticated', 403: 'forbidden', 429: 'rate_limited' }
export const splitValue = (value: string): string[] => value.match(/.{1,255}/g) ?? ['']
export const join = (strings: readonly string[]): string => strings.join('')

export const sound: Parts = {
  type: 'Zones',
  schema: configSchema,
  created: () => undefined,
  present: (bench, record) => change(bench, record, 'added'),
  cleanUp: (bench, record) => change(bench, record, 'removed'),
  nameOf: ({ name }) => name.toLowerCase().replace(/\.$/, ''),
  zoneOf: (zones, name) =>
    zones
      .filter((zone) => name === zone || name.endsWith(`.${zone}`))
      .toSorted((a, b) => b.length - a.length)
      .at(0),
  relativeName: (name, zone) => (name === zone ? '@' : name.slice(0, -zone.length - 1)),
  added: (values, value) =>
    values.some((strings) => join(strings) === value) ? values : [...values, splitValue(value)],
  removed: (values, value) => values.filter((strings) => join(strings) !== value),
  precondition: ({ version }) => (version === undefined ? { 'if-none-match': '*' } : { 'if-match': String(version) }),
  requireSuccess({ status, retryAfterSeconds }) {
    if (status === 200) return
    const code = codes[status] ?? (status >= 500 ? 'upstream_unavailable' : 'upstream_rejected')
    throw new CertctlError(code, `The zone service answered ${status}`, { retryAfterSeconds })
  },
  requireWritten: (response) => void parsed(z.object({}), response),
  tries: 20,
  extra: () => ({}),
}

async function change(bench: Bench, record: TxtRecord, way: 'added' | 'removed'): Promise<void> {
  const place = await placeOf(bench, record)
  for (let attempt = 1; attempt <= bench.parts.tries; attempt += 1) {
    const found = await read(bench, place, record.signal)
    const wanted = bench.parts[way](found.values, record.value)
    if (wanted === found.values || (wanted.length === found.values.length && way === 'removed')) return
    if (await write(bench, place, { found, wanted, record })) return
  }
  throw new CertctlError('upstream_unavailable', `${record.name} is changed by others all the time`)
}

export async function placeOf({ http, parts, ...bench }: Bench, record: TxtRecord): Promise<Place> {
  const name = parts.nameOf(record)
  const response = await http.request({ method: 'GET', path: '/zones', signal: record.signal })
  parts.requireSuccess(response, { http, parts, ...bench })
  const { zones } = parsed(z.object({ zones: z.array(z.string()) }), response)
  const zone = parts.zoneOf(zones, name)
  if (zone === undefined) throw new CertctlError('not_found', `${name} is in none of the zones ${zones.join(', ')}`)
  return { zone, name: parts.relativeName(name, zone) }
}

export async function read(bench: Bench, place: Place, signal: AbortSignal): Promise<Found> {
  const response = await bench.http.request({ method: 'GET', path: pathOf(place), signal })
  if (response.status === 404) return { values: [] }
  bench.parts.requireSuccess(response, bench)
  return parsed(z.object({ version: z.number(), values: z.array(z.array(z.string())) }), response)
}

export interface Write {
  found: Found
  wanted: Values
  record: TxtRecord
}

/** `false`: somebody else was faster. */
export async function write(bench: Bench, place: Place, { found, wanted, record }: Write): Promise<boolean> {
  const response = await bench.http.request({
    method: wanted.length === 0 ? 'DELETE' : 'PUT',
    path: pathOf(place),
    headers: bench.parts.precondition(found),
    json: wanted.length === 0 ? undefined : { ttl: record.ttlSeconds, values: wanted },
    signal: record.signal,
  })
  if (response.status === 412 || response.status === 404) return false
  bench.parts.requireSuccess(response, bench)
  bench.parts.requireWritten(response)
  return true
}

function pathOf({ zone, name }: Place): string {
  return `/zones/${zone}/txt/${encodeURIComponent(name)}`
}

function parsed<T>(schema: z.ZodType<T>, response: HttpResponse): T {
  const body = schema.safeParse(response.json())
  if (body.success) return body.data
  throw new CertctlError('upstream_protocol', 'The zone service answered something else than it should')
}

export function zoneProvider(changed: Partial<Parts> = {}): DnsDefinition<Config> {
  const parts = { ...sound, ...changed }
  return defineDns({
    type: parts.type,
    displayName: 'Zones',
    configSchema: parts.schema,
    capabilities: {},
    create(config, host): DnsConnector {
      const headers = { authorization: `Bearer ${config.token.reveal()}` }
      const http = host.http({ baseUrl: 'https://zones.example.test', headers })
      const bench: Bench = { config, host, http, parts }
      parts.created(bench)
      return {
        present: (record) => parts.present(bench, record),
        cleanUp: (record) => parts.cleanUp(bench, record),
        async test(signal) {
          const response = await http.request({ method: 'GET', path: '/zones', signal })
          parts.requireSuccess(response, bench)
          return { detail: 'The zones can be listed' }
        },
        ...parts.extra(bench),
      }
    },
  })
}
