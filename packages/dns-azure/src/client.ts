import {
  CertctlError,
  type Host,
  type HttpRequest,
  type HttpResponse,
  type JsonValue,
  type Secret,
  z,
} from '@certctl/core'
import { expectStatus } from '@certctl/kit'
import type { Config } from './config.js'
import { type Said, saidBy, shaped } from './refusals.js'
import { createTokens } from './tokens.js'

const apiVersion = '2018-05-01'
const permissionsVersion = '2022-04-01'
const mostPages = 1000

const zoneSchema = z.object({ id: z.string().regex(/^\/subscriptions\/[^?#]+$/i), name: z.string().min(1) })
const setSchema = z.object({
  etag: z.string().min(1),
  properties: z.object({
    TTL: z.number(),
    metadata: z.record(z.string(), z.string()).optional(),
    TXTRecords: z.array(z.object({ value: z.array(z.string()) })).prefault([]),
  }),
})
const grantSchema = z.object({
  actions: z.array(z.string()).prefault([]),
  notActions: z.array(z.string()).prefault([]),
})
const pageOf = <T>(entry: z.ZodType<T>) => z.object({ value: z.array(entry), nextLink: z.string().nullish() })

export type Zone = z.output<typeof zoneSchema>
/** A TXT record set as it is there; each value as its character strings. */
export interface TxtSet {
  etag: string
  ttl: number
  metadata: Readonly<Record<string, string>> | undefined
  values: readonly (readonly string[])[]
}
export type Grant = z.output<typeof grantSchema>

interface Call extends Pick<HttpRequest, 'method' | 'path' | 'query' | 'json' | 'headers'> {
  what: string
  signal: AbortSignal
}
interface Answer {
  response: HttpResponse
  said: Said
  what: string
}

export type AzureClient = ReturnType<typeof createClient>

/** Azure Resource Manager, as far as TXT record sets need it. */
export function createClient(config: Config, host: Host) {
  const arm = host.http({ baseUrl: config.endpoint })
  const tokens = createTokens(config, host)

  const ask = async (call: Call): Promise<Answer> => {
    const { token, fresh } = await tokens.get(call.signal)
    const answer = await askOnce(arm, call, token)
    if (answer.response.status !== 401) return answer
    // A token may be taken back before its end: a kept one is worth a second try.
    tokens.forget()
    return fresh ? answer : await askOnce(arm, call, (await tokens.get(call.signal)).token)
  }
  const listAll = async <T>(entry: z.ZodType<T>, first: Omit<Call, 'method'>): Promise<T[]> => {
    const found: T[] = []
    let next: Pick<Call, 'path' | 'query'> = first
    for (let page = 1; page <= mostPages; page += 1) {
      const { response, what } = accept(await ask({ ...first, query: undefined, ...next, method: 'GET' }), [200])
      const { value, nextLink } = shaped(pageOf(entry), response.json(), what)
      found.push(...value)
      if (nextLink === undefined || nextLink === null || nextLink === '') return found
      next = { path: nextLink }
    }
    throw new CertctlError('upstream_protocol', `Azure, ${first.what}: there is no end to the pages`)
  }

  return {
    listZones(signal: AbortSignal): Promise<Zone[]> {
      const query = { 'api-version': apiVersion, $top: 100 }
      return listAll(zoneSchema, {
        path: `${scopeOf(config)}/providers/Microsoft.Network/dnsZones`,
        query,
        what: 'listing DNS zones',
        signal,
      })
    },

    /** What the roles of who asks allow on this zone. */
    listGrants: (zone: Zone, signal: AbortSignal): Promise<Grant[]> =>
      listAll(grantSchema, {
        path: `${zone.id}/providers/Microsoft.Authorization/permissions`,
        query: { 'api-version': permissionsVersion },
        what: `asking what may be done with zone ${zone.name}`,
        signal,
      }),

    /** `undefined`: there is no such record set. */
    async readTxt(zone: Zone, relative: string, signal: AbortSignal): Promise<TxtSet | undefined> {
      const what = `reading the TXT records ${relative} of ${zone.name}`
      const answer = await ask({ ...setAt(zone, relative), method: 'GET', what, signal })
      if (answer.response.status === 404 && notThere.includes(answer.said.code)) return undefined
      const { etag, properties } = shaped(setSchema, accept(answer, [200]).response.json(), answer.what)
      const { TTL: ttl, metadata, TXTRecords } = properties
      return { etag, ttl, metadata, values: TXTRecords.map(({ value }) => value) }
    },

    /** `false`: somebody changed the record set since `etag` (or made it, where there was none), and nothing was done. */
    async writeTxt(zone: Zone, relative: string, { set, etag, signal }: Write): Promise<boolean> {
      const headers = etag === undefined ? { 'If-None-Match': '*' } : { 'If-Match': etag }
      const what = `writing the TXT records ${relative} of ${zone.name}`
      const json = bodyOf(set)
      const answer = await ask({ ...setAt(zone, relative), method: 'PUT', headers, json, what, signal })
      if (wasChanged(answer)) return false
      const { response } = accept(answer, [200, 201])
      shaped(setSchema, response.json(), answer.what)
      return true
    },

    /** `false`: somebody changed the record set since `etag`, and nothing was done. */
    async deleteTxt(zone: Zone, relative: string, { etag, signal }: Omit<Write, 'set'>): Promise<boolean> {
      const what = `removing the TXT records ${relative} of ${zone.name}`
      const answer = await ask({
        ...setAt(zone, relative),
        method: 'DELETE',
        headers: { 'If-Match': etag },
        what,
        signal,
      })
      if (wasChanged(answer)) return false
      const { response } = accept(answer, [200, 204])
      if (response.status === 200 && response.body.length > 0)
        throw new CertctlError('upstream_protocol', `Azure, ${what}: the answer is not empty, as the API's is`)
      return true
    },
  }
}

/** Azure answers 409 to a writer who met another; a lock is nothing that passes. */
function wasChanged({ response: { status }, said: { code } }: Answer): boolean {
  return status === 412 || (status === 409 && code !== 'ScopeLocked')
}

function accept(answer: Answer, accepted: readonly number[]): Answer {
  expectStatus(answer.response, accepted, answer.what)
  return answer
}

const notThere = ['NotFound', 'ResourceNotFound']

interface Write {
  set: Omit<TxtSet, 'etag'>
  etag: string | undefined
  signal: AbortSignal
}

async function askOnce(arm: ReturnType<Host['http']>, call: Call, token: Secret): Promise<Answer> {
  const { what: purpose, headers, ...request } = call
  const response = await arm.request({ ...request, headers: { ...headers, Authorization: `Bearer ${token.reveal()}` } })
  const said = saidBy(response, [token])
  return { response, said, what: `Azure, ${purpose}${said.sentence}` }
}

/** Where zones are looked for. */
export function scopeOf({ subscription_id, resource_group }: Config): string {
  const group = resource_group === undefined ? '' : `/resourceGroups/${encodeURIComponent(resource_group)}`
  return `/subscriptions/${subscription_id}${group}`
}

function setAt(zone: Zone, relative: string): Pick<Call, 'path' | 'query'> {
  return { path: `${zone.id}/TXT/${relative}`, query: { 'api-version': apiVersion } }
}

function bodyOf({ ttl, metadata, values }: Omit<TxtSet, 'etag'>): JsonValue {
  return { properties: { TTL: ttl, ...(metadata && { metadata }), TXTRecords: values.map((value) => ({ value })) } }
}
