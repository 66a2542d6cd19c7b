import { type KeyObject, sign } from 'node:crypto'

/** Bytes of the template, and what stands in their place: of the same length. */
export type Replacement = readonly [from: Uint8Array, to: Uint8Array]

/**
 * A signed structure (certificate or CSR) like the template, with some of its bytes replaced, and signed anew with a P-256 key. A
 * hundred times as fast as building one, for templates and replacements of which all lengths are equal.
 */
export function stamp(template: Uint8Array, replacements: readonly Replacement[], key: KeyObject): Uint8Array {
  const signed = elementAt(template, contentOffset(template, 0))
  const algorithm = elementAt(template, signed.end)
  const body = Buffer.from(template.subarray(signed.start, signed.end))
  for (const [from, to] of replacements) replace(body, from, to)
  const signature = sign('sha256', body, key)
  const bits = element(0x03, Buffer.concat([Buffer.of(0), signature]))
  return element(0x30, Buffer.concat([body, template.subarray(algorithm.start, algorithm.end), bits]))
}

function replace(body: Buffer, from: Uint8Array, to: Uint8Array): void {
  const at = body.indexOf(from)
  if (at < 0 || from.length !== to.length) throw new RangeError('the template does not have what is to be replaced')
  body.set(to, at)
}

function lengthAt(der: Uint8Array, offset: number): { length: number; header: number } {
  const first = der[offset + 1] ?? 0
  if (first < 0x80) return { length: first, header: 2 }
  const octets = der.subarray(offset + 2, offset + 2 + (first & 0x7f))
  return { length: octets.reduce((sum, octet) => sum * 256 + octet, 0), header: 2 + octets.length }
}

function contentOffset(der: Uint8Array, offset: number): number {
  return offset + lengthAt(der, offset).header
}

function elementAt(der: Uint8Array, start: number): { start: number; end: number } {
  const { length, header } = lengthAt(der, start)
  return { start, end: start + header + length }
}

function element(tag: number, content: Uint8Array): Buffer {
  const { length } = content
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(header), content])
}
