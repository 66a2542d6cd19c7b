import { CertctlError, defineDns } from '@certctl/core'
import { canonicalDnsName, nameInZone, zoneCandidates } from '@certctl/pki'
import { type CloudflareClient, createClient, type Zone } from './client.js'
import { type Config, configSchema } from './config.js'

export { configSchema }

/** What Cloudflare takes for a time to live, apart from "automatic". */
const [leastTtl, mostTtl] = [60, 86_400]
/** A record that no zone has: who may remove it is told that it does not exist. */
const noRecord = '0'.repeat(32)
const mostTried = 10

type Place = Pick<Zone, 'id' | 'name'>

/** One record per value, so that foreign values are never rewritten. */
export default defineDns({
  type: 'Cloudflare',
  displayName: 'Cloudflare DNS',
  configSchema,
  environment: [
    {
      id: 'dns-cloudflare',
      name: 'Cloudflare',
      when: 'CERTCTL_CLOUDFLARE_API_TOKEN',
      variables: {
        api_token: 'CERTCTL_CLOUDFLARE_API_TOKEN',
        zone: 'CERTCTL_CLOUDFLARE_ZONE',
        zone_id: 'CERTCTL_CLOUDFLARE_ZONE_ID',
        endpoint: 'CERTCTL_CLOUDFLARE_ENDPOINT',
      },
    },
  ],
  capabilities: {},

  create(config, host) {
    const client = createClient(config, host)
    return {
      async present({ name: given, value, ttlSeconds, signal }) {
        const name = canonicalDnsName(given)
        const zone = await zoneOf(name, { config, client, signal })
        const there = await client.listTxt(zone.id, name, signal)
        if (there.some((entry) => entry.value === value)) return
        const ttl = Math.min(mostTtl, Math.max(leastTtl, Math.round(ttlSeconds)))
        await client.addTxt(zone.id, { name, value, ttl }, signal)
      },

      async cleanUp({ name: given, value, signal }) {
        const name = canonicalDnsName(given)
        const zone = await zoneOf(name, { config, client, signal })
        const there = await client.listTxt(zone.id, name, signal)
        for (const { id } of there.filter((entry) => entry.value === value))
          await client.removeRecord(zone.id, id, signal)
      },

      async test(signal) {
        const zones = await zonesToTry(config, client, signal)
        const tried = zones.slice(0, mostTried)
        for (const zone of tried) await checkMayChange(zone, client, signal)
        const rest = zones.length > tried.length ? `; ${zones.length - tried.length} more zones were not tried` : ''
        return { detail: `The token may change the DNS records of ${tried.map(({ name }) => name).join(', ')}${rest}` }
      },
    }
  },
})

interface Context {
  config: Config
  client: CloudflareClient
  signal: AbortSignal
}

async function zoneOf(name: string, { config, client, signal }: Context): Promise<Place> {
  const { zone, zone_id } = config
  if (zone !== undefined && nameInZone(name, zone) === undefined)
    throw new CertctlError(
      'config_invalid',
      `${name} is not in ${zone}, the only zone this Cloudflare connection writes to`,
    )
  if (zone !== undefined && zone_id !== undefined) return { id: zone_id, name: zone }
  const candidates = zone === undefined ? zoneCandidates(name) : [zone]
  const passed: Zone[] = []
  for (const candidate of candidates) {
    const named = (await client.listZones(candidate, signal)).filter(
      (found) => canonicalDnsName(found.name) === candidate,
    )
    const active = named.find(({ status }) => status === 'active')
    if (active !== undefined) return active
    passed.push(...named)
  }
  throw noZone(name, passed)
}

function noZone(name: string, passed: readonly Zone[]): CertctlError {
  const [idle] = passed
  if (idle !== undefined)
    return new CertctlError(
      'not_found',
      `${name} is in the zone ${idle.name}, which Cloudflare does not serve: it is ${idle.status}; finish its set-up there`,
    )
  return new CertctlError(
    'not_found',
    `The Cloudflare token sees no zone that holds ${name}; give it Zone:Read and DNS:Edit on that zone, or use the account that has it`,
  )
}

async function zonesToTry({ zone, zone_id }: Config, client: CloudflareClient, signal: AbortSignal): Promise<Place[]> {
  if (zone !== undefined && zone_id !== undefined) return [{ id: zone_id, name: zone }]
  const zones = (await client.listZones(zone, signal)).filter(({ status }) => status === 'active')
  if (zones.length > 0) return zones
  const what = zone === undefined ? 'no zone that is active' : `no active zone ${zone}`
  throw new CertctlError(
    'not_found',
    `The Cloudflare token sees ${what}; give it Zone:Read and DNS:Edit on the zones to write to`,
  )
}

/** Asks for what needs DNS:Edit and changes nothing. */
async function checkMayChange({ id, name }: Place, client: CloudflareClient, signal: AbortSignal): Promise<void> {
  await client.listTxt(id, `_acme-challenge.${name}`, signal)
  await client.removeRecord(id, noRecord, signal)
}
