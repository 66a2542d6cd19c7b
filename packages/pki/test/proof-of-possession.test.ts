import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { bitString, oid, sequence } from '../src/der/writer.js'
import { checkKeyPolicy, checkProofOfPossession, type PublicKeyInfo, parseCsr } from '../src/index.js'
import { importPublicKey } from '../src/proof-of-possession.js'
import { forgeCsr } from './forge/csr.js'
import { oddModulus, rsaSpki, testKeys } from './forge/keys.js'

const keyOf = (spki: Uint8Array): PublicKeyInfo => parseCsr(forgeCsr(testKeys.p256, { spki })).publicKey
const rejected = (says: string) =>
  expect.objectContaining({ code: 'csr_rejected', message: expect.stringContaining(says) })

describe('the fast ways to import a key', () => {
  it.each(Object.values(testKeys).map((key) => [key.name, key.spki] as const))(
    'give the same key as the slow one: %s',
    (_, spki) => {
      const slow = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
      expect(importPublicKey(keyOf(spki)).equals(slow)).toBe(true)
    },
  )

  it.each([2048, 3072, 4096])('find an RSA key of %d bits behind headers of any length', (modulusLength) => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength, publicExponent: 3 })
    const spki = publicKey.export({ type: 'spki', format: 'der' })
    expect(importPublicKey(keyOf(spki)).equals(publicKey)).toBe(true)
  })

  it.each([
    ['P-256', '1.2.840.10045.3.1.7', 32],
    ['P-384', '1.3.132.0.34', 48],
    ['P-521', '1.3.132.0.35', 66],
  ] as const)('refuse a point that is not on %s', (_, curve, octets) => {
    const point = new Uint8Array(1 + 2 * octets).fill(1)
    point[0] = 4
    const spki = sequence(sequence(oid('1.2.840.10045.2.1'), oid(curve)), bitString(point))
    expect(() => importPublicKey(keyOf(spki))).toThrow(rejected('lie on the curve'))
  })

  it('refuse the point at infinity and coordinates beyond the field by shape or by curve', () => {
    const curve = sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7'))
    expect(() => keyOf(sequence(curve, bitString(Uint8Array.of(0))))).toThrow(rejected('uncompressed'))
    const beyond = new Uint8Array(65).fill(0xff)
    beyond[0] = 4
    expect(() => importPublicKey(keyOf(sequence(curve, bitString(beyond))))).toThrow(rejected('lie on the curve'))
  })

  it('refuse a compressed point in words that help', () => {
    const curve = sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7'))
    const compressed = Uint8Array.of(2, ...testKeys.p256.spki.subarray(27, 59))
    expect(() => keyOf(sequence(curve, bitString(compressed)))).toThrow(rejected('uncompressed form'))
  })
})

describe('proof of possession', () => {
  it.each(Object.values(testKeys).map((key) => [key.name, key] as const))(
    'holds for a CSR signed by its own %s key',
    (_, key) => {
      expect(() => checkProofOfPossession(parseCsr(forgeCsr(key)))).not.toThrow()
    },
  )

  it.each(Object.values(testKeys).map((key) => [key.name, key] as const))(
    'fails for a %s signature with any one bit changed',
    (_, key) => {
      const der = Uint8Array.from(forgeCsr(key))
      for (const before of [1, 9, 30]) {
        const changed = Uint8Array.from(der)
        changed[changed.length - before] = (changed[changed.length - before] ?? 0) ^ 4
        expect(() => checkProofOfPossession(parseCsr(changed))).toThrow(rejected('does not fit'))
      }
    },
  )

  it('fails for an ECDSA signature in another encoding than DER', () => {
    const raw = forgeCsr(testKeys.p256, { signature: () => bitString(new Uint8Array(64).fill(1)) })
    expect(() => checkProofOfPossession(parseCsr(raw))).toThrow(rejected('does not fit'))
  })

  it('fails for an empty signature', () => {
    for (const key of Object.values(testKeys)) {
      const der = forgeCsr(key, { signature: () => bitString(new Uint8Array()) })
      expect(() => checkProofOfPossession(parseCsr(der))).toThrow(rejected('does not fit'))
    }
  })
})

describe('the key policy', () => {
  const rsa = (bits: number, ...exponent: readonly number[]) =>
    keyOf(rsaSpki(oddModulus(bits), Uint8Array.from(exponent)))

  it.each([
    [2048, [3]],
    [2048, [1, 0, 1]],
    [3072, [17]],
    [8192, [1, 0, 1]],
    [2048, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ])('takes RSA of %d bits with the exponent %j', (bits, exponent) => {
    expect(() => checkKeyPolicy(rsa(bits, ...exponent))).not.toThrow()
  })

  it.each([
    [2040, [1, 0, 1], '2040 bits; at least 2048'],
    [512, [1, 0, 1], '512 bits'],
    [8200, [1, 0, 1], '8200 bits; at most 8192'],
    [2048, [1], 'exponent is 1'],
    [2048, [2], 'exponent is 2'],
    [2048, [4], 'exponent is 4, which is even'],
    [2048, [1, 0, 0], '65536, which is even'],
    [2048, [1, 0, 0, 0, 0, 0, 0, 0, 1], 'more than 64 bits'],
    [2048, [2, 0, 0, 0, 0, 0, 0, 0, 0], 'very large, which is even'],
  ])('refuses RSA of %d bits with the exponent %j: %s', (bits, exponent, says) => {
    expect(() => checkKeyPolicy(rsa(bits, ...exponent))).toThrow(rejected(says))
  })

  it('takes the accepted curves and Ed25519 as they are', () => {
    for (const key of [testKeys.p256, testKeys.p384, testKeys.p521, testKeys.ed25519])
      expect(() => checkKeyPolicy(keyOf(key.spki))).not.toThrow()
  })
})
