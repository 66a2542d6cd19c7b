import { element } from '../../src/der/writer.js'

/** BER that DER forbids, for the tests that must see it refused. */

/** A length in one octet more than needed. */
export function longLength(tag: number, content: Uint8Array): Uint8Array {
  const plain = element(tag, content)
  const length = plain.subarray(1, plain.length - content.length)
  const first = length[0] ?? 0
  const longer = first < 0x80 ? [0x81, first] : [first + 1, 0, ...length.subarray(1)]
  return Buffer.concat([Uint8Array.of(tag, ...longer), content])
}

/** Content up to an end-of-contents mark. */
export function indefiniteLength(tag: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(tag, 0x80), content, Uint8Array.of(0, 0)])
}

/** A string in two pieces. */
export function inPieces(tag: number, content: Uint8Array): Uint8Array {
  const half = content.length >> 1
  return element(tag | 0x20, element(tag, content.subarray(0, half)), element(tag, content.subarray(half)))
}
