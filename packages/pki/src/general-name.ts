import { isIP } from 'node:net'
import { CertctlError, type GeneralName } from '@certctl/core'
import { canonicalDnsName } from './names/dns-name.js'
import { canonicalEmail } from './names/email-address.js'
import { canonicalIp } from './names/ip-address.js'
import { canonicalUri } from './names/uri-name.js'

const canonical: Readonly<Record<GeneralName['type'], (text: string) => string>> = {
  dns: canonicalDnsName,
  ip: canonicalIp,
  email: canonicalEmail,
  uri: canonicalUri,
}

const prefixes: Readonly<Record<string, GeneralName['type']>> = { dns: 'dns', ip: 'ip', email: 'email', uri: 'uri' }

/**
 * A name as a person writes it: `www.example.com`, `*.example.com`, `192.0.2.1`, `2001:db8::1`, `a@example.com`, `spiffe://…`,
 * or with its kind in front (`DNS:`, `IP:`, `email:`, `URI:`). The value is canonical: DNS names as lower-case A-labels without
 * final dot, addresses in RFC 5952 form, hosts of e-mail addresses and URIs in lower case. Throws `identifier_rejected`.
 */
export function parseGeneralName(text: string): GeneralName {
  const trimmed = text.trim()
  const prefix = /^(dns|ip|email|uri):(.*)$/is.exec(trimmed)
  const explicit = prefixes[prefix?.[1]?.toLowerCase() ?? '']
  const type = explicit ?? kindOf(trimmed)
  return { type, value: canonical[type](explicit === undefined ? trimmed : (prefix?.[2] ?? '')) }
}

function kindOf(text: string): GeneralName['type'] {
  if (isIP(text) !== 0) return 'ip'
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return 'uri'
  return text.includes('@') ? 'email' : 'dns'
}

/** The shortest text that `parseGeneralName` reads as this same name. */
export function formatGeneralName({ type, value }: GeneralName): string {
  const isPlain = kindOf(value) === type && !/^(dns|ip|email|uri):/i.test(value)
  return isPlain ? value : `${type === 'dns' || type === 'ip' || type === 'uri' ? type.toUpperCase() : type}:${value}`
}

/** The same name with a canonical value; throws `identifier_rejected` for a value its kind does not allow. */
export function canonicalGeneralName({ type, value }: GeneralName): GeneralName {
  return { type, value: canonical[type](value) }
}

/** Whether two names are one by RFC 5280 §7: case and final dot of hosts do not count, address spellings do not count, the rest does. */
export function sameGeneralName(a: GeneralName, b: GeneralName): boolean {
  return a.type === b.type && (a.value === b.value || comparable(a) === comparable(b))
}

/** What `wanted` has and `found` has not (`missing`), and the reverse (`extra`). Order and repetition do not count. */
export function sameNames(
  wanted: readonly GeneralName[],
  found: readonly GeneralName[],
): { missing: GeneralName[]; extra: GeneralName[] } {
  return { missing: without(wanted, found), extra: without(found, wanted) }
}

function without(these: readonly GeneralName[], those: readonly GeneralName[]): GeneralName[] {
  const known = new Set(those.map(comparable))
  return these.filter((name) => {
    const key = comparable(name)
    const isNew = !known.has(key)
    known.add(key)
    return isNew
  })
}

/** A text equal for equal names. A value that is not canonical and cannot be made so stands for itself. */
function comparable(name: GeneralName): string {
  try {
    return `${name.type}:${canonical[name.type](name.value)}`
  } catch (error) {
    if (error instanceof CertctlError) return `${name.type}!${name.value}`
    throw error
  }
}
