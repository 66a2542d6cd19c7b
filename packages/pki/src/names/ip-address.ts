import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { rejected } from './rejected.js'

/** An address in its one canonical text: four decimal numbers, or RFC 5952. Zone, prefix length and port are refused. Throws `identifier_rejected`. */
export function canonicalIp(text: string): string {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  if (isIPv4(bare)) return bare
  if (bare.includes('%') || !isIPv6(bare)) throw rejected('IP', text, 'is not an IPv4 or IPv6 address')
  return ipaddr.IPv6.parse(bare).toRFC5952String()
}

/** The address of four or sixteen octets, in canonical text. `undefined` for any other number of octets. */
export function ipFromOctets(octets: Uint8Array): string | undefined {
  if (octets.length === 4) return octets.join('.')
  if (octets.length !== 16) return undefined
  return ipaddr.fromByteArray([...octets]).toString() === ''
    ? undefined
    : new ipaddr.IPv6([...octets]).toRFC5952String()
}

/** Four or sixteen octets of an address in canonical text. */
export function octetsOfIp(address: string): Uint8Array {
  return Uint8Array.from(ipaddr.parse(address).toByteArray())
}
