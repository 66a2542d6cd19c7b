import { bitString, element, oid, sequence } from '../../src/der/writer.js'
import { testKeys } from './keys.js'
import { commonName } from './names.js'

/** Every piece of a certificate as DER, so that a test can put anything anywhere. */
export interface CertificateParts {
  version: Uint8Array
  serial: Uint8Array
  innerAlgorithm: Uint8Array
  issuer: Uint8Array
  validity: Uint8Array
  subject: Uint8Array
  spki: Uint8Array
  uniqueIds: Uint8Array
  /** Whole Extension elements; `undefined`: no list at all. */
  extensions: readonly Uint8Array[] | undefined
  outerAlgorithm: Uint8Array
  signature: Uint8Array
  /** After the last element of the signed part. */
  innerTail: Uint8Array
  /** After the certificate. */
  tail: Uint8Array
}

const nothing = new Uint8Array()

export const versions = {
  v1: nothing,
  explicitV1: element(0xa0, element(0x02, Uint8Array.of(0))),
  v2: element(0xa0, element(0x02, Uint8Array.of(1))),
  v3: element(0xa0, element(0x02, Uint8Array.of(2))),
  v4: element(0xa0, element(0x02, Uint8Array.of(3))),
} as const

export const utcTime = (digits: string) => element(0x17, Buffer.from(digits))
export const generalizedTime = (digits: string) => element(0x18, Buffer.from(digits))
export const validity = (from: Uint8Array, to: Uint8Array) => sequence(from, to)

export const plainParts: CertificateParts = {
  version: versions.v3,
  serial: element(0x02, Uint8Array.of(0x01)),
  innerAlgorithm: testKeys.p256.algorithm,
  issuer: commonName('Forge CA'),
  validity: validity(utcTime('260101000000Z'), utcTime('270101000000Z')),
  subject: commonName('www.example.com'),
  spki: testKeys.p256.spki,
  uniqueIds: nothing,
  extensions: undefined,
  outerAlgorithm: testKeys.p256.algorithm,
  // A signature in form only: reading never verifies.
  signature: bitString(sequence(element(0x02, Uint8Array.of(1)), element(0x02, Uint8Array.of(1)))),
  innerTail: nothing,
  tail: nothing,
}

export function forgeCertificate(overrides: Partial<CertificateParts> = {}): Uint8Array {
  const parts = { ...plainParts, ...overrides }
  const list = parts.extensions === undefined ? nothing : element(0xa3, sequence(...parts.extensions))
  const signed = sequence(
    parts.version,
    parts.serial,
    parts.innerAlgorithm,
    parts.issuer,
    parts.validity,
    parts.subject,
    parts.spki,
    parts.uniqueIds,
    list,
    parts.innerTail,
  )
  return Buffer.concat([sequence(signed, parts.outerAlgorithm, parts.signature), parts.tail])
}

/** An Extension with any critical mark, also those DER leaves out. */
export function extension(identifier: string, value: Uint8Array, critical: Uint8Array = nothing): Uint8Array {
  return sequence(oid(identifier), critical, element(0x04, value))
}

export const criticalMark = element(0x01, Uint8Array.of(0xff))
