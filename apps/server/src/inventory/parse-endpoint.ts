import { isIPv6 } from 'node:net'
import { hostname } from '@certctl/core'
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

/** `host:port`, brackets round an IPv6 address. */
export function endpointText({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
