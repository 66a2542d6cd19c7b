import { describe, expect, it } from '@jest/globals'
import { type Derivation, deriveBytes } from '../../src/pkcs12/derive-bytes.js'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Published with the algorithm and used by several implementations: password, salt, iterations, purpose, result. */
const vectors: readonly [string, string, number, Derivation['purpose'], string][] = [
  ['smeg', '0a58cf64530d823f', 1, 'key', '8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3'],
  ['smeg', '0a58cf64530d823f', 1, 'iv', '79993dfe048d3b76'],
  ['smeg', '3d83c0e4546ac140', 1, 'mac', '8d967d88f6caa9d714800ab3d48051d63f73a312'],
  ['queeg', '05dec959acff72f7', 1000, 'key', 'ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4'],
  ['queeg', '05dec959acff72f7', 1000, 'iv', '11dedad7758d4860'],
  ['queeg', '263216fcc2fab31c', 1000, 'mac', '5ec4c7a80df652294c3925b6489a7ab857c83476'],
]

describe('the key derivation of PKCS #12', () => {
  it.each(vectors)(
    'gives what others give: %s, salt %s, %i iterations, for the %s',
    (password, salt, iterations, purpose, expected) => {
      const length = expected.length / 2
      const given = {
        algorithm: 'sha1',
        password,
        salt: Buffer.from(salt, 'hex'),
        iterations,
        purpose,
        length,
      } as const
      expect(hex(deriveBytes(given))).toBe(expected)
    },
  )

  it('gives as many octets as are asked for, and the same ones first', () => {
    const given = { password: 'p', salt: Buffer.alloc(16, 7), iterations: 3, purpose: 'key' } as const
    for (const algorithm of ['sha1', 'sha256'] as const) {
      const long = deriveBytes({ ...given, algorithm, length: 200 })
      expect(long).toHaveLength(200)
      for (const length of [1, 19, 20, 21, 32, 33, 64, 65, 128])
        expect(hex(deriveBytes({ ...given, algorithm, length }))).toBe(hex(long.subarray(0, length)))
    }
  })

  it('differs by purpose, salt, password and iterations', () => {
    const given = {
      algorithm: 'sha256',
      password: 'p',
      salt: Buffer.alloc(16, 7),
      iterations: 3,
      purpose: 'key',
      length: 32,
    } as const
    const others = [
      given,
      { ...given, purpose: 'iv' as const },
      { ...given, purpose: 'mac' as const },
      { ...given, salt: Buffer.alloc(16, 8) },
      { ...given, password: '' },
      { ...given, password: 'P' },
      { ...given, iterations: 4 },
    ].map((each) => hex(deriveBytes(each)))
    expect(new Set(others).size).toBe(others.length)
  })
})
