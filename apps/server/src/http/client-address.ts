import ipaddr from 'ipaddr.js'

type Address = ReturnType<typeof ipaddr.process>

/** Finds the address a request came from: the peer's, or, where the peer is a trusted proxy, what it says in X-Forwarded-For. */
export function createClientAddress(
  trustedProxies: readonly string[],
): (peer: string | undefined, forwardedFor: string | readonly string[] | undefined) => string {
  const ranges = trustedProxies.map(rangeOf)
  const isTrusted = (text: string): boolean => {
    const address = parse(text)
    return address !== undefined && ranges.some((range) => isWithin(address, range))
  }
  const canonical = createCanonical()
  return (peer = '', forwardedFor) => {
    if (forwardedFor === undefined) return canonical(peer)
    const said = [forwardedFor ?? []].flat().join(',').split(',')
    const hops = said.map((hop) => hop.trim()).filter((hop) => parse(hop) !== undefined)
    // From the nearest outwards: what a stranger claims is believed only as far as trusted proxies repeat it.
    const chain = [peer, ...hops.toReversed()]
    const stranger = chain.find((hop) => !isTrusted(hop)) ?? chain.at(-1) ?? peer
    return parse(stranger)?.toString() ?? stranger
  }
}

const remembered = 1000

/** The same few peers ask again and again. */
function createCanonical(): (peer: string) => string {
  const known = new Map<string, string>()
  return (peer) => {
    const before = known.get(peer)
    if (before !== undefined) return before
    const address = parse(peer)?.toString() ?? peer
    if (known.size >= remembered) known.clear()
    known.set(peer, address)
    return address
  }
}

function parse(text: string): Address | undefined {
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined
}

function rangeOf(text: string): [Address, number] {
  if (text.includes('/')) return ipaddr.parseCIDR(text)
  const address = ipaddr.process(text)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

function isWithin(address: Address, [base, bits]: [Address, number]): boolean {
  return address.kind() === base.kind() && address.match(base, bits)
}
