import { isCertctlError } from '@certctl/core'
import { parseGeneralName } from '@certctl/pki'

export const methods = ['http-01', 'dns-01', 'dns-persist-01', 'tls-alpn-01'] as const
export type Method = (typeof methods)[number]

/** 'none': the issuer has no challenges, as far as is known here. */
export type Proof = Method | 'none'

/** The name as it is proven: without the wildcard. */
export type AskedName =
  | { kind: 'dns'; name: string; isWildcard: boolean }
  | { kind: 'address'; name: string }
  | { kind: 'malformed'; text: string; reason: string }

/** What a run is about. */
export interface Subject {
  asked: AskedName
  method: Proof
  /** Which issuer is to issue. */
  issuerId?: string | undefined
}

export function parseAskedName(text: string): AskedName {
  try {
    const { type, value } = parseGeneralName(text.replace(/\.$/, ''))
    if (type === 'ip') return { kind: 'address', name: value }
    if (type !== 'dns') return { kind: 'malformed', text, reason: 'this is neither a DNS name nor an IP address' }
    const isWildcard = value.startsWith('*.')
    return { kind: 'dns', name: isWildcard ? value.slice(2) : value, isWildcard }
  } catch (error) {
    if (isCertctlError(error)) return { kind: 'malformed', text, reason: error.message }
    throw error
  }
}

/** The name that is looked at in DNS; `undefined` where there is none. */
export function dnsNameOf({ asked }: Subject): string | undefined {
  return asked.kind === 'dns' ? asked.name : undefined
}

/** Where the method has its TXT record; `undefined` for methods that have none. */
export function challengeNameOf(subject: Subject): string | undefined {
  const name = dnsNameOf(subject)
  if (name === undefined) return undefined
  if (subject.method === 'dns-01') return `_acme-challenge.${name}`
  return subject.method === 'dns-persist-01' ? `_validation-persist.${name}` : undefined
}

/** Whether the CA connects to the name itself. */
export function isProvenByConnecting({ method }: Subject): boolean {
  return method === 'http-01' || method === 'tls-alpn-01'
}
