import type { GeneralName } from '@certctl/core'
import type { NameAttribute } from './distinguished-name.js'
import type { NameConstraints, Subtree } from './extensions/read-name-constraints.js'
import { formatGeneralName } from './general-name.js'
import { octetsOfIp } from './names/ip-address.js'

/** What a certificate would be for: its canonical names and its subject. */
export interface Constrained {
  names: readonly GeneralName[]
  subject: readonly NameAttribute[]
}

/** Why relying parties would refuse a certificate under a CA with these constraints (RFC 5280 §4.2.1.10); `undefined`: they would not. */
export function nameConstraintFault(constraints: NameConstraints, { names, subject }: Constrained): string | undefined {
  for (const name of names) {
    const fault = faultOf(constraints, name.type, (subtree) => isNameWithin(name, subtree))
    if (fault !== undefined) return `${formatGeneralName(name)} ${fault}`
  }
  if (subject.length === 0) return undefined
  const fault = faultOf(constraints, 'directory', (subtree) => isSubjectWithin(subject, subtree))
  return fault === undefined ? undefined : `the subject ${fault}`
}

// Only subtrees of the same kind count: a kind without permitted subtrees is not limited.
function faultOf(
  { permitted, excluded }: NameConstraints,
  type: Subtree['type'],
  isWithin: (subtree: Subtree) => boolean,
): string | undefined {
  if (excluded.some((subtree) => subtree.type === type && isWithin(subtree)))
    return 'is excluded by the CA’s name constraints'
  const allowed = permitted.filter((subtree) => subtree.type === type)
  if (allowed.length > 0 && !allowed.some(isWithin)) return 'is not permitted by the CA’s name constraints'
  return undefined
}

function isNameWithin({ type, value }: GeneralName, subtree: Subtree): boolean {
  if (subtree.type === 'ip') return type === 'ip' && isAddressWithin(octetsOfIp(value), subtree)
  if (subtree.type !== type || !('value' in subtree)) return false
  if (type === 'dns') return isDnsWithin(value, subtree.value)
  return type === 'email' ? isEmailWithin(value, subtree.value) : isHostWithin(hostOfUri(value), subtree.value)
}

/** `example.com` covers itself and whatever is below; a leading dot, which some CAs write, only what is below. A wildcard counts as a name below its base. */
function isDnsWithin(name: string, base: string): boolean {
  if (base === '') return true
  return base.startsWith('.') ? name.endsWith(base) : name === base || name.endsWith(`.${base}`)
}

/** A mailbox, all mailboxes of a host, or (leading dot) of the hosts below it. */
function isEmailWithin(address: string, base: string): boolean {
  const host = address.slice(address.lastIndexOf('@') + 1)
  const at = base.lastIndexOf('@')
  if (at === -1) return isHostWithin(host, base.toLowerCase())
  return (
    address.slice(0, address.length - host.length) === base.slice(0, at + 1) &&
    host === base.slice(at + 1).toLowerCase()
  )
}

function isHostWithin(host: string, base: string): boolean {
  return base.startsWith('.') ? host.endsWith(base) : host === base
}

function hostOfUri(uri: string): string {
  return /^[^:]+:\/\/(?:[^/?#]*@)?([^/?#:]*)/.exec(uri)?.[1] ?? ''
}

function isAddressWithin(octets: Uint8Array, { address, mask }: { address: Uint8Array; mask: Uint8Array }): boolean {
  if (octets.length !== address.length) return false
  return octets.every((octet, index) => (octet & (mask[index] ?? 0)) === ((address[index] ?? 0) & (mask[index] ?? 0)))
}

/** RFC 5280 §7.1, as far as text goes: case and runs of blanks do not count. */
function isSubjectWithin(subject: readonly NameAttribute[], subtree: Subtree): boolean {
  if (subtree.type !== 'directory') return false
  return subtree.attributes.every(({ type, value }, index) => {
    const own = subject[index]
    return own?.type === type && folded(own.value) === folded(value)
  })
}

function folded(value: string): string {
  return value.trim().replace(/\s+/g, ' ').toLowerCase()
}
