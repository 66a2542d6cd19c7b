import { CertctlError, type ErrorCode } from '@certctl/core'
import type { Config } from './config.js'
import type { Signature } from './tsig.js'

export interface Answered {
  rcode: number
  signature: Signature | undefined
  /** Our clock when we asked. */
  now: Date
}

interface Refusal {
  code: ErrorCode
  title: string
  remedy(context: { config: Config; zone: string; name: string }): string
}

const keyOf = ({ tsig_key_name = 'none' }: Config): string => `the key "${tsig_key_name}"`

/** Of the signature (RFC 8945 §3). */
const signatureErrors: Readonly<Record<number, Refusal>> = {
  16: {
    code: 'unauthenticated',
    title: 'BADSIG',
    remedy: ({ config }) =>
      `the server knows ${keyOf(config)}, but not with this secret and algorithm (${config.tsig_algorithm}); compare both with its key statement`,
  },
  17: {
    code: 'unauthenticated',
    title: 'BADKEY',
    remedy: ({ config }) =>
      `the server does not know ${keyOf(config)} with ${config.tsig_algorithm}; compare the name and the algorithm with its key statement`,
  },
  22: {
    code: 'unauthenticated',
    title: 'BADTRUNC',
    remedy: ({ config }) =>
      `the server refuses the length of signatures with ${config.tsig_algorithm}; choose another algorithm`,
  },
}

/** Of the message (RFC 1035 §4.1.1, RFC 2136 §2.2). */
const messageErrors: Readonly<Record<number, Refusal>> = {
  1: { code: 'upstream_protocol', title: 'FORMERR', remedy: () => 'the server cannot read the message' },
  2: {
    code: 'upstream_unavailable',
    title: 'SERVFAIL',
    remedy: ({ zone }) => `the server failed; its log says why (is ${zone} loaded, and its journal writable?)`,
  },
  4: { code: 'unsupported', title: 'NOTIMP', remedy: () => 'the server takes no dynamic updates' },
  5: {
    code: 'forbidden',
    title: 'REFUSED',
    remedy: ({ config, zone, name }) =>
      `the server does not allow it to ${keyOf(config)}; in BIND, give the zone ${zone} update-policy { grant ${config.tsig_key_name ?? 'KEY'} name ${name} TXT; }, and thaw it if it is frozen`,
  },
  7: {
    code: 'conflict',
    title: 'YXRRSET',
    remedy: ({ name }) => `${name} is an alias (CNAME): the value belongs where it leads`,
  },
  9: {
    code: 'upstream_rejected',
    title: 'NOTAUTH',
    remedy: ({ config, zone }) =>
      `${config.server} is not the primary server of ${zone}, or knows no such key; configure the zone's primary`,
  },
  10: {
    code: 'config_invalid',
    title: 'NOTZONE',
    remedy: ({ zone, name }) => `${name} is not in the zone ${zone}; correct or remove the setting zone`,
  },
}

/** Throws what an answer other than NOERROR means, and what to do about it. */
export function requireAccepted(answered: Answered, context: { config: Config; zone: string; name: string }): void {
  const { rcode, signature, now } = answered
  const { config, name } = context
  const what = `The name server ${config.server} does not change ${name}`
  if (signature?.error === 18) throw new CertctlError('upstream_unavailable', `${what}: ${clockText(signature, now)}`)
  const refusal = signature === undefined || signature.error === 0 ? undefined : signatureErrors[signature.error]
  const found = refusal ?? (rcode === 0 ? undefined : (messageErrors[rcode] ?? unknown(rcode)))
  if (found !== undefined) throw new CertctlError(found.code, `${what}: ${found.title}: ${found.remedy(context)}`)
}

function clockText({ serverSeconds }: Signature, now: Date): string {
  const apart = serverSeconds === undefined ? undefined : Math.round(serverSeconds - now.getTime() / 1000)
  const distance =
    apart === undefined ? '' : ` by ${Math.abs(apart)} s (the server's is ${apart > 0 ? 'ahead' : 'behind'})`
  return `BADTIME: the clocks differ${distance}, and signatures hold for 300 s; correct them, for example with NTP`
}

function unknown(rcode: number): Refusal {
  return { code: 'upstream_rejected', title: `RCODE ${rcode}`, remedy: () => "the server's log says why" }
}
