import ipaddr from 'ipaddr.js'

export type Network = readonly [address: ipaddr.IPv4 | ipaddr.IPv6, prefixLength: number]

/** A network as operators write it; a fault says what would be right. */
export function readNetwork(text: string): { network: Network } | { fault: string } {
  const [address = '', length, ...rest] = text.split('/')
  const example = 'write one such as 10.1.0.0/16 or 2001:db8::/32'
  if (rest.length > 0 || !isAddress(address)) return { fault: `"${text}" is not a network; ${example}` }
  const parsed = ipaddr.parse(address)
  const most = parsed.kind() === 'ipv4' ? 32 : 128
  if (length === undefined)
    return { fault: `the length of the network is missing; for this one address: ${address}/${most}` }
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > most)
    return { fault: `"/${length}" is not between /0 and /${most}; ${example}` }
  return inside(parsed, Number(length))
}

function inside(address: ipaddr.IPv4 | ipaddr.IPv6, length: number): { network: Network } | { fault: string } {
  const cidr = `${address.toString()}/${length}`
  const first =
    address.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(cidr) : ipaddr.IPv6.networkAddressFromCIDR(cidr)
  if (first.toString() === address.toString()) return { network: unmapped(address, length) }
  return { fault: `${cidr} is an address inside a network; the network is ${first.toString()}/${length}` }
}

/** `::ffff:10.0.0.0/104` means the same hosts as `10.0.0.0/8`. */
function unmapped(address: ipaddr.IPv4 | ipaddr.IPv6, length: number): Network {
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && length >= 96)
    return [address.toIPv4Address(), length - 96]
  return [address, length]
}

/** Whether the address, IPv4-mapped ones as IPv4, is in the network. What is not an address is in none. */
export function isInNetwork(text: string, [first, length]: Network): boolean {
  if (!isAddress(text)) return false
  const address = ipaddr.process(text)
  return address.kind() === first.kind() && address.match(first, length)
}

/** Of dotted decimal in full, or IPv6: `10.1` and `0x0a000001` are addresses to some readers and typing errors to people. */
function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (ipaddr.IPv6.isValid(text) && !text.includes('%'))
}
