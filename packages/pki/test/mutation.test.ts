import { rootCertificates } from 'node:tls'
import { CertctlError } from '@certctl/core'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { readCertificate } from '../src/certificate.js'
import { parseCsr, readCsr } from '../src/csr.js'
import { createReader, type DerReader, type ReaderOptions } from '../src/der/reader.js'
import { element, oid, sequence } from '../src/der/writer.js'
import { createCsr, decodePem, generateKey, parseCertificate, parseGeneralName } from '../src/index.js'
import { attributeOf, forgeCsr } from './forge/csr.js'
import { createRandom, type Random } from './forge/random.js'

/** No input, however made, may cost more than this for each of its bytes. */
const mostStepsPerByte = 2
const atLeast = 16

const options = {
  certificate: { code: 'request_malformed', what: 'certificate', maxBytes: 262_144 },
  csr: { code: 'csr_malformed', what: 'CSR', maxBytes: 65_536 },
} as const satisfies Record<string, ReaderOptions>

const readers: Readonly<Record<keyof typeof options, (reader: DerReader) => unknown>> = {
  certificate: readCertificate,
  csr: readCsr,
}

/** Reads; returns the steps it took. Anything but the product's own error passes through and fails the test. */
function stepsOf(kind: keyof typeof options, der: Uint8Array): number {
  let reader: DerReader | undefined
  try {
    reader = createReader(der, options[kind])
    readers[kind](reader)
  } catch (error) {
    if (!(error instanceof CertctlError)) throw error
  }
  return reader?.steps ?? 0
}

type Mutation = (der: Uint8Array, random: Random) => Uint8Array

const splice = (der: Uint8Array, at: number, removed: number, added: Uint8Array) =>
  Buffer.concat([der.subarray(0, at), added, der.subarray(at + removed)])

const mutations: Readonly<Record<string, Mutation>> = {
  'one bit flipped': (der, random) => changed(der, random.below(der.length), (byte) => byte ^ (1 << random.below(8))),
  'one byte replaced': (der, random) => changed(der, random.below(der.length), () => random.below(256)),
  'a byte made a length': (der, random) =>
    changed(der, random.below(der.length), () => random.pick([0x80, 0x81, 0x82, 0x83, 0x84, 0xff, 0x7f, 0])),
  'a byte made a tag': (der, random) =>
    changed(der, random.below(der.length), () =>
      random.pick([0x30, 0x31, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0xa0, 0xa3, 0x1f]),
    ),
  'cut off': (der, random) => der.subarray(0, random.below(der.length)),
  'a piece left out': (der, random) => splice(der, random.below(der.length), 1 + random.below(40), new Uint8Array()),
  'a piece twice': (der, random) => {
    const at = random.below(der.length)
    return splice(der, at, 0, der.subarray(at, at + 1 + random.below(60)))
  },
  'noise put in': (der, random) => splice(der, random.below(der.length), 0, random.bytes(1 + random.below(30))),
  'several at once': (der, random) => {
    let result = der
    for (let count = 0; count < 4; count++)
      result = changed(result, random.below(result.length), () => random.below(256))
    return result
  },
}

function changed(der: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const copy = Uint8Array.from(der)
  copy[at] = change(copy[at] ?? 0)
  return copy
}

const roots = rootCertificates.flatMap((pem) => decodePem(pem))
const csrs: Uint8Array[] = []

beforeAll(async () => {
  const names = ['www.example.com', '*.example.com', '192.0.2.1', 'a@example.com', 'https://example.com/'].map(
    parseGeneralName,
  )
  for (const algorithm of ['EC-P256', 'Ed25519', 'RSA-2048'] as const) {
    const { privateKeyPem } = await generateKey(algorithm)
    const pem = await createCsr({
      privateKeyPem,
      commonName: 'www.example.com',
      names,
      extendedKeyUsages: ['serverAuth'],
      mustStaple: true,
    })
    csrs.push(Uint8Array.from(parseCsr(pem).der))
  }
})

describe('real certificates', () => {
  it('of every public root that Node ships are read', () => {
    expect(roots.length).toBeGreaterThan(100)
    for (const der of roots) expect(parseCertificate(der)).toMatchObject({ isSelfIssued: true })
  })

  it('take a fixed number of steps per byte', () => {
    for (const der of roots) expect(stepsOf('certificate', der)).toBeLessThanOrEqual(mostStepsPerByte * der.length)
  })
})

describe.each(Object.entries(mutations))('with %s', (_, mutate) => {
  it('a certificate is read or refused with the product’s own error, in a fixed number of steps per byte', () => {
    const random = createRandom(5280)
    for (let round = 0; round < 1500; round++) assertBounded('certificate', mutate(random.pick(roots), random))
  })

  it('a CSR is read or refused with the product’s own error, in a fixed number of steps per byte', () => {
    const random = createRandom(2986)
    for (let round = 0; round < 1500; round++) assertBounded('csr', mutate(random.pick(csrs), random))
  })
})

function assertBounded(kind: keyof typeof options, der: Uint8Array): void {
  const steps = stepsOf(kind, der)
  const bound = mostStepsPerByte * der.length + atLeast
  if (steps > bound) throw new Error(`${steps} steps for ${der.length} bytes: ${Buffer.from(der).toString('hex')}`)
}

describe('inputs made to be dear', () => {
  const fill = (piece: Uint8Array, length: number) =>
    Buffer.concat(new Array<Uint8Array>(Math.floor(length / piece.length)).fill(piece))

  const dear: Readonly<Record<string, () => Uint8Array>> = {
    'sixty thousand empty elements': () =>
      forgeCsr(undefined, {
        attributes: [attributeOf('1.3.6.1.4.1.99999.1', sequence(fill(Uint8Array.of(0x30, 0), 60_000)))],
      }),
    'elements nested as deep as they go': () => {
      let nested: Uint8Array = new Uint8Array()
      for (let depth = 0; depth < 12_000; depth++) nested = element(0x30, nested)
      return forgeCsr(undefined, { attributes: [attributeOf('1.3.6.1.4.1.99999.1', nested)] })
    },
    'a long object identifier': () =>
      forgeCsr(undefined, {
        attributes: [attributeOf('1.3.6.1.4.1.99999.1', sequence(element(0x06, new Uint8Array(50_000).fill(0x81))))],
      }),
    'two thousand attributes': () =>
      forgeCsr(undefined, {
        attributes: Array.from({ length: 2000 }, (_, index) =>
          attributeOf(`1.3.6.1.4.1.99999.2.${index}`, Uint8Array.of(5, 0)),
        ),
      }),
    'a subject of ten thousand parts': () =>
      forgeCsr(undefined, {
        subject: sequence(fill(element(0x31, sequence(oid('2.5.4.11'), element(0x0c, Buffer.from('x')))), 60_000)),
      }),
    'a name of sixty thousand letters': () =>
      forgeCsr(undefined, {
        subject: sequence(element(0x31, sequence(oid('2.5.4.3'), element(0x0c, new Uint8Array(60_000).fill(0x61))))),
      }),
  }

  it.each(Object.entries(dear))('take a fixed number of steps per byte: %s', (_, make) => {
    const der = make()
    expect(der.length).toBeLessThanOrEqual(65_536)
    assertBounded('csr', der)
  })

  it('of a megabyte are refused before a byte is read', () => {
    const noise = createRandom(1).bytes(1_048_576)
    expect(() => parseCsr(noise)).toThrow(
      expect.objectContaining({ code: 'too_large', message: 'The CSR has 1,048,576 bytes; at most 65,536 are read' }),
    )
    expect(() => parseCsr(Buffer.from(noise).toString('base64'))).toThrow(
      expect.objectContaining({ code: 'too_large' }),
    )
    expect(() => parseCertificate(noise)).toThrow(expect.objectContaining({ code: 'too_large' }))
  })

  it('of noise within the limit are refused as no CSR', () => {
    const random = createRandom(2)
    for (let round = 0; round < 200; round++) {
      const noise = random.bytes(1 + random.below(2000))
      expect(() => parseCsr(noise)).toThrow(expect.objectContaining({ code: 'csr_malformed' }))
      expect(() => parseCertificate(noise)).toThrow(expect.objectContaining({ code: 'request_malformed' }))
    }
  })
})
