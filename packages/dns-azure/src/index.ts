import { CertctlError, defineDns, type Host } from '@certctl/core'
import { canonicalDnsName, deepestZones, nameInZone, splitTxt } from '@certctl/pki'
import { type AzureClient, createClient, scopeOf, type TxtSet, type Zone } from './client.js'
import { type Config, configSchema } from './config.js'
import { missingActions } from './permissions.js'

export { configSchema }

/** Writers that meet under one name try again this often before they leave it to the next attempt. */
const mostAttempts = 16
const mostTried = 10

type Values = TxtSet['values']

/** A value is one entry of a record set, which is replaced as a whole under its ETag: whoever came in between is read again. */
export default defineDns({
  type: 'Azure',
  aliases: ['AzureDNS'],
  displayName: 'Azure DNS',
  configSchema,
  environment: [
    {
      id: 'dns-azure',
      name: 'Azure DNS',
      when: 'CERTCTL_AZURE_DNS_SUBSCRIPTION_ID',
      variables: {
        subscription_id: 'CERTCTL_AZURE_DNS_SUBSCRIPTION_ID',
        resource_group: 'CERTCTL_AZURE_DNS_RESOURCE_GROUP',
        zone: 'CERTCTL_AZURE_DNS_ZONE',
        tenant_id: 'CERTCTL_AZURE_DNS_TENANT_ID',
        client_id: 'CERTCTL_AZURE_DNS_CLIENT_ID',
        client_secret: 'CERTCTL_AZURE_DNS_CLIENT_SECRET',
        federated_token_file: 'CERTCTL_AZURE_DNS_FEDERATED_TOKEN_FILE',
        cloud: 'CERTCTL_AZURE_DNS_CLOUD',
        endpoint: 'CERTCTL_AZURE_DNS_ENDPOINT',
        login_endpoint: 'CERTCTL_AZURE_DNS_LOGIN_ENDPOINT',
        identity_endpoint: 'CERTCTL_AZURE_DNS_IDENTITY_ENDPOINT',
      },
    },
  ],
  capabilities: {},

  create(config, host) {
    const client = createClient(config, host)
    return {
      async present({ name, value, ttlSeconds, signal }) {
        const ttl = Math.max(1, Math.round(ttlSeconds))
        const add = (there: Values) => (there.some(is(value)) ? there : [...there, splitTxt(value)])
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
        return { detail: `May change the TXT records of ${tried.map(({ name }) => name).join(', ')}${rest}` }
      },
    }
  },
})

const is =
  (value: string) =>
  (strings: readonly string[]): boolean =>
    strings.join('') === value

interface Change {
  name: string
  /** Of a record set that is not there yet; others keep theirs. */
  ttl: number
  /** Returns the same list where nothing is to be done. */
  edit: (there: Values) => Values
  config: Config
  client: AzureClient
  host: Host
  signal: AbortSignal
}

async function change({ name: given, ttl, edit, config, client, host, signal }: Change): Promise<void> {
  const name = canonicalDnsName(given)
  const zone = await zoneOf(name, { config, client, signal })
  const relative = nameInZone(name, zone.name) ?? name
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    const there = await client.readTxt(zone, relative, signal)
    const before = there?.values ?? []
    const values = edit(before)
    if (values === before) return
    const write = { etag: there?.etag, signal }
    const set = { ttl: there?.ttl ?? ttl, metadata: there?.metadata, values }
    const done =
      values.length === 0 ? client.deleteTxt(zone, relative, write) : client.writeTxt(zone, relative, { ...write, set })
    if (await done) return
    await host.delay(pauseSeconds(host, attempt), signal)
  }
  throw new CertctlError(
    'upstream_unavailable',
    `The TXT records of ${name} changed ${mostAttempts} times while they were written; try again later`,
  )
}

/** Longer with each attempt, and not the same for two that met. */
function pauseSeconds(host: Host, attempt: number): number {
  return (0.1 + (host.random(1)[0] ?? 0) / 256) * Math.min(attempt, 5)
}

interface Context {
  config: Config
  client: AzureClient
  signal: AbortSignal
}

async function zoneOf(name: string, { config, client, signal }: Context): Promise<Zone> {
  const { zone } = config
  if (zone !== undefined && nameInZone(name, zone) === undefined)
    throw new CertctlError('config_invalid', `${name} is not in ${zone}, the only zone this Azure connection writes to`)
  const known = knownZone(config)
  if (known !== undefined) return known
  const zones = wantedZones(await client.listZones(signal), zone)
  const [found, twin] = deepestZones(name, zones, (one) => one.name)
  if (twin !== undefined)
    throw new CertctlError(
      'config_invalid',
      `Several resource groups have a zone ${twin.name}; set resource_group to the one that is delegated to`,
    )
  if (found !== undefined) return found
  throw new CertctlError(
    'not_found',
    `No DNS zone that is seen in ${scopeOf(config)} holds ${name}; give the application or identity the role DNS Zone Contributor on that zone`,
  )
}

/** Where zone and resource group are given, nothing needs to be listed, and no role to list is needed. */
function knownZone(config: Config): Zone | undefined {
  const { zone, resource_group } = config
  if (zone === undefined || resource_group === undefined) return undefined
  return { id: `${scopeOf(config)}/providers/Microsoft.Network/dnsZones/${zone}`, name: zone }
}

function wantedZones(zones: readonly Zone[], zone: string | undefined): readonly Zone[] {
  return zone === undefined ? zones : zones.filter(({ name }) => canonicalDnsName(name) === zone)
}

async function zonesToTry(config: Config, client: AzureClient, signal: AbortSignal): Promise<readonly Zone[]> {
  const known = knownZone(config)
  const zones = known === undefined ? wantedZones(await client.listZones(signal), config.zone) : [known]
  if (zones.length > 0) return zones
  const what = config.zone === undefined ? 'no DNS zone' : `no DNS zone ${config.zone}`
  throw new CertctlError(
    'not_found',
    `The application or identity sees ${what} in ${scopeOf(config)}; give it the role DNS Zone Contributor on the zones to write to`,
  )
}

async function checkMayChange(zone: Zone, client: AzureClient, signal: AbortSignal): Promise<void> {
  await client.readTxt(zone, '_acme-challenge', signal)
  const missing = missingActions(await client.listGrants(zone, signal))
  if (missing.length === 0) return
  throw new CertctlError(
    'upstream_rejected',
    `Zone ${zone.name}: not allowed are ${missing.join(', ')}; give the application or identity the role DNS Zone Contributor on it`,
  )
}
