import { hash } from 'node:crypto'

/** By way of a string: Node 20 takes three times as long to make the digest a buffer itself. */
export function sha256(bytes: Uint8Array): Buffer {
  return Buffer.from(hash('sha256', bytes, 'binary'), 'binary')
}
