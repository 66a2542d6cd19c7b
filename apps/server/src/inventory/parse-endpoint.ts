import { isIPv6 } from 'node:net'
import { type GeneralName, hostname, messageOf } from '@certctl/core'
import { parseGeneralName } from '@certctl/pki'
import { fieldFault } from './field-fault.js'

export interface HostPort {
  host: string
  port: number
}

const usualPort = 443

/** `host`, `host:port`, `[::1]:port`; a URL's scheme is let pass. Throws `request_malformed`, naming the field. */
export function parseEndpoint(text: string): HostPort {
  const bare = text.trim().replace(/^(https|tls):\/\//i, '')
  const found = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<host>[^:/\s[\]]+))(?::(?<port>\d{1,5}))?\/?$/i.exec(bare)
  const { v6, host, port } = found?.groups ?? {}
  const number = port === undefined ? usualPort : Number(port)
  const isHost = v6 === undefined ? hostname().safeParse(host).success : isIPv6(v6)
  if (!isHost || number < 1 || number > 65_535)
    throw fieldFault('endpoint', 'must be host:port, such as www.example.com:443 or [2001:db8::1]:8443')
  return { host: (v6 ?? host ?? '').toLowerCase(), port: number }
}

/** What is sent as SNI and looked for in the certificate: a name as certificates carry it, or an address. Throws `request_malformed`, naming the field. */
export function parseServerName(text: string): string {
  const name = generalName(text)
  const isHost = name.type === 'ip' || (name.type === 'dns' && !name.value.startsWith('*.'))
  if (isHost) return name.value
  throw fieldFault('server_name', 'must be the name of one host, or an IP address')
}

function generalName(text: string): GeneralName {
  try {
    return parseGeneralName(text)
  } catch (cause) {
    throw fieldFault('server_name', messageOf(cause), cause)
  }
}

/** `host:port`, brackets round an IPv6 address. */
export function endpointText({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
