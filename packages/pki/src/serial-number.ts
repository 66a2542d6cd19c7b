import type { SerialNumber } from '@certctl/core'

/** Lower-case hex of an unsigned number without leading zero octets; `00` for zero. */
export function serialNumberOf(bytes: Uint8Array): SerialNumber {
  let from = 0
  while (from < bytes.length - 1 && bytes[from] === 0) from++
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, bytes.length - from).toString('hex')
}

/** A serial number out of random octets: positive whatever the draw (RFC 5280 §4.1.2.2), and always of this length. Give it sixteen. */
export function positiveSerial(random: Uint8Array): Uint8Array {
  const octets = Uint8Array.from(random)
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40
  return octets
}
