import { CertctlError, type Host, type HttpRequest, type HttpResponse, z } from '@certctl/core'
import { expectStatus } from '@certctl/kit'
import { canonicalDnsName, quoteTxt, unquoteTxt } from '@certctl/pki'
import type { Config } from './config.js'
import { saidBy } from './refusals.js'

const zoneSchema = z.object({ id: z.string().min(1), name: z.string().min(1), status: z.string() })
const recordSchema = z.object({ id: z.string().min(1), type: z.string(), name: z.string(), content: z.string() })
const envelopeSchema = z.object({
  success: z.literal(true),
  result: z.unknown(),
  result_info: z.object({ total_pages: z.int().optional() }).nullish(),
})

export type Zone = z.output<typeof zoneSchema>
type Envelope = z.output<typeof envelopeSchema>

/** One TXT record as Cloudflare keeps it: a value has an identifier of its own. */
export interface TxtEntry {
  id: string
  value: string
}

/** A request, what it is for, and the error codes that are as good as success. */
interface Call extends Pick<HttpRequest, 'method' | 'path' | 'query' | 'json'> {
  what: string
  tolerated?: readonly number[] | undefined
  signal: AbortSignal
}

export type CloudflareClient = ReturnType<typeof createClient>

const identicalExists = [81057, 81058]
const doesNotExist = [81044]
const [zonesPerPage, recordsPerPage, mostPages] = [50, 100, 1000]

/** The Cloudflare API, version 4, as far as TXT records need it. */
export function createClient({ api_token, endpoint }: Config, host: Pick<Host, 'http'>) {
  const http = host.http({ baseUrl: endpoint })

  const call = async ({ what, tolerated = [], ...request }: Call): Promise<Envelope | undefined> => {
    const headers = { Authorization: `Bearer ${api_token.reveal()}` }
    const response = await http.request({ ...request, headers })
    const { codes, sentence } = saidBy(response, api_token)
    if (response.status >= 400 && codes.some((code) => tolerated.includes(code))) return undefined
    return envelopeOf(expectStatus(response, [200], `Cloudflare, ${what}${sentence}`), `Cloudflare, ${what}${sentence}`)
  }

  const listAll = async <T>(entry: z.ZodType<T>, listing: Call, perPage: number): Promise<T[]> => {
    const found: T[] = []
    for (let page = 1; page <= mostPages; page += 1) {
      const query = { ...listing.query, page, per_page: perPage }
      const envelope = await call({ ...listing, query })
      found.push(...entriesOf(z.array(entry), envelope?.result, listing.what))
      if (page >= (envelope?.result_info?.total_pages ?? 1)) return found
    }
    throw new CertctlError('upstream_protocol', `Cloudflare, ${listing.what}: there is no end to the pages`)
  }

  return {
    /** All zones of this name, or all that the token sees. */
    listZones: (name: string | undefined, signal: AbortSignal): Promise<Zone[]> =>
      listAll(
        zoneSchema,
        { method: 'GET', path: '/zones', query: { name }, what: 'listing zones', signal },
        zonesPerPage,
      ),

    async listTxt(zoneId: string, name: string, signal: AbortSignal): Promise<TxtEntry[]> {
      const query = { type: 'TXT', name }
      const what = `reading the TXT records of ${name}`
      const path = `/zones/${zoneId}/dns_records`
      const records = await listAll(recordSchema, { method: 'GET', path, query, what, signal }, recordsPerPage)
      const own = records.filter((record) => record.type === 'TXT' && canonicalDnsName(record.name) === name)
      return own.map(({ id, content }) => ({ id, value: unquoteTxt(content) }))
    },

    /** Adds a value; one that somebody added in between is as good. */
    async addTxt(zoneId: string, record: { name: string; value: string; ttl: number }, signal: AbortSignal) {
      const { name, value, ttl } = record
      const json = { type: 'TXT', name, content: quoteTxt(value), ttl }
      const what = `adding a TXT record for ${name}`
      const path = `/zones/${zoneId}/dns_records`
      const made = await call({ method: 'POST', path, json, what, tolerated: identicalExists, signal })
      if (made !== undefined) entriesOf(recordSchema, made.result, what)
    },

    /** Removes one record; `false`: there was none of this identifier. */
    async removeRecord(zoneId: string, recordId: string, signal: AbortSignal): Promise<boolean> {
      const what = `removing a TXT record from zone ${zoneId}`
      const path = `/zones/${zoneId}/dns_records/${recordId}`
      const gone = await call({ method: 'DELETE', path, what, tolerated: doesNotExist, signal })
      if (gone !== undefined) entriesOf(z.object({ id: z.string() }), gone.result, what)
      return gone !== undefined
    },
  }
}

function envelopeOf(response: HttpResponse, what: string): Envelope {
  const body = response.json()
  const refused = z.object({ success: z.literal(false) }).safeParse(body).success
  if (refused) throw new CertctlError('upstream_rejected', `${what}: was refused`)
  return entriesOf(envelopeSchema, body, what)
}

function entriesOf<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new CertctlError('upstream_protocol', `Cloudflare, ${what}: the answer has another shape than the API's`)
}
