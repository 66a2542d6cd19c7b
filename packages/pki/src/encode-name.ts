import { CertctlError } from '@certctl/core'
import { attributeOid } from './attribute-types.js'
import { isOid } from './der/oid-text.js'
import { tags } from './der/primitives.js'
import { asciiString, oid, sequence, setOf, utf8String } from './der/writer.js'
import type { NameAttribute } from './distinguished-name.js'

/** A Name of one attribute per part, in this order. Throws `request_malformed` for a type nobody knows or a value that is empty, too long or not of its type. */
export function encodeName(attributes: readonly NameAttribute[]): Uint8Array {
  return sequence(...attributes.map((attribute) => setOf(encodeAttribute(attribute))))
}

function encodeAttribute({ type, value }: NameAttribute): Uint8Array {
  const identifier = attributeOid(type) ?? type
  if (!isOid(identifier))
    throw wrong(type, 'is not a known attribute; write CN, O, OU, C, ST, L, … or an object identifier')
  checkValue(type, value, bounds[identifier] ?? 256)
  return sequence(oid(identifier), encodeValue(identifier, value))
}

const ids = {
  country: '2.5.4.6',
  jurisdictionCountry: '1.3.6.1.4.1.311.60.2.1.3',
  email: '1.2.840.113549.1.9.1',
  domainComponent: '0.9.2342.19200300.100.1.25',
  serialNumber: '2.5.4.5',
  dnQualifier: '2.5.4.46',
} as const

// RFC 5280 appendix A.1, upper bounds.
const bounds: Readonly<Record<string, number>> = {
  '2.5.4.3': 64,
  '2.5.4.10': 64,
  '2.5.4.11': 64,
  '2.5.4.7': 128,
  '2.5.4.8': 128,
  [ids.serialNumber]: 64,
  [ids.email]: 255,
}

function checkValue(type: string, value: string, longest: number): void {
  if (value === '') throw wrong(type, 'is empty')
  if ([...value].length > longest) throw wrong(type, `has more than ${longest} characters (RFC 5280)`)
  if (/\p{Cc}|\p{Cs}/u.test(value)) throw wrong(type, 'holds a control character or half of one')
}

function encodeValue(identifier: string, value: string): Uint8Array {
  if (identifier === ids.email || identifier === ids.domainComponent) return asciiString(tags.ia5String, value)
  if (identifier === ids.country || identifier === ids.jurisdictionCountry) return encodeCountry(value)
  if (identifier === ids.serialNumber || identifier === ids.dnQualifier) return printable(identifier, value)
  return utf8String(value)
}

function encodeCountry(value: string): Uint8Array {
  if (!/^[A-Za-z]{2}$/.test(value)) throw wrong('C', 'is not a country code of two letters')
  return asciiString(tags.printableString, value.toUpperCase())
}

function printable(identifier: string, value: string): Uint8Array {
  if (!/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value))
    throw wrong(identifier, 'holds a character that PrintableString does not have')
  return asciiString(tags.printableString, value)
}

function wrong(type: string, fault: string): CertctlError {
  return new CertctlError('request_malformed', `The subject attribute "${type.slice(0, 80)}" ${fault}`)
}
