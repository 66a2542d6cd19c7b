/** A DNS name as names are compared: lower case, absolute, without the final dot (RFC 4343). */
export function canonicalDnsName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

/** The zones that could hold a name, deepest first: the name itself, then without its first label, and so on. */
export function zoneCandidates(name: string): string[] {
  const labels = canonicalDnsName(name).split('.')
  return labels.map((_, index) => labels.slice(index).join('.'))
}

/** The deepest zones that hold a name: several where zones share one name, none where no zone holds it. */
export function deepestZones<Zone>(name: string, zones: readonly Zone[], nameOf: (zone: Zone) => string): Zone[] {
  const holding = zoneCandidates(name).map((candidate) =>
    zones.filter((zone) => canonicalDnsName(nameOf(zone)) === candidate),
  )
  return holding.find((found) => found.length > 0) ?? []
}

/** What a zone calls a name: `@` for its own, else the labels in front of it; `undefined` when the name is not in it. */
export function nameInZone(name: string, zone: string): string | undefined {
  const [absolute, apex] = [canonicalDnsName(name), canonicalDnsName(zone)]
  if (absolute === apex) return '@'
  return absolute.endsWith(`.${apex}`) ? absolute.slice(0, -apex.length - 1) : undefined
}
