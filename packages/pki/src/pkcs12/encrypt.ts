import { createCipheriv, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { tags } from '../der/primitives.js'
import { element, octetString, oid, sequence, smallInteger } from '../der/writer.js'
import { deriveBytes } from './derive-bytes.js'

export interface Encrypted {
  /** AlgorithmIdentifier, DER. */
  algorithm: Uint8Array
  content: Uint8Array
}

export type Encrypt = (content: Uint8Array, password: string, random: Random) => Promise<Encrypted>
export type Random = (bytes: number) => Uint8Array

const nullParameters = element(tags.null)
const modernIterations = 10_000
const legacyIterations = 2000

/** PBES2 with PBKDF2 (HMAC-SHA-256) and AES-256-CBC (RFC 8018): what OpenSSL 1.1 and Java 8u301 read and later ones write. */
export const encryptModern: Encrypt = async (content, password, random) => {
  const salt = random(16)
  const iv = random(16)
  const key = await promisify(pbkdf2)(Buffer.from(password, 'utf8'), salt, modernIterations, 32, 'sha256')
  const derivation = sequence(
    oid('1.2.840.113549.1.5.12'),
    sequence(octetString(salt), smallInteger(modernIterations), sequence(oid('1.2.840.113549.2.9'), nullParameters)),
  )
  const scheme = sequence(oid('2.16.840.1.101.3.4.1.42'), octetString(iv))
  return {
    algorithm: sequence(oid('1.2.840.113549.1.5.13'), sequence(derivation, scheme)),
    content: encipher({ name: 'aes-256-cbc', key, iv }, content),
  }
}

/** pbeWithSHAAnd3-KeyTripleDES-CBC (RFC 7292 appendix C): weak, for importers that know nothing else, such as Windows Server 2016. */
export const encryptLegacy: Encrypt = async (content, password, random) => {
  const salt = random(8)
  const given = { algorithm: 'sha1', password, salt, iterations: legacyIterations } as const
  const key = deriveBytes({ ...given, purpose: 'key', length: 24 })
  const iv = deriveBytes({ ...given, purpose: 'iv', length: 8 })
  return {
    algorithm: sequence(oid('1.2.840.113549.1.12.1.3'), sequence(octetString(salt), smallInteger(legacyIterations))),
    content: encipher({ name: 'des-ede3-cbc', key, iv }, content),
  }
}

function encipher(
  { name, key, iv }: { name: string; key: Uint8Array; iv: Uint8Array },
  content: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv(name, key, iv)
  return Buffer.concat([cipher.update(content), cipher.final()])
}
