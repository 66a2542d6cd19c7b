import { CertctlError, defineDns, type Host, type TxtRecord } from '@certctl/core'
import { type Account, type Client, createAccount, type HostedZone, plainName, type RecordSet } from './client.js'
import { type Config, configSchema } from './config.js'
import { quoteText, unquoteText } from './txt-value.js'

export { configSchema }

/** Adds and removes one TXT value in a hosted zone of Amazon Route 53, which knows whole record sets only: each change names what it expects to find. */
export default defineDns({
  type: 'Route53',
  aliases: ['AWSRoute53'],
  displayName: 'Amazon Route 53',
  configSchema,
  environment: [
    {
      id: 'dns-route53',
      name: 'Amazon Route 53',
      when: 'CERTCTL_ROUTE53_REGION',
      variables: {
        region: 'CERTCTL_ROUTE53_REGION',
        hosted_zone_id: 'CERTCTL_ROUTE53_HOSTED_ZONE_ID',
        access_key_id: 'CERTCTL_ROUTE53_ACCESS_KEY_ID',
        secret_access_key: 'CERTCTL_ROUTE53_SECRET_ACCESS_KEY',
        session_token: 'CERTCTL_ROUTE53_SESSION_TOKEN',
        profile: 'CERTCTL_ROUTE53_PROFILE',
        role_arn: 'CERTCTL_ROUTE53_ROLE_ARN',
        external_id: 'CERTCTL_ROUTE53_EXTERNAL_ID',
        endpoint: 'CERTCTL_ROUTE53_ENDPOINT',
        timeout: 'CERTCTL_ROUTE53_TIMEOUT',
      },
    },
  ],
  capabilities: {},

  create(config, host) {
    const account = createAccount(config, host)
    const parts = { config, host, account }
    return {
      present: (record) => change(parts, record, added),
      cleanUp: (record) => change(parts, record, removed),
      close: () => account.close(),

      async test(signal) {
        const client = await account.open(signal)
        const zones = await zonesOf(config, client)
        const names = zones.map(({ name }) => name)
        if (names.length === 0) throw new CertctlError('not_found', 'These credentials see no public hosted zone')
        return { detail: `Route 53 shows ${names.slice(0, 5).join(', ')}${names.length > 5 ? ' and others' : ''}` }
      },
    }
  },
})

type Edit = (set: RecordSet | undefined, record: TxtRecord) => RecordSet | undefined

const tries = 12

interface Parts {
  config: Config
  host: Host
  account: Account
}

async function change({ config, host, account }: Parts, record: TxtRecord, edit: Edit): Promise<void> {
  const { signal } = record
  const name = plainName(record.name)
  const client = await account.open(signal)
  const zone = zoneFor(await zonesOf(config, client), name)
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const before = await client.textRecord(zone.id, name)
    if (before?.isRouted === true)
      throw new CertctlError(
        'conflict',
        `${name} has TXT records with a routing policy or an alias; remove them, or delegate the name by CNAME`,
      )
    const after = edit(before, { ...record, name })
    if (after === before || (await client.exchange(zone.id, before, after))) return
    await host.delay(pauseSeconds(host, attempt), signal)
  }
  throw new CertctlError(
    'upstream_unavailable',
    `${name} was changed by others ${tries} times while a value was to be changed`,
  )
}

/** Several copies that met once must not meet again. */
function pauseSeconds(host: Host, attempt: number): number {
  const [chance = 0] = host.random(1)
  return (0.2 + chance / 256) * Math.min(attempt, 4)
}

const added: Edit = (set, { name, value, ttlSeconds }) => {
  if (set === undefined) return { name, ttl: ttlSeconds, values: [quoteText(value)], isRouted: false }
  if (set.values.some((other) => unquoteText(other) === value)) return set
  return { ...set, values: [...set.values, quoteText(value)] }
}

const removed: Edit = (set, { value }) => {
  if (set === undefined) return undefined
  const values = set.values.filter((other) => unquoteText(other) !== value)
  if (values.length === set.values.length) return set
  return values.length === 0 ? undefined : { ...set, values }
}

async function zonesOf({ hosted_zone_id }: Config, client: Client): Promise<readonly HostedZone[]> {
  return hosted_zone_id === undefined ? await client.publicZones() : [await client.zone(hosted_zone_id)]
}

function zoneFor(zones: readonly HostedZone[], name: string): HostedZone {
  const holding = zones.filter((zone) => name === zone.name || name.endsWith(`.${zone.name}`))
  const deepest = holding.toSorted((a, b) => b.name.length - a.name.length)
  const [first, second] = deepest
  if (first === undefined)
    throw new CertctlError(
      'not_found',
      `${name} is in none of the public hosted zones that these credentials see: ${list(zones)}`,
    )
  if (second?.name !== first.name) return first
  const ids = deepest.filter((zone) => zone.name === first.name).map(({ id }) => id)
  throw new CertctlError(
    'conflict',
    `There are several hosted zones ${first.name} (${ids.join(', ')}); set hosted_zone_id to the delegated one`,
  )
}

function list(zones: readonly HostedZone[]): string {
  return (
    zones
      .map(({ name }) => name)
      .slice(0, 20)
      .join(', ') || 'none'
  )
}
