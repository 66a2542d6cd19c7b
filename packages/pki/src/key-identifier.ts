import { hash } from 'node:crypto'
import { readBitOctets, tags } from './der/primitives.js'
import { createReader, enter, readElement } from './der/reader.js'

/** RFC 7093 §2, method 1: the leftmost 160 bits of the SHA-256 over the key's bits. For keys we certify; an existing CA's identifier is read, never computed. */
export function keyIdentifierOf(spki: Uint8Array): Uint8Array {
  const reader = createReader(spki, { code: 'request_malformed', what: 'public key', maxBytes: 16_384 })
  enter(reader, tags.sequence, 'the public key')
  readElement(reader, tags.sequence, 'the key algorithm')
  return hash('sha256', readBitOctets(reader, 'the public key'), 'buffer').subarray(0, 20)
}
