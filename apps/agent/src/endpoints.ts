import { isIP } from 'node:net'
import {
  CertctlError,
  type Endpoint,
  endpointSchema,
  type GeneralName,
  parseConfig,
  type TargetSettings,
} from '@certctl/core'

/** Where a deployment must be seen: what the operator says, else what the connector knows. `post_deploy_verify.endpoint` comes on top; switched off, there is nowhere to look. */
export function endpointsOf(settings: TargetSettings, fromConnector: readonly Endpoint[]): readonly Endpoint[] {
  const { enabled, endpoint } = settings.post_deploy_verify
  if (!enabled) return []
  const more = endpoint === undefined ? [] : [typeof endpoint === 'string' ? parseEndpoint(endpoint) : endpoint]
  const all = [...(settings.endpoints ?? (more.length > 0 ? [] : fromConnector)), ...more]
  return all.filter((one, index) => all.findIndex((other) => sameEndpoint(one, other)) === index)
}

function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.host === other.host && one.port === other.port && one.serverName === other.serverName
}

/** `host`, `host:port`, `[::1]:port`. */
function parseEndpoint(text: string): Endpoint {
  const found = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<host>[^:/]+))(?::(?<port>\d{1,5}))?$/i.exec(text.trim())
  const { v6, host, port } = found?.groups ?? {}
  if (found === null) throw new CertctlError('config_invalid', 'post_deploy_verify.endpoint: must be host:port')
  const raw = { host: v6 ?? host, ...(port === undefined ? {} : { port: Number(port) }) }
  return parseConfig(endpointSchema, raw, 'post_deploy_verify.endpoint')
}

/** The SNI to send: as configured; else the host where it is a name; else the first name of the certificate that can be asked for. */
export function serverNameOf({ host, serverName }: Endpoint, names: readonly GeneralName[]): string | undefined {
  if (serverName !== undefined) return serverName
  if (isIP(host) === 0) return host
  const dns = names.filter((name) => name.type === 'dns').map((name) => name.value)
  return dns.find((name) => !name.startsWith('*.')) ?? dns[0]?.replace('*.', 'www.')
}
