import type { Route53 } from '@aws-sdk/client-route-53'
import { CertctlError, type Host, isCertctlError, messageOf } from '@certctl/core'
import type { Config } from './config.js'
import { createHostHandler, type SdkHandler } from './host-handler.js'
import { refusalOf } from './refusal.js'

export interface HostedZone {
  id: string
  /** Lower case, without final dot. */
  name: string
}
/** The TXT record set of a name as Route 53 has it. */
export interface RecordSet {
  name: string
  ttl: number
  /** In Route 53's words. */
  values: readonly string[]
  /** Weighted, latency and other routing: several sets under one name, none of which is ours to change. */
  isRouted: boolean
}

export interface Client {
  publicZones(): Promise<readonly HostedZone[]>
  zone(id: string): Promise<HostedZone>
  textRecord(zoneId: string, name: string): Promise<RecordSet | undefined>
  /** Puts the second in place of the first, or fails and changes nothing. `false`: the first is not what is there. */
  exchange(zoneId: string, before: RecordSet | undefined, after: RecordSet | undefined): Promise<boolean>
}

export interface Account {
  open(signal: AbortSignal): Promise<Client>
  close(): Promise<void>
}

/** One SDK client for all calls, so that the credentials of a role are kept until they end. The SDK is loaded by the first call: a server without Route 53 never reads it. */
export function createAccount(config: Config, host: Host): Account {
  let sdk: Promise<Route53> | undefined
  return {
    async open(signal) {
      if (signal.aborted) throw new CertctlError('aborted', 'Route 53 was not asked: interrupted before')
      sdk ??= createSdk(config, createHostHandler(host, config.timeout))
      return createClient(await sdk, signal)
    },
    async close() {
      const opened = await sdk
      opened?.destroy()
    },
  }
}

function createClient(sdk: Route53, signal: AbortSignal): Client {
  const options = { abortSignal: signal }
  const ask = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call()
    } catch (error) {
      if (signal.aborted && !isCertctlError(error))
        throw new CertctlError('aborted', `${what}: interrupted`, { cause: error })
      throw refusalOf(error, what)
    }
  }

  return {
    publicZones: () => ask('Route 53 does not list its hosted zones', () => listZones(sdk, options)),

    zone: (id) =>
      ask(`Route 53 does not show the hosted zone ${id}`, async () => {
        const { HostedZone: found } = await sdk.getHostedZone({ Id: id }, options)
        return { id, name: plainName(found?.Name ?? '') }
      }),

    textRecord: (HostedZoneId, name) =>
      ask(`Route 53 does not show the TXT record ${name}`, async () => {
        const start = { StartRecordName: `${name}.`, StartRecordType: 'TXT', MaxItems: 1 } as const
        const { ResourceRecordSets: sets } = await sdk.listResourceRecordSets({ HostedZoneId, ...start }, options)
        if (sets === undefined) throw new CertctlError('upstream_protocol', 'Route 53 lists records without a list')
        const [set] = sets
        if (set?.Type !== 'TXT' || plainName(set.Name ?? '') !== name) return undefined
        const values = (set.ResourceRecords ?? []).flatMap(({ Value }) => (Value === undefined ? [] : [Value]))
        const isRouted = set.SetIdentifier !== undefined || set.AliasTarget !== undefined
        return { name, ttl: set.TTL ?? 0, values, isRouted }
      }),

    async exchange(HostedZoneId, before, after) {
      const Changes = [...changeOf('DELETE', before), ...changeOf('CREATE', after)]
      const name = after?.name ?? before?.name
      try {
        await sdk.changeResourceRecordSets({ HostedZoneId, ChangeBatch: { Changes } }, options)
        return true
      } catch (error) {
        if (isOutrun(error)) return false
        return await ask(`Route 53 does not change the TXT record ${name}`, () => Promise.reject(error))
      }
    },
  }
}

async function createSdk(config: Config, requestHandler: SdkHandler): Promise<Route53> {
  const { region, endpoint } = config
  const [route53, providers] = await loadSdk()
  const { access_key_id: accessKeyId, secret_access_key: secret, session_token: token, profile, role_arn } = config
  const clientConfig = { region, requestHandler, maxAttempts: 1 }
  const own =
    accessKeyId !== undefined && secret !== undefined
      ? {
          accessKeyId,
          secretAccessKey: secret.reveal(),
          ...(token === undefined ? {} : { sessionToken: token.reveal() }),
        }
      : providers.fromNodeProviderChain(profile === undefined ? {} : { profile })
  const role = (RoleArn: string) =>
    providers.fromTemporaryCredentials({
      masterCredentials: own,
      params: {
        RoleArn,
        RoleSessionName: 'certctl',
        ...(config.external_id && { ExternalId: config.external_id.reveal() }),
      },
      clientConfig: { ...clientConfig, ...(endpoint === undefined ? {} : { endpoint }) },
    })
  const credentials = role_arn === undefined ? own : role(role_arn)
  return new route53.Route53({ ...clientConfig, credentials, ...(endpoint === undefined ? {} : { endpoint }) })
}

async function loadSdk() {
  try {
    return await Promise.all([import('@aws-sdk/client-route-53'), import('@aws-sdk/credential-providers')])
  } catch (cause) {
    const remedy = 'install @aws-sdk/client-route-53 and @aws-sdk/credential-providers beside the server'
    throw new CertctlError('unsupported', `The AWS SDK is not there: ${messageOf(cause)}; ${remedy}`, { cause })
  }
}

/** More pages than an account can have zones. */
const mostPages = 200

async function listZones(sdk: Route53, options: { abortSignal: AbortSignal }): Promise<HostedZone[]> {
  const zones: HostedZone[] = []
  let marker: string | undefined
  for (let page = 0; page < mostPages; page += 1) {
    const { HostedZones, IsTruncated, NextMarker } = await sdk.listHostedZones(
      { Marker: marker, MaxItems: 100 },
      options,
    )
    if (HostedZones === undefined) throw new CertctlError('upstream_protocol', 'Route 53 lists zones without a list')
    for (const { Id, Name, Config } of HostedZones)
      if (Id !== undefined && Name !== undefined && Config?.PrivateZone !== true)
        zones.push({ id: Id.replace('/hostedzone/', ''), name: plainName(Name) })
    if (IsTruncated !== true || NextMarker === undefined) return zones
    marker = NextMarker
  }
  throw new CertctlError('upstream_protocol', 'Route 53 lists hosted zones without end')
}

function changeOf(Action: 'DELETE' | 'CREATE', set: RecordSet | undefined) {
  if (set === undefined) return []
  const ResourceRecords = set.values.map((Value) => ({ Value }))
  return [{ Action, ResourceRecordSet: { Name: `${set.name}.`, Type: 'TXT' as const, TTL: set.ttl, ResourceRecords } }]
}

/** A batch is refused as a whole where what it deletes is not what is there, or where what it creates is there by now. */
function isOutrun(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error.name === 'PriorRequestNotComplete') return true
  if (error.name !== 'InvalidChangeBatch') return false
  const messages = 'messages' in error && Array.isArray(error.messages) ? error.messages.map(String) : []
  return [error.message, ...messages].some((text) => /already exists|not found|do not match/i.test(text))
}

/** Lower case, no final dot; Route 53 writes unusual characters as `\ooo`. */
export function plainName(name: string): string {
  const text = name.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
  return text.toLowerCase().replace(/\.$/, '')
}
