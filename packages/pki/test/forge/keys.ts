import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { bitString, element, oid, sequence, unsignedInteger } from '../../src/der/writer.js'
import { keyOids } from '../../src/key-oids.js'
import { signatureOids } from '../../src/signature-oids.js'

/** A key with the usual way it signs. Made once per run: keys are dear, certificates are many. */
export interface TestKey {
  name: string
  privateKey: KeyObject
  spki: Uint8Array
  /** AlgorithmIdentifier of its signatures. */
  algorithm: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

const nullElement = element(0x05)

export const algorithmIds = {
  ecdsaSha256: sequence(oid(signatureOids.ecdsaSha256)),
  ecdsaSha384: sequence(oid(signatureOids.ecdsaSha384)),
  ecdsaSha512: sequence(oid(signatureOids.ecdsaSha512)),
  rsaSha256: sequence(oid(signatureOids.rsaSha256), nullElement),
  rsaSha384: sequence(oid(signatureOids.rsaSha384), nullElement),
  rsaSha512: sequence(oid(signatureOids.rsaSha512), nullElement),
  rsaSha1: sequence(oid(signatureOids.rsaSha1), nullElement),
  rsaMd5: sequence(oid(signatureOids.rsaMd5), nullElement),
  ecdsaSha1: sequence(oid(signatureOids.ecdsaSha1)),
  ed25519: sequence(oid(signatureOids.ed25519)),
} as const

function keyOf(
  name: string,
  pair: { publicKey: KeyObject; privateKey: KeyObject },
  algorithm: Uint8Array,
  hash: string | null,
): TestKey {
  return {
    name,
    privateKey: pair.privateKey,
    spki: pair.publicKey.export({ type: 'spki', format: 'der' }),
    algorithm,
    sign: (bytes) => sign(hash, bytes, pair.privateKey),
  }
}

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })

export const testKeys = {
  p256: keyOf('P-256', ec('P-256'), algorithmIds.ecdsaSha256, 'sha256'),
  p384: keyOf('P-384', ec('P-384'), algorithmIds.ecdsaSha384, 'sha384'),
  p521: keyOf('P-521', ec('P-521'), algorithmIds.ecdsaSha512, 'sha512'),
  ed25519: keyOf('Ed25519', generateKeyPairSync('ed25519'), algorithmIds.ed25519, null),
  rsa: keyOf('RSA-2048', generateKeyPairSync('rsa', { modulusLength: 2048 }), algorithmIds.rsaSha256, 'sha256'),
} as const

/** Keys nobody should certify. */
export const oddKeys = {
  rsa1024: keyOf('RSA-1024', generateKeyPairSync('rsa', { modulusLength: 1024 }), algorithmIds.rsaSha256, 'sha256'),
  secp256k1: keyOf('secp256k1', ec('secp256k1'), algorithmIds.ecdsaSha256, 'sha256'),
  explicit: keyOf(
    'explicit P-256',
    generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }),
    algorithmIds.ecdsaSha256,
    'sha256',
  ),
} as const

/** SubjectPublicKeyInfo of an RSA key with these numbers, sound or not. */
export function rsaSpki(modulus: Uint8Array, exponent: Uint8Array): Uint8Array {
  return rsaSpkiAround(sequence(unsignedInteger(modulus), unsignedInteger(exponent)))
}

export function rsaSpkiAround(key: Uint8Array, parameters: readonly Uint8Array[] = [nullElement]): Uint8Array {
  return sequence(sequence(oid(keyOids.rsa), ...parameters), bitString(key))
}

/** A modulus of so many bits that has no meaning. */
export function oddModulus(bits: number): Uint8Array {
  const modulus = new Uint8Array(bits / 8).fill(0xa5)
  modulus[0] = 0xc1
  return modulus
}
