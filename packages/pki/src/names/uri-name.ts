import { isIPv6 } from 'node:net'
import { asciiHost } from './dns-name.js'
import { canonicalIp } from './ip-address.js'
import { rejected } from './rejected.js'

const absolute = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/?#]*))?(.*)$/is
const longest = 2048

/** An absolute URI with scheme and host in lower case, the rest as written; what is not ASCII is percent-encoded (RFC 5280 §4.2.1.6, §7.4). Throws `identifier_rejected`. */
export function canonicalUri(text: string): string {
  if (text.length > longest) throw rejected('URI', text, `has more than ${longest} characters`)
  const [, scheme, authority, rest = ''] = absolute.exec(text) ?? []
  if (scheme === undefined || (authority === undefined && rest === ''))
    throw rejected('URI', text, 'is not absolute: it needs a scheme and something after it')
  if (/[\p{Cc} <>"{}|\\^`]/u.test(text)) throw rejected('URI', text, 'holds a character that must be percent-encoded')
  const head = `${scheme.toLowerCase()}:`
  const place = authority === undefined ? '' : `//${canonicalAuthority(authority, text)}`
  return head + place + encodeNonAscii(rest, text)
}

function canonicalAuthority(authority: string, shown: string): string {
  const at = authority.lastIndexOf('@')
  const user = authority.slice(0, at + 1)
  const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:]*)((?::\d*)?)$/.exec(authority.slice(at + 1)) ?? []
  return encodeNonAscii(user, shown) + canonicalHost(host, shown) + port
}

// RFC 5280 §4.2.1.6: with an authority, the host is a full domain name or an address.
function canonicalHost(host: string, shown: string): string {
  if (host === '') throw rejected('URI', shown, 'has no host, or one that cannot be read')
  if (host.startsWith('[') && isIPv6(host.slice(1, -1))) return `[${canonicalIp(host.slice(1, -1))}]`
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) ? canonicalIp(host) : asciiHost(host, shown)
}

function encodeNonAscii(text: string, shown: string): string {
  if (/^[\x21-\x7e]*$/.test(text)) return text
  try {
    return text.replace(/\P{ASCII}+/gu, encodeURIComponent)
  } catch {
    throw rejected('URI', shown, 'holds half of a character')
  }
}
