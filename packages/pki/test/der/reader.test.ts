import { describe, expect, it } from '@jest/globals'
import {
  byteAt,
  countSteps,
  createReader,
  type DerReader,
  enter,
  leave,
  peekTag,
  readContent,
  readElement,
  skip,
  stepsPerByte,
  walk,
} from '../../src/der/reader.js'
import { element } from '../../src/der/writer.js'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

function readerOf(bytes: Uint8Array): DerReader {
  return createReader(bytes, { code: 'request_malformed', what: 'thing', maxBytes: 100_000 })
}

const refusal = (message: string) =>
  expect.objectContaining({ code: 'request_malformed', message: expect.stringContaining(message) })

describe('a header', () => {
  it.each([
    ['of a short length', '04 02 aabb', 'aabb'],
    ['of a length of one octet', `04 81 80 ${'11'.repeat(128)}`, '11'.repeat(128)],
    ['of a length of two octets', `04 82 0100 ${'22'.repeat(256)}`, '22'.repeat(256)],
    ['of no length', '04 00', ''],
  ])('%s is read', (_, input, content) => {
    expect(readContent(readerOf(hex(input)), 0x04, 'a').toString('hex')).toBe(content)
  })

  it('of a length of three octets is read', () => {
    const content = new Uint8Array(70_000).fill(7)
    const der = element(0x04, content)
    expect(Buffer.from(der.subarray(0, 5)).toString('hex')).toBe('0483011170')
    expect(readContent(readerOf(der), 0x04, 'a')).toHaveLength(70_000)
  })

  it.each([
    ['with another tag', '02 01 00', 'tag 0x02 stands where a piece belongs'],
    ['that is missing', '', 'a piece is missing'],
    ['without a length', '04', 'cut off'],
    ['with half a length', '04 82 01', 'cut off'],
    ['longer than what is there', '04 03 aabb', 'longer than what encloses it'],
    ['with an indefinite length', '04 80 aabb 0000', 'indefinite length'],
    ['with a long form where the short one does', '04 81 02 aabb', 'shortest form'],
    ['with a zero in front of its length', `04 82 0080 ${'11'.repeat(128)}`, 'shortest form'],
    ['with a length of four octets', '04 84 00000001 aa', 'length of 4 octets'],
    ['with a length of 127 octets', '04 ff', 'length of 127 octets'],
  ])('%s is refused', (_, input, why) => {
    expect(() => readContent(readerOf(hex(input)), 0x04, 'a piece')).toThrow(refusal(why))
  })

  it('says in a refusal what was read and where', () => {
    const reader = readerOf(hex('30 04 0201 05 0500'))
    enter(reader, 0x30, 'the whole')
    expect(() => readContent(reader, 0x04, 'the second')).toThrow(
      refusal('The thing cannot be read: tag 0x02 stands where the second belongs (near byte 2)'),
    )
  })
})

describe('an element', () => {
  it('cannot reach out of what encloses it, whatever length it claims', () => {
    const reader = readerOf(hex('30 03 04 04 aa bb cc dd'))
    enter(reader, 0x30, 'outer')
    expect(() => readContent(reader, 0x04, 'inner')).toThrow(refusal('longer than what encloses it'))
  })

  it('is left only when all of it was read', () => {
    const reader = readerOf(hex('30 05 0201 05 0500'))
    const outer = enter(reader, 0x30, 'the whole')
    readContent(reader, 0x02, 'first')
    expect(() => leave(reader, outer, 'the whole')).toThrow(refusal('too many bytes: 2'))
    skip(reader, 'second')
    leave(reader, outer, 'the whole')
    expect(peekTag(reader)).toBe(-1)
  })

  it('is given whole, as a view of the input and not a copy', () => {
    const input = hex('30 03 0201 05')
    const reader = readerOf(input)
    const whole = readElement(reader, 0x30, 'a')
    input[4] = 9
    expect(whole.toString('hex')).toBe('3003020109')
  })

  it('of a tag of several bytes is refused', () => {
    expect(() => skip(readerOf(hex('1f 81 01 00')), 'a')).toThrow(refusal('more than one byte'))
    expect(() => walk(readerOf(hex('30 04 bf 81 01 00')), 'a')).toThrow(refusal('more than one byte'))
  })
})

describe('walking', () => {
  it('goes through what nobody interprets and stops after it', () => {
    const reader = readerOf(hex('30 07 31 03 0201 05 0500 0401 aa'))
    walk(reader, 'a')
    expect(reader.at).toBe(9)
    expect(reader.end).toBe(12)
  })

  it('finds BER however deep it lies', () => {
    expect(() => walk(readerOf(hex('30 08 30 06 30 80 0500 0000')), 'a')).toThrow(refusal('indefinite'))
    expect(() => walk(readerOf(hex('30 05 31 03 02 02 01')), 'a')).toThrow(refusal('longer than what encloses it'))
  })

  it('does not look into primitive elements', () => {
    const reader = readerOf(hex('04 03 30 80 ff'))
    walk(reader, 'a')
    expect(reader.at).toBe(5)
  })

  it('goes thirty-two deep and no deeper', () => {
    const nested = (depth: number) => {
      let der: Uint8Array = element(0x05)
      for (let level = 0; level < depth; level++) der = element(0x30, der)
      return der
    }
    expect(() => walk(readerOf(nested(32)), 'a')).not.toThrow()
    expect(() => walk(readerOf(nested(33)), 'a')).toThrow(refusal('nested more than 32 deep'))
  })
})

describe('the budget', () => {
  it('is a fixed number of steps per byte', () => {
    const reader = readerOf(new Uint8Array(1000))
    expect(reader.budget).toBe(1000 * stepsPerByte + 64)
    countSteps(reader, reader.budget)
    expect(() => countSteps(reader, 1)).toThrow(refusal('beyond reason'))
  })

  it('is spent by headers too', () => {
    const reader = readerOf(hex('0500'))
    for (let round = 0; round < reader.budget; round++) {
      reader.at = 0
      skip(reader, 'a')
    }
    reader.at = 0
    expect(() => skip(reader, 'a')).toThrow(refusal('beyond reason'))
  })
})

describe('an input', () => {
  it('that is too large is refused by size, before it is looked at', () => {
    expect(() =>
      createReader(new Uint8Array(100_001), { code: 'csr_malformed', what: 'CSR', maxBytes: 100_000 }),
    ).toThrow(
      expect.objectContaining({ code: 'too_large', message: 'The CSR has 100,001 bytes; at most 100,000 are read' }),
    )
  })

  it('that is a view of a larger buffer is read from where it begins', () => {
    const larger = hex('ffff 0403 010203 ffff')
    expect(readContent(readerOf(larger.subarray(2, 7)), 0x04, 'a').toString('hex')).toBe('010203')
  })

  it('is never read beyond its end: that would be a fault of ours', () => {
    expect(() => byteAt(Uint8Array.of(1), 1)).toThrow(expect.objectContaining({ code: 'internal' }))
  })
})
