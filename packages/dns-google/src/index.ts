import { CertctlError, defineDns, type Host } from '@certctl/core'
import { canonicalDnsName, nameInZone, quoteTxt, unquoteTxt, zoneCandidates } from '@certctl/pki'
import { createClient, type GoogleClient, type PlainSet, type RecordSet, type Zone } from './client.js'
import { type Config, configSchema } from './config.js'

export { configSchema }

/** Writers that meet under one name try again this often before they leave it to the next attempt. */
const mostAttempts = 16
const mostTried = 10

/** A change names the record set it replaces to the letter, so that whoever came in between is read again. */
export default defineDns({
  type: 'Google',
  aliases: ['GoogleCloudDNS', 'CloudDNS'],
  displayName: 'Google Cloud DNS',
  configSchema,
  environment: [
    {
      id: 'dns-google',
      name: 'Google Cloud DNS',
      when: 'CERTCTL_GOOGLE_DNS_PROJECT',
      variables: {
        credentials: 'CERTCTL_GOOGLE_DNS_CREDENTIALS',
        project: 'CERTCTL_GOOGLE_DNS_PROJECT',
        managed_zone: 'CERTCTL_GOOGLE_DNS_MANAGED_ZONE',
        endpoint: 'CERTCTL_GOOGLE_DNS_ENDPOINT',
        metadata_endpoint: 'CERTCTL_GOOGLE_DNS_METADATA_ENDPOINT',
      },
    },
  ],
  capabilities: {},

  create(config, host) {
    const client = createClient(config, host)
    return {
      async present({ name, value, ttlSeconds, signal }) {
        const ttl = Math.max(1, Math.round(ttlSeconds))
        const add = (there: Values) => (there.some(is(value)) ? there : [...there, quoteTxt(value)])
        await change({ name, ttl, edit: add, config, client, host, signal })
      },

      async cleanUp({ name, value, signal }) {
        const without = (there: Values) => (there.some(is(value)) ? there.filter((entry) => !is(value)(entry)) : there)
        await change({ name, ttl: 1, edit: without, config, client, host, signal })
      },

      async test(signal) {
        const zones = await zonesToTry(config, client, signal)
        const tried = zones.slice(0, mostTried)
        for (const zone of tried) await checkMayChange(zone, client, signal)
        const rest = zones.length > tried.length ? `; ${zones.length - tried.length} more zones were not looked at` : ''
        return {
          detail: `May change the TXT records of ${tried.map(({ dnsName }) => canonicalDnsName(dnsName)).join(', ')}${rest}`,
        }
      },
    }
  },
})

type Values = readonly string[]

const is =
  (value: string) =>
  (text: string): boolean =>
    unquoteTxt(text) === value

interface Change {
  name: string
  /** Of a record set that is not there yet; others keep theirs. */
  ttl: number
  /** Returns the same list where nothing is to be done. */
  edit: (there: Values) => Values
  config: Config
  client: GoogleClient
  host: Host
  signal: AbortSignal
}

async function change({ name: given, ttl, edit, config, client, host, signal }: Change): Promise<void> {
  const name = canonicalDnsName(given)
  const zone = await zoneOf(name, { config, client, signal })
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    const found = await client.readTxt(zone, name, signal)
    const before = found && plainOf(found)
    const there = before?.rrdatas ?? []
    const values = edit(there)
    if (values === there) return
    const made = { name: before?.name ?? `${name}.`, type: 'TXT', ttl: before?.ttl ?? ttl, rrdatas: [...values] }
    const set = values.length === 0 ? undefined : made
    if (await client.replaceTxt(zone, { before, set, signal })) return
    await host.delay(pauseSeconds(host, attempt), signal)
  }
  throw new CertctlError(
    'upstream_unavailable',
    `The TXT records of ${name} changed ${mostAttempts} times while they were written; try again later`,
  )
}

function plainOf({ name, type, ttl, rrdatas, routingPolicy }: RecordSet): PlainSet {
  if (routingPolicy === undefined || routingPolicy === null) return { name, type, ttl, rrdatas }
  throw new CertctlError(
    'conflict',
    `The TXT records of ${canonicalDnsName(name)} follow a routing policy; remove it, or let a CNAME lead challenges to another name`,
  )
}

/** Longer with each attempt, and not the same for two that met. */
function pauseSeconds(host: Host, attempt: number): number {
  return (0.1 + (host.random(1)[0] ?? 0) / 256) * Math.min(attempt, 5)
}

interface Context {
  config: Config
  client: GoogleClient
  signal: AbortSignal
}

async function zoneOf(name: string, { config, client, signal }: Context): Promise<Zone> {
  if (config.managed_zone !== undefined) {
    const zone = await client.readZone(config.managed_zone, signal)
    if (nameInZone(name, zone.dnsName) !== undefined) return zone
    throw new CertctlError(
      'config_invalid',
      `${name} is not in ${canonicalDnsName(zone.dnsName)}, the zone ${zone.name} that this Google connection writes to`,
    )
  }
  for (const candidate of zoneCandidates(name)) {
    const named = (await client.listZones(candidate, signal)).filter(
      ({ dnsName }) => canonicalDnsName(dnsName) === candidate,
    )
    const [zone, twin] = named.filter(isPublic)
    if (twin !== undefined)
      throw new CertctlError(
        'config_invalid',
        `The project has several public zones ${candidate}; set managed_zone to the one that is delegated to`,
      )
    if (zone !== undefined) return zone
  }
  throw new CertctlError(
    'not_found',
    `The project has no public zone that holds ${name}; give the service account the role DNS Administrator in the project that has it`,
  )
}

/** A CA sees public zones only; one that is private must be asked for by its name. */
function isPublic({ visibility }: Zone): boolean {
  return visibility === 'public'
}

async function zonesToTry(config: Config, client: GoogleClient, signal: AbortSignal): Promise<Zone[]> {
  if (config.managed_zone !== undefined) return [await client.readZone(config.managed_zone, signal)]
  const zones = (await client.listZones(undefined, signal)).filter(isPublic)
  if (zones.length > 0) return zones
  throw new CertctlError(
    'not_found',
    'The project has no public zone that the service account sees; compare project, and its roles there',
  )
}

async function checkMayChange(zone: Zone, client: GoogleClient, signal: AbortSignal): Promise<void> {
  const missing = await client.missingPermissions(zone, signal)
  if (missing.length === 0) return
  throw new CertctlError(
    'upstream_rejected',
    `Zone ${zone.name}: the service account lacks ${missing.join(', ')}; give it the role DNS Administrator on the zone or the project`,
  )
}
