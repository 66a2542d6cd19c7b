import type { IssuerHost } from '@certctl/core'

/** 126 random bits in 16 octets: positive whatever the draw (RFC 5280 §4.1.2.2), never zero, and always of one length. */
export function createSerialNumber(host: Pick<IssuerHost, 'random'>): Uint8Array {
  const octets = Uint8Array.from(host.random(16))
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40
  return octets
}
