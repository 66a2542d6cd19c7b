import { element, oid, sequence, setOf } from '../../src/der/writer.js'

export const text = {
  utf8: (value: string) => element(0x0c, Buffer.from(value)),
  printable: (value: string) => element(0x13, Buffer.from(value, 'latin1')),
  ia5: (value: string) => element(0x16, Buffer.from(value, 'latin1')),
  teletex: (value: string) => element(0x14, Buffer.from(value, 'latin1')),
  bmp: (value: string) => element(0x1e, Buffer.from(value, 'utf16le').swap16()),
  universal: (value: string) => element(0x1c, ...[...value].map(pointOf)),
} as const

function pointOf(character: string): Uint8Array {
  const four = Buffer.alloc(4)
  four.writeUInt32BE(character.codePointAt(0) ?? 0)
  return four
}

export const nameOids = {
  cn: '2.5.4.3',
  c: '2.5.4.6',
  o: '2.5.4.10',
  ou: '2.5.4.11',
  l: '2.5.4.7',
  dc: '0.9.2342.19200300.100.1.25',
  email: '1.2.840.113549.1.9.1',
  unknown: '1.3.6.1.4.1.99999.7',
} as const

export function attribute(type: string, value: Uint8Array): Uint8Array {
  return sequence(oid(type), value)
}

/** A Name with one attribute per part. */
export function name(...attributes: readonly Uint8Array[]): Uint8Array {
  return sequence(...attributes.map((one) => setOf(one)))
}

export const commonName = (value: string) => name(attribute(nameOids.cn, text.utf8(value)))
