import { CertctlError, type Host, isCertctlError, z } from '@certctl/core'
import { canonicalDnsName } from '@certctl/pki'
import type { dns_v1 } from 'googleapis/build/src/apis/dns/v1.js'
import type { Config } from './config.js'
import { createLibraryFetch, unwrapped } from './library-fetch.js'
import { shaped } from './refusals.js'
import { createTokens } from './tokens.js'

const mostPages = 1000

const zoneSchema = z.object({
  name: z.string().min(1),
  dnsName: z.string().min(1),
  visibility: z.string().prefault('public'),
})
const zonesSchema = z.object({ managedZones: z.array(zoneSchema).prefault([]), nextPageToken: z.string().optional() })
const setSchema = z.object({
  name: z.string(),
  type: z.string(),
  ttl: z.number().prefault(0),
  rrdatas: z.array(z.string()).prefault([]),
  routingPolicy: z.unknown().optional(),
})
const setsSchema = z.object({
  kind: z.literal('dns#resourceRecordSetsListResponse'),
  rrsets: z.array(setSchema).prefault([]),
})

export type Zone = z.output<typeof zoneSchema>
/** A record set as Google gave it. */
export type RecordSet = z.output<typeof setSchema>
/** What a deletion must repeat to the letter. */
export type PlainSet = Pick<RecordSet, 'name' | 'type' | 'ttl' | 'rrdatas'>

export type GoogleClient = ReturnType<typeof createClient>

const needed = [
  'dns.changes.create',
  ...['create', 'delete', 'list', 'update'].map((verb) => `dns.resourceRecordSets.${verb}`),
]

/** Cloud DNS, API version 1, through Google's library. */
export function createClient(config: Config, host: Pick<Host, 'http' | 'now'>) {
  const tokens = createTokens(config, host)
  const transport = createLibraryFetch(config, host, tokens)
  let library: Promise<dns_v1.Dns> | undefined
  const open = async (signal: AbortSignal) => {
    library ??= loadLibrary(config, transport)
    return { api: await library, project: await tokens.project(signal), options: { signal } }
  }

  return {
    /** Zones of this DNS name, or all of the project. */
    async listZones(dnsName: string | undefined, signal: AbortSignal): Promise<Zone[]> {
      const { api, project, options } = await open(signal)
      const found: Zone[] = []
      let pageToken: string | undefined
      for (let page = 1; page <= mostPages; page += 1) {
        const wanted = { project, ...(dnsName && { dnsName: `${dnsName}.` }), ...(pageToken && { pageToken }) }
        const { data } = await unwrapped(api.managedZones.list(wanted, options))
        const { managedZones, nextPageToken } = shaped(zonesSchema, data, 'Google Cloud DNS, listing zones')
        found.push(...managedZones)
        if (nextPageToken === undefined) return found
        pageToken = nextPageToken
      }
      throw new CertctlError('upstream_protocol', 'Google Cloud DNS, listing zones: there is no end to the pages')
    },

    async readZone(managedZone: string, signal: AbortSignal): Promise<Zone> {
      const { api, project, options } = await open(signal)
      const { data } = await unwrapped(api.managedZones.get({ project, managedZone }, options))
      return shaped(zoneSchema, data, `Google Cloud DNS, reading zone ${managedZone}`)
    },

    /** `undefined`: there is no TXT record set of that name. */
    async readTxt({ name: managedZone }: Zone, name: string, signal: AbortSignal): Promise<RecordSet | undefined> {
      const { api, project, options } = await open(signal)
      const wanted = { project, managedZone, name: `${name}.`, type: 'TXT' }
      const { data } = await unwrapped(api.resourceRecordSets.list(wanted, options))
      const { rrsets } = shaped(setsSchema, data, `Google Cloud DNS, reading the TXT records of ${name}`)
      return rrsets.find((set) => set.type === 'TXT' && canonicalDnsName(set.name) === name)
    },

    /** Puts `set` in the place of `before`, all at once. `false`: somebody was faster, and nothing was done. */
    async replaceTxt({ name: managedZone }: Zone, { before, set, signal }: Replacement): Promise<boolean> {
      const { api, project, options } = await open(signal)
      const requestBody = { deletions: before ? [before] : [], additions: set ? [set] : [] }
      try {
        const { data } = await unwrapped(api.changes.create({ project, managedZone, requestBody }, options))
        shaped(z.object({ id: z.string(), status: z.string() }), data, 'Google Cloud DNS, changing TXT records')
        return true
      } catch (error) {
        if (isCertctlError(error) && ['conflict', 'precondition_failed'].includes(error.code)) return false
        throw error
      }
    },

    /** Of the permissions that a DNS provider needs, those that this service account has not. */
    async missingPermissions(zone: Zone, signal: AbortSignal): Promise<string[]> {
      const { api, project, options } = await open(signal)
      const resource = `projects/${project}/locations/global/managedZones/${zone.name}`
      const wanted = { resource, requestBody: { permissions: needed } }
      const { data } = await unwrapped(api.managedZones.testIamPermissions(wanted, options))
      const { permissions } = shaped(
        z.object({ permissions: z.array(z.string()).prefault([]) }),
        data,
        `Google, asking what may be done with ${zone.name}`,
      )
      return needed.filter((permission) => !permissions.includes(permission))
    },
  }
}

interface Replacement {
  before: PlainSet | undefined
  set: PlainSet | undefined
  signal: AbortSignal
}

/** Loaded when it is needed: it is large, and most installations have no zone at Google. */
async function loadLibrary({ endpoint }: Config, transport: typeof fetch): Promise<dns_v1.Dns> {
  const { dns } = await import('googleapis/build/src/apis/dns/index.js')
  return dns({
    version: 'v1',
    rootUrl: endpoint,
    universeDomain: 'googleapis.com',
    fetchImplementation: transport,
    retry: false,
  })
}
