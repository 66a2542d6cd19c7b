import { CertctlError, type GeneralName } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readOid } from '../src/der/object-identifier.js'
import { encodeOidContent } from '../src/der/oid-text.js'
import { readInteger, readNamedBits, readSmallInteger } from '../src/der/primitives.js'
import { createReader, type DerReader, walk } from '../src/der/reader.js'
import { readText } from '../src/der/strings.js'
import { readTime } from '../src/der/time.js'
import {
  element,
  namedBits,
  oid,
  sequence,
  smallInteger,
  time,
  unsignedInteger,
  utf8String,
} from '../src/der/writer.js'
import { readDistinguishedName } from '../src/distinguished-name.js'
import { encodeName } from '../src/encode-name.js'
import {
  decodePem,
  encodePem,
  formatGeneralName,
  parseCertificate,
  parseCsr,
  parseGeneralName,
  sameGeneralName,
  sameNames,
  serialNumberOf,
} from '../src/index.js'

function readerOf(der: Uint8Array): DerReader {
  return createReader(der, { code: 'request_malformed', what: 'test', maxBytes: 1_000_000 })
}

/** Runs; anything but the product's own error fails. */
function onlyOurErrors(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof CertctlError)) throw error
  }
}

const bytes = fc.uint8Array({ maxLength: 300 })

describe('what is written is read back', () => {
  it('numbers', () => {
    fc.assert(
      fc.property(fc.nat(0x7fffffff), (value) => {
        expect(readSmallInteger(readerOf(smallInteger(value)), 'n')).toBe(value)
      }),
    )
  })

  it('numbers of any size, in the shortest form', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (magnitude) => {
        const content = readInteger(readerOf(unsignedInteger(magnitude)), 'n')
        expect(BigInt(`0x${content.toString('hex')}`)).toBe(BigInt(`0x${Buffer.from(magnitude).toString('hex')}`))
      }),
    )
  })

  it('object identifiers, also with arcs beyond 2^53', () => {
    const arc = fc.bigInt(0n, 1n << 100n)
    const root = fc.oneof(fc.tuple(fc.constantFrom(0n, 1n), fc.bigInt(0n, 39n)), fc.tuple(fc.constant(2n), arc))
    fc.assert(
      fc.property(root, fc.array(arc, { maxLength: 3 }), ([first, second], rest) => {
        const text = [first, second, ...rest].join('.')
        fc.pre(encodeOidContent(text).length <= 64)
        expect(readOid(readerOf(oid(text)), 'oid')).toBe(text)
      }),
    )
  })

  it('moments, to the second, from 1950 to 9999', () => {
    const second = fc.integer({ min: Date.UTC(1950, 0, 1) / 1000, max: Date.UTC(9999, 11, 31, 23, 59, 59) / 1000 })
    fc.assert(
      fc.property(second, (value) => {
        expect(readTime(readerOf(time(new Date(value * 1000))), 't')).toBe(value * 1000)
      }),
      { numRuns: 2000 },
    )
  })

  it('lists of bits', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(15)), (bits) => {
        expect(readNamedBits(readerOf(namedBits(bits)), 'bits')).toEqual(bits.toSorted((a, b) => a - b))
      }),
    )
  })

  it('text, whatever the script', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 60 }).filter((text) => !text.includes('\0') && !/\p{Cs}/u.test(text)),
        (text) => {
          expect(readText(readerOf(utf8String(text)), 's')).toBe(text)
        },
      ),
    )
  })

  it('names', () => {
    const value = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => !/\p{Cs}|\p{Cc}/u.test(text))
    const attribute = fc.record({ type: fc.constantFrom('CN', 'O', 'OU', 'L', 'ST', 'street', '1.2.3.4'), value })
    fc.assert(
      fc.property(fc.array(attribute, { maxLength: 6 }), (attributes) => {
        expect(readDistinguishedName(readerOf(encodeName(attributes)), 'name').attributes).toEqual(attributes)
      }),
    )
  })

  it('PEM blocks, among any text', () => {
    const text = fc.string({ maxLength: 40 }).filter((around) => !around.includes('-----'))
    const blocks = fc.array(fc.tuple(text, fc.uint8Array({ minLength: 1, maxLength: 200 })), { maxLength: 4 })
    fc.assert(
      fc.property(blocks, (parts) => {
        const pem = parts.map(([around, content]) => `${around}\n${encodePem('THING', content)}`).join('')
        expect(decodePem(pem, 'THING').map((content) => [...content])).toEqual(parts.map(([, content]) => [...content]))
      }),
    )
  })

  it('serial numbers: lower-case hex of the magnitude without leading zero octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), (octets) => {
        const text = serialNumberOf(octets)
        expect(BigInt(`0x${text}`)).toBe(BigInt(`0x${Buffer.from(octets).toString('hex')}`))
        expect(text).toMatch(/^(?:00|(?!00)(?:[0-9a-f]{2})+)$/)
      }),
    )
  })
})

describe('no bytes make a reader throw anything but the product’s error', () => {
  it('of certificates, CSRs and PEM', () => {
    fc.assert(
      fc.property(bytes, (input) => {
        onlyOurErrors(() => parseCertificate(input))
        onlyOurErrors(() => parseCsr(input))
        onlyOurErrors(() => decodePem(Buffer.from(input).toString('latin1')))
        onlyOurErrors(() => parseCsr(`-----BEGIN CERTIFICATE REQUEST-----${Buffer.from(input).toString('latin1')}`))
      }),
      { numRuns: 2000 },
    )
  })

  it('of anything that begins like DER', () => {
    fc.assert(
      fc.property(fc.constantFrom(0x30, 0x31, 0x03, 0x04, 0xa0), bytes, (tag, content) => {
        const der = element(tag, content)
        onlyOurErrors(() => walk(readerOf(der), 'anything'))
        onlyOurErrors(() => parseCertificate(sequence(der, der)))
        onlyOurErrors(() => parseCsr(sequence(sequence(smallInteger(0), der), der)))
      }),
      { numRuns: 2000 },
    )
  })

  it('of names', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        onlyOurErrors(() => parseGeneralName(text))
        onlyOurErrors(() => encodeName([{ type: 'CN', value: text }]))
      }),
      { numRuns: 2000 },
    )
  })
})

// RFC 5890 §2.3.1: what begins with xn-- must stand for something, and most of what chance makes does not.
const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,8}[a-z0-9])?$/).filter((text) => !text.startsWith('xn--'))
const host = fc.tuple(label, label, fc.stringMatching(/^[a-z]{2,6}$/)).map((parts) => parts.join('.'))
const names: fc.Arbitrary<GeneralName> = fc.oneof(
  host.map((value): GeneralName => ({ type: 'dns', value })),
  host.map((value): GeneralName => ({ type: 'dns', value: `*.${value}` })),
  fc.ipV4().map((value): GeneralName => ({ type: 'ip', value })),
  fc.ipV6().map((value): GeneralName => parseGeneralName(`IP:${value}`)),
  fc.tuple(label, host).map(([mailbox, at]): GeneralName => ({ type: 'email', value: `${mailbox}@${at}` })),
  fc
    .tuple(fc.constantFrom('https', 'spiffe', 'dns', 'ip'), host, label)
    .map(([scheme, at, path]): GeneralName => ({ type: 'uri', value: `${scheme}://${at}/${path}` })),
  label.map((value): GeneralName => ({ type: 'uri', value: `dns:${value}` })),
)

describe('names', () => {
  it('are read back from what they are printed as', () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(parseGeneralName(formatGeneralName(name))).toEqual(name)
      }),
      { numRuns: 1000 },
    )
  })

  it('are the same whatever the case of their hosts, either way round', () => {
    fc.assert(
      fc.property(names, names, (a, b) => {
        expect(sameGeneralName(a, b)).toBe(sameGeneralName(b, a))
        expect(sameGeneralName(a, a)).toBe(true)
        if (a.type === 'dns') expect(sameGeneralName({ ...a, value: `${a.value.toUpperCase()}.` }, a)).toBe(true)
      }),
    )
  })

  it('of two lists differ by exactly what one has and the other has not', () => {
    fc.assert(
      fc.property(fc.array(names, { maxLength: 8 }), fc.array(names, { maxLength: 8 }), (wanted, found) => {
        const { missing, extra } = sameNames(wanted, found)
        const has = (list: readonly GeneralName[], name: GeneralName) =>
          list.some((other) => sameGeneralName(other, name))
        expect(missing.every((name) => has(wanted, name) && !has(found, name))).toBe(true)
        expect(extra.every((name) => has(found, name) && !has(wanted, name))).toBe(true)
        expect(wanted.every((name) => has(found, name) || has(missing, name))).toBe(true)
        expect(found.every((name) => has(wanted, name) || has(extra, name))).toBe(true)
        expect(sameNames(found, wanted)).toEqual({ missing: extra, extra: missing })
      }),
    )
  })
})
