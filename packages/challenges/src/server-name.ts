import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** What a CA sends as server name (SNI) when it validates this name by tls-alpn-01: a host name itself, an address as its reverse name (RFC 8738 §6). */
export function serverNameOf(name: string): string {
  const version = isIP(name)
  if (version === 0) return name.toLowerCase()
  const octets = ipaddr.parse(name).toByteArray().toReversed()
  if (version === 4) return `${octets.join('.')}.in-addr.arpa`
  const nibbles = octets.flatMap((octet) => [octet & 0x0f, octet >> 4])
  return `${nibbles.map((nibble) => nibble.toString(16)).join('.')}.ip6.arpa`
}
