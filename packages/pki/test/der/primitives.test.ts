import { describe, expect, it } from '@jest/globals'
import { readOid } from '../../src/der/object-identifier.js'
import { isOid } from '../../src/der/oid-text.js'
import {
  readAscii,
  readBitOctets,
  readBoolean,
  readInteger,
  readNamedBits,
  readNull,
  readPositiveInteger,
  readSmallInteger,
} from '../../src/der/primitives.js'
import { createReader, type DerReader } from '../../src/der/reader.js'
import { isTextTag, readText } from '../../src/der/strings.js'
import { readTime } from '../../src/der/time.js'
import { asciiString, boolean, namedBits, setOf, smallInteger, time, unsignedInteger } from '../../src/der/writer.js'
import { text } from '../forge/names.js'

const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex')
const readerOf = (bytes: Uint8Array): DerReader =>
  createReader(bytes, { code: 'request_malformed', what: 'thing', maxBytes: 10_000 })
const refused = expect.objectContaining({ code: 'request_malformed' })

type Read = (reader: DerReader, name: string) => unknown
const reading = (read: Read, digits: string) => () => read(readerOf(hex(digits)), 'it')

describe('what is read', () => {
  it.each<readonly [string, Read, string, unknown]>([
    ['true', readBoolean, '01 01 ff', true],
    ['false', readBoolean, '01 01 00', false],
    ['zero', readSmallInteger, '02 01 00', 0],
    ['a number of two octets', readSmallInteger, '02 02 0100', 256],
    ['a number with its sign octet', readSmallInteger, '02 02 0080', 128],
    ['the largest small number', readSmallInteger, '02 04 7fffffff', 0x7fffffff],
    ['the content of a negative number', readInteger, '02 01 ff', hex('ff')],
    ['a magnitude without its sign octet', readPositiveInteger, '02 03 00ff01', hex('ff01')],
    ['a magnitude as it is', readPositiveInteger, '02 02 7f01', hex('7f01')],
    ['octets of bits', readBitOctets, '03 03 00aabb', hex('aabb')],
    ['no bits at all', readNamedBits, '03 01 00', []],
    ['bits of one octet', readNamedBits, '03 02 05 a0', [0, 2]],
    ['bits of two octets', readNamedBits, '03 03 07 8080', [0, 8]],
    ['bits with trailing zeros, which some write', readNamedBits, '03 02 00 80', [0]],
    ['null', readNull, '05 00', undefined],
    ['a known object identifier', readOid, '06 03 550403', '2.5.4.3'],
    ['an unknown one', readOid, '06 03 2a0304', '1.2.3.4'],
    ['one under the first root', readOid, '06 01 27', '0.39'],
    ['one with a large second arc', readOid, '06 03 883703', '2.999.3'],
  ])('%s', (_, read, digits, value) => {
    expect(reading(read, digits)()).toEqual(value)
  })
})

describe('what is refused', () => {
  it.each<readonly [string, Read, string]>([
    ['a truth of 0x01', readBoolean, '01 01 01'],
    ['a truth of two octets', readBoolean, '01 02 ffff'],
    ['a truth without content', readBoolean, '01 00'],
    ['a number without content', readInteger, '02 00'],
    ['a number with a superfluous zero', readInteger, '02 02 007f'],
    ['a negative number with superfluous ones', readInteger, '02 02 ff80'],
    ['a negative small number', readSmallInteger, '02 01 80'],
    ['a small number of five octets', readSmallInteger, '02 05 0100000000'],
    ['a positive number that is negative', readPositiveInteger, '02 01 80'],
    ['a positive number that is zero', readPositiveInteger, '02 01 00'],
    ['octets of bits with some unused', readBitOctets, '03 02 01 aa'],
    ['bits without a count of unused ones', readBitOctets, '03 00'],
    ['a list of bits with eight unused', readNamedBits, '03 02 08 00'],
    ['a list of bits with unused bits and no octet', readNamedBits, '03 01 01'],
    ['a list of bits with an unused one set', readNamedBits, '03 02 07 c0'],
    ['a list of more bits than any of ours has', readNamedBits, '03 04 00 808080'],
    ['null with content', readNull, '05 01 00'],
    ['an object identifier without content', readOid, '06 00'],
    ['an object identifier with padding', readOid, '06 03 2a8003'],
    ['an object identifier that is cut off', readOid, '06 02 2a83'],
    ['an object identifier of 65 octets', readOid, `06 41 ${'01'.repeat(65)}`],
    ['ASCII with a line break', (reader, name) => readAscii(reader, 0x16, name), '16 03 610a62'],
    ['ASCII with a high octet', (reader, name) => readAscii(reader, 0x16, name), '16 01 e4'],
    ['UTF-8 that is none', readText, '0c 02 c328'],
    ['UTF-8 of a surrogate', readText, '0c 03 eda080'],
    ['UTF-8 with a NUL', readText, '0c 03 610062'],
    ['a PrintableString with a high octet', readText, '13 01 e4'],
    ['a BMPString that ends within a character', readText, '1e 03 004100'],
    ['a BMPString with half a pair', readText, '1e 02 d800'],
    ['a UniversalString beyond Unicode', readText, '1c 04 00110000'],
    ['text that is missing', readText, ''],
  ])('%s', (_, read, digits) => {
    expect(reading(read, digits)).toThrow(refused)
  })
})

describe('text', () => {
  it('is read from every string type', () => {
    for (const make of [text.utf8, text.bmp, text.universal, text.teletex])
      expect(readText(readerOf(make('Zoë')), 't')).toBe('Zoë')
    for (const make of [text.utf8, text.printable, text.ia5])
      expect(readText(readerOf(make('Zoe 1')), 't')).toBe('Zoe 1')
    expect(readText(readerOf(text.utf8('\u{1f512} 鍵')), 't')).toBe('\u{1f512} 鍵')
    expect(readText(readerOf(text.utf8('')), 't')).toBe('')
  })

  it('keeps a byte order mark, which is a character like others here', () => {
    expect(readText(readerOf(text.utf8('\ufeffa')), 't')).toBe('\ufeffa')
  })

  it('is told from what is not text by its tag', () => {
    expect([0x0c, 0x13, 0x16, 0x1e].every(isTextTag)).toBe(true)
    expect([0x02, 0x03, 0x30, -1].some(isTextTag)).toBe(false)
    expect(readText(readerOf(hex('02 01 05')), 't')).toBe('#020105')
  })
})

describe('moments', () => {
  const utc = (digits: string) => Buffer.concat([Uint8Array.of(0x17, digits.length), Buffer.from(digits)])
  const generalized = (digits: string) => Buffer.concat([Uint8Array.of(0x18, digits.length), Buffer.from(digits)])

  it.each([
    [utc('700101000000Z'), '1970-01-01T00:00:00.000Z'],
    [utc('491231235959Z'), '2049-12-31T23:59:59.000Z'],
    [utc('500101000000Z'), '1950-01-01T00:00:00.000Z'],
    [utc('000229120000Z'), '2000-02-29T12:00:00.000Z'],
    [generalized('20500101000000Z'), '2050-01-01T00:00:00.000Z'],
    [generalized('99991231235959Z'), '9999-12-31T23:59:59.000Z'],
    [generalized('00010101000000Z'), '0001-01-01T00:00:00.000Z'],
    [generalized('24000229000000Z'), '2400-02-29T00:00:00.000Z'],
  ])('are what the calendar says', (der, expected) => {
    expect(new Date(readTime(readerOf(der), 't')).toISOString()).toBe(expected)
  })

  it.each([
    utc('260230000000Z'),
    utc('250229000000Z'),
    generalized('21000229000000Z'),
    utc('260431000000Z'),
    utc('260001000000Z'),
    utc('261301000000Z'),
    utc('260100000000Z'),
    utc('260101240000Z'),
    utc('260101006000Z'),
    utc('260101000060Z'),
    utc('2601010000Z'),
    utc('260101000000+0000'),
    utc('260101000000z'),
    utc('26 101000000Z'),
    utc('-60101000000Z'),
    generalized('20260101000000.0Z'),
    generalized('20260101000000'),
    utc(''),
    hex('0c 0d 3236303130313030303030305a'),
  ])('that do not exist, or are written otherwise, are refused', (der) => {
    expect(() => readTime(readerOf(der), 't')).toThrow(refused)
  })
})

describe('what is written', () => {
  it('has the shortest form', () => {
    expect(Buffer.from(smallInteger(0)).toString('hex')).toBe('020100')
    expect(Buffer.from(smallInteger(127)).toString('hex')).toBe('02017f')
    expect(Buffer.from(smallInteger(128)).toString('hex')).toBe('02020080')
    expect(Buffer.from(unsignedInteger(Uint8Array.of(0, 0, 1))).toString('hex')).toBe('020101')
    expect(Buffer.from(unsignedInteger(Uint8Array.of(0, 0))).toString('hex')).toBe('020100')
    expect(Buffer.from(boolean(true)).toString('hex')).toBe('0101ff')
    expect(Buffer.from(namedBits([])).toString('hex')).toBe('030100')
    expect(Buffer.from(namedBits([0, 2])).toString('hex')).toBe('030205a0')
    expect(Buffer.from(namedBits([8])).toString('hex')).toBe('0303070080')
  })

  it('has the elements of a set in order', () => {
    expect(Buffer.from(setOf(hex('020102'), hex('0500'), hex('020101'))).toString('hex')).toBe('31080201010201020500')
  })

  it('has moments until 2049 in two digits of year and later ones in four, without fractions', () => {
    expect(Buffer.from(time(new Date('2049-12-31T23:59:59.999Z'))).toString('latin1')).toContain('491231235959Z')
    expect(Buffer.from(time(new Date('2050-01-01T00:00:00Z'))).toString('latin1')).toContain('20500101000000Z')
    expect(() => time(new Date('1949-12-31T23:59:59Z'))).toThrow(refused)
  })

  it('is ASCII where only ASCII fits', () => {
    expect(() => asciiString(0x16, 'käse')).toThrow(refused)
    expect(() => asciiString(0x16, 'a\0b')).toThrow(refused)
  })
})

describe('a dotted object identifier', () => {
  it.each(['0.0', '1.39', '2.40', '2.999.1', '1.2.840.113549.1.1.11', '2.25.329800735698586629295641978511506172918'])(
    'may be %s',
    (value) => {
      expect(isOid(value)).toBe(true)
    },
  )

  it.each(['', '1', '3.1', '1.40', '0.99', '1.02', '1..2', '1.2.', '.1.2', '1.2.a', '-1.2', `1.2.${'9'.repeat(200)}`])(
    'may not be "%s"',
    (value) => {
      expect(isOid(value)).toBe(false)
    },
  )
})
