import { tags } from '../der/primitives.js'
import { element, octetString, oid, sequence, setOf } from '../der/writer.js'

export interface BagNames {
  friendlyName?: string | undefined
  /** Joins a key and its certificate. */
  localKeyId?: Uint8Array | undefined
  /** Java lists a certificate without a key only where it carries this mark. */
  trusted?: boolean | undefined
}

/** CertBag with an X.509 certificate (RFC 7292 §4.2.3). */
export function certificateBag(der: Uint8Array, names: BagNames): Uint8Array {
  const bag = sequence(oid('1.2.840.113549.1.9.22.1'), element(explicit, octetString(der)))
  return safeBag('1.2.840.113549.1.12.10.1.3', bag, names)
}

/** Pkcs8ShroudedKeyBag (RFC 7292 §4.2.2) around an EncryptedPrivateKeyInfo. */
export function shroudedKeyBag(encryptedKeyInfo: Uint8Array, names: BagNames): Uint8Array {
  return safeBag('1.2.840.113549.1.12.10.1.2', encryptedKeyInfo, names)
}

/** The tag of `[0] EXPLICIT`. */
export const explicit = 0xa0

function safeBag(type: string, value: Uint8Array, names: BagNames): Uint8Array {
  const attributes = attributesOf(names)
  const written = attributes.length === 0 ? [] : [setOf(...attributes)]
  return sequence(oid(type), element(explicit, value), ...written)
}

function attributesOf({ friendlyName, localKeyId, trusted = false }: BagNames): Uint8Array[] {
  return [
    ...(friendlyName === undefined ? [] : [attribute('1.2.840.113549.1.9.20', bmpString(friendlyName))]),
    ...(localKeyId === undefined ? [] : [attribute('1.2.840.113549.1.9.21', octetString(localKeyId))]),
    // Trusted for any purpose.
    ...(trusted ? [attribute('2.16.840.1.113894.746875.1.1', oid('2.5.29.37.0'))] : []),
  ]
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return sequence(oid(type), setOf(value))
}

function bmpString(text: string): Uint8Array {
  return element(tags.bmpString, Buffer.from(text, 'utf16le').swap16())
}
