import { CertctlError } from '@certctl/core'

/** Key usages in the order of their bits (RFC 5280 §4.2.1.3). */
export const keyUsageNames = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const
export type KeyUsage = (typeof keyUsageNames)[number]

/** The usage of this name, in any case; `contentCommitment` is the newer word for `nonRepudiation`. Throws `request_malformed`. */
export function keyUsageOf(text: string): KeyUsage {
  const lower = text.toLowerCase()
  const found = keyUsageNames.find((name) => name.toLowerCase() === lower)
  if (found !== undefined) return found
  if (lower === 'contentcommitment') return 'nonRepudiation'
  throw new CertctlError(
    'request_malformed',
    `"${text.slice(0, 80)}" is not a key usage; the usages are ${keyUsageNames.join(', ')}`,
  )
}
