/** The record of dns-persist-01 (draft-ietf-acme-dns-persist-01), in the grammar of CAA's issue value (RFC 8659 §4.2). */
export interface PersistRecord {
  issuerDomain: string
  accountUri: string | undefined
  /** `policy=wildcard`: for wildcards and names below. */
  coversWildcard: boolean
  /** Unix seconds. */
  persistUntil: number | undefined
}

export function persistValueOf({ issuerDomain, accountUri, coversWildcard, persistUntil }: PersistRecord): string {
  return [
    issuerDomain,
    ...(accountUri === undefined ? [] : [`accounturi=${accountUri}`]),
    ...(coversWildcard ? ['policy=wildcard'] : []),
    ...(persistUntil === undefined ? [] : [`persistUntil=${persistUntil}`]),
  ].join('; ')
}

const blanks = /^[ \t]+|[ \t]+$/g
const label = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/
const tagForm = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/
/** Printable ASCII without space and semicolon. */
const valueForm = /^[\x21-\x3a\x3c-\x7e]*$/

export function isIssuerDomain(text: string): boolean {
  return text.split('.').every((part) => label.test(part))
}

/** `undefined`: malformed, which CAs take for no record at all. Unknown tags are ignored, a repeated one is malformed. */
export function parsePersistRecord(text: string): PersistRecord | undefined {
  const [domain = '', ...parts] = text.split(';').map((part) => part.replace(blanks, ''))
  if (!isIssuerDomain(domain)) return undefined
  const tags = new Map<string, string>()
  for (const part of parts) {
    const at = part.indexOf('=')
    const tag = part.slice(0, Math.max(at, 0)).replace(blanks, '').toLowerCase()
    const value = part.slice(at + 1).replace(blanks, '')
    if (at === -1 || !tagForm.test(tag) || !valueForm.test(value) || tags.has(tag)) return undefined
    tags.set(tag, value)
  }
  const until = tags.get('persistuntil')
  if (until !== undefined && !/^\d{1,12}$/.test(until)) return undefined
  return {
    issuerDomain: domain.toLowerCase(),
    accountUri: tags.get('accounturi'),
    coversWildcard: tags.get('policy')?.toLowerCase() === 'wildcard',
    persistUntil: until === undefined ? undefined : Number(until),
  }
}

/** Whether a record that stands already authorizes what the wanted one would. */
export function authorizes(text: string, wanted: PersistRecord, now: Date): boolean {
  const found = parsePersistRecord(text)
  if (found === undefined || found.issuerDomain !== wanted.issuerDomain.toLowerCase()) return false
  if (found.accountUri !== wanted.accountUri || (wanted.coversWildcard && !found.coversWildcard)) return false
  if (wanted.persistUntil !== undefined) return found.persistUntil === wanted.persistUntil
  return found.persistUntil === undefined || found.persistUntil * 1000 > now.getTime()
}
