import { bitString, element, oid, sequence, setOf } from '../../src/der/writer.js'
import { type TestKey, testKeys } from './keys.js'
import { commonName } from './names.js'

export interface CsrParts {
  version: Uint8Array
  subject: Uint8Array
  spki: Uint8Array
  /** Whole Attribute elements; `undefined`: the set is left out. */
  attributes: readonly Uint8Array[] | undefined
  algorithm: Uint8Array
  signature(signed: Uint8Array): Uint8Array
  innerTail: Uint8Array
  tail: Uint8Array
}

const nothing = new Uint8Array()

/** A CSR with every piece open to change, signed with the key unless `signature` says otherwise. */
export function forgeCsr(key: TestKey = testKeys.p256, overrides: Partial<CsrParts> = {}): Uint8Array {
  const parts: CsrParts = {
    version: element(0x02, Uint8Array.of(0)),
    subject: commonName('www.example.com'),
    spki: key.spki,
    attributes: [],
    algorithm: key.algorithm,
    signature: (signed) => bitString(key.sign(signed)),
    innerTail: nothing,
    tail: nothing,
    ...overrides,
  }
  const attributes = parts.attributes === undefined ? nothing : element(0xa0, ...parts.attributes)
  const info = sequence(parts.version, parts.subject, parts.spki, attributes, parts.innerTail)
  return Buffer.concat([sequence(info, parts.algorithm, parts.signature(info)), parts.tail])
}

export function attributeOf(identifier: string, ...values: readonly Uint8Array[]): Uint8Array {
  return sequence(oid(identifier), setOf(...values))
}

/** The extensionRequest attribute. */
export function requesting(...extensions: readonly Uint8Array[]): Uint8Array {
  return attributeOf('1.2.840.113549.1.9.14', sequence(...extensions))
}
