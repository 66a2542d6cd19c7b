import { createHash, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createReader, enter, leave, walk } from '../../src/der/reader.js'
import { encodePem, encodePkcs12, pkcs12Formats } from '../../src/index.js'
import { createPair, type Pair } from './material.js'

let root: Pair
let leaf: Pair
beforeAll(async () => {
  ;({ root, leaf } = await createPair('EC-P256'))
})

/** Node's TLS reads a file with OpenSSL, so that what it accepts is sound: structure, MAC, encryption and key. */
function open(pfx: Uint8Array, passphrase: string): void {
  createSecureContext({ pfx: Buffer.from(pfx), passphrase })
}

const withKey = () => ({ certificates: [leaf.der, root.der], privateKeyPem: leaf.privateKeyPem })

describe('a PKCS #12 file', () => {
  it.each(pkcs12Formats)('in the %s format opens with its password and no other', async (format) => {
    const file = await encodePkcs12({ ...withKey(), password: 'correct horse', format })
    expect(() => open(file, 'correct horse')).not.toThrow()
    expect(() => open(file, 'wrong horse')).toThrow(/mac verify/i)
    expect(() => open(file, '')).toThrow(/mac verify/i)
  })

  it.each(pkcs12Formats)('in the %s format is one DER element, read strictly to its end', async (format) => {
    const file = await encodePkcs12({ ...withKey(), password: 'p', format })
    const reader = createReader(file, { code: 'request_malformed', what: 'file', maxBytes: 1_000_000 })
    const outer = enter(reader, 0x30, 'the file')
    while (reader.at < reader.end) walk(reader, 'a part')
    leave(reader, outer, 'the file')
    expect(reader.at).toBe(file.length)
  })

  it.each(pkcs12Formats)('in the %s format shows neither key nor certificate in the clear', async (format) => {
    const file = Buffer.from(await encodePkcs12({ ...withKey(), password: 'p', format }))
    const pkcs8 = Buffer.from(leaf.privateKeyPem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
    expect(file.includes(pkcs8.subarray(30, 70))).toBe(false)
    expect(file.includes(Buffer.from('leaf.example.test'))).toBe(false)
    expect(file.includes(Buffer.from(leaf.der.subarray(20, 60)))).toBe(false)
  })

  it('is another one each time, for the same contents', async () => {
    const files = await Promise.all(
      Array.from({ length: 4 }, async () => await encodePkcs12({ ...withKey(), password: 'p' })),
    )
    expect(new Set(files.map((file) => createHash('sha256').update(file).digest('hex'))).size).toBe(4)
  })

  it('is the same one for the same random octets', async () => {
    const options = { ...withKey(), password: 'p', random: (bytes: number) => new Uint8Array(bytes).fill(5) }
    expect(Buffer.compare(await encodePkcs12(options), await encodePkcs12(options))).toBe(0)
  })

  it('asks for fresh random octets for every salt and vector', async () => {
    const asked: number[] = []
    const random = (bytes: number): Uint8Array => {
      asked.push(bytes)
      return new Uint8Array(bytes).fill(asked.length)
    }
    await encodePkcs12({ ...withKey(), password: 'p', random })
    expect(asked).toEqual([16, 16, 16, 16, 16])
    asked.length = 0
    await encodePkcs12({ ...withKey(), password: 'p', format: 'legacy', random })
    expect(asked).toEqual([8, 8, 8])
  })

  it('needs a certificate', async () => {
    await expect(encodePkcs12({ certificates: [], password: '' })).rejects.toMatchObject({
      code: 'request_malformed',
      message: expect.stringContaining('at least one certificate'),
    })
  })

  it('is refused for a key of another certificate', async () => {
    const wrong = { certificates: [root.der, leaf.der], privateKeyPem: leaf.privateKeyPem, password: 'p' }
    await expect(encodePkcs12(wrong)).rejects.toMatchObject({
      code: 'request_malformed',
      message: expect.stringContaining('does not belong'),
    })
  })

  it('is refused for octets that are no certificate', async () => {
    const wrong = encodePkcs12({ certificates: [new Uint8Array([1, 2, 3])], password: 'p' })
    await expect(wrong).rejects.toMatchObject({ code: 'request_malformed' })
  })

  it('opens for any password, name and format', async () => {
    const format = fc.constantFrom(...pkcs12Formats)
    // Node hands passwords on as C strings.
    const password = fc.string({ unit: 'grapheme', maxLength: 80 }).filter((text) => !text.includes('\0'))
    const friendlyName = fc.option(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }), { nil: undefined })
    await fc.assert(
      fc.asyncProperty(fc.record({ format, password, friendlyName }), async (options) => {
        open(await encodePkcs12({ ...withKey(), ...options }), options.password)
      }),
      { numRuns: 60 },
    )
  })

  it('has no octet under the MAC that could be changed without being noticed', async () => {
    const file = await encodePkcs12({ ...withKey(), password: 'p' })
    // Version and content type stand before it, digest, salt and iterations behind it.
    const [from, to] = [40, file.length - 90]
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: from, max: to }), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const torn = Uint8Array.from(file)
        torn[at] = (torn[at] ?? 0) ^ change
        expect(() => open(torn, 'p')).toThrow()
      }),
      { numRuns: 100 },
    )
  })
})

it('the certificates of these tests are what they should be', () => {
  const certificate = new X509Certificate(encodePem('CERTIFICATE', leaf.der))
  expect(certificate.verify(new X509Certificate(encodePem('CERTIFICATE', root.der)).publicKey)).toBe(true)
})
