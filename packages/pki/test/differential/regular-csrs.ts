import { element, oid, sequence, smallInteger } from '../../src/der/writer.js'
import { criticalMark, extension } from '../forge/certificate.js'
import { attributeOf, forgeCsr, requesting } from '../forge/csr.js'
import { altNames, general } from '../forge/general-names.js'
import { type TestKey, testKeys } from '../forge/keys.js'
import { attribute, commonName, name, nameOids, text } from '../forge/names.js'
import type { Random } from '../forge/random.js'
import type { Sample } from './regular-certificates.js'

type Choice<T> = readonly [name: string, make: (random: Random) => T]

const host = (random: Random) => `${random.label()}.example.com`

const subjects: readonly Choice<Uint8Array>[] = [
  ['cn', (random) => commonName(host(random))],
  ['empty', () => name()],
  [
    'printable',
    (random) => name(attribute(nameOids.c, text.printable('AT')), attribute(nameOids.cn, text.printable(host(random)))),
  ],
  [
    'organisation',
    (random) =>
      name(
        attribute(nameOids.o, text.utf8('Ünïted “Works”')),
        attribute(nameOids.l, text.utf8('Wien')),
        attribute(nameOids.cn, text.utf8(host(random))),
      ),
  ],
  [
    'email',
    (random) =>
      name(
        attribute(nameOids.cn, text.utf8('A. Person')),
        attribute(nameOids.email, text.ia5(`${random.label()}@example.com`)),
      ),
  ],
]

const requests: readonly Choice<readonly Uint8Array[]>[] = [
  ['nothing', () => []],
  ['dns', (random) => [altNames(general.dns(host(random)), general.dns(`*.${host(random)}`))]],
  ['ip', (random) => [altNames(general.ip(10, 0, 0, random.below(256)), general.ip(...random.bytes(16)))]],
  ['email', () => [altNames(general.email('Some.One@example.com'))]],
  ['uri', (random) => [altNames(general.uri(`spiffe://${host(random)}/ns/x`))]],
  [
    'mixed',
    (random) => [
      altNames(
        general.dns(host(random)),
        general.ip(192, 0, 2, 1),
        general.email('a@example.com'),
        general.uri('https://example.com/x'),
      ),
    ],
  ],
]

const usages: readonly Choice<readonly Uint8Array[]>[] = [
  ['nothing', () => []],
  [
    'tls',
    () => [
      extension('2.5.29.15', element(0x03, Uint8Array.of(5, 0xa0)), criticalMark),
      extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'))),
    ],
  ],
  ['staple', () => [extension('1.3.6.1.5.5.7.1.24', sequence(smallInteger(5)))]],
  ['ca', () => [extension('2.5.29.19', sequence(element(0x01, Uint8Array.of(0xff))), criticalMark)]],
  ['unknown', (random) => [extension('1.3.6.1.4.1.99999.4', random.bytes(8))]],
]

const attributes: readonly Choice<readonly Uint8Array[]>[] = [
  ['nothing', () => []],
  ['password', (random) => [attributeOf('1.2.840.113549.1.9.7', text.printable(`secret ${random.label()}`))]],
  ['microsoft', () => [attributeOf('1.3.6.1.4.1.311.13.2.3', text.ia5('10.0.20348.2'))]],
]

const keys: readonly TestKey[] = Object.values(testKeys)

/** A sound CSR, signed by its key. */
export function regularCsr(index: number, random: Random): Sample & { key: TestKey } {
  const shape: string[] = []
  const choose = <T>(choices: readonly Choice<T>[], pace: number): T => {
    const [label, make] = choices[Math.floor(index / pace) % choices.length] ?? impossible()
    shape.push(label)
    return make(random)
  }
  const key = keys[index % keys.length] ?? impossible()
  const subject = choose(subjects, 5)
  const wanted = [...choose(requests, 25), ...choose(usages, 150)]
  const others = choose(attributes, 750)
  const list = wanted.length === 0 ? others : [...others, requesting(...wanted)]
  return { shape: `CSR ${key.name} ${shape.join(' ')}`, key, der: forgeCsr(key, { subject, attributes: list }) }
}

function impossible(): never {
  throw new Error('an index lies outside its list')
}
