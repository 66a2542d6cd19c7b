import { element, oid, sequence, setOf, smallInteger } from '../../src/der/writer.js'
import {
  type CertificateParts,
  criticalMark,
  extension,
  forgeCertificate,
  generalizedTime,
  utcTime,
  validity,
  versions,
} from '../forge/certificate.js'
import { altNames, general } from '../forge/general-names.js'
import { testKeys } from '../forge/keys.js'
import { attribute, commonName, name, nameOids, text } from '../forge/names.js'
import type { Random } from '../forge/random.js'

/** One way to fill one piece; the name is part of the shape's. */
type Choice<T> = readonly [name: string, make: (random: Random) => T]

const host = (random: Random) => `${random.label()}.example.com`

const subjects: readonly Choice<Uint8Array>[] = [
  ['cn', (random) => commonName(host(random))],
  ['empty', () => name()],
  [
    'c-o-cn',
    (random) =>
      name(
        attribute(nameOids.c, text.printable('DE')),
        attribute(nameOids.o, text.utf8('Beispiel & Söhne')),
        attribute(nameOids.cn, text.utf8(host(random))),
      ),
  ],
  [
    'two-ou',
    (random) =>
      name(
        attribute(nameOids.ou, text.printable('A')),
        attribute(nameOids.ou, text.printable('B')),
        attribute(nameOids.cn, text.printable(host(random))),
      ),
  ],
  [
    'multi-valued',
    (random) =>
      sequence(setOf(attribute(nameOids.cn, text.utf8(host(random))), attribute(nameOids.ou, text.utf8('Blue')))),
  ],
  [
    'dc-email',
    (random) =>
      name(
        attribute(nameOids.dc, text.ia5('com')),
        attribute(nameOids.dc, text.ia5('example')),
        attribute(nameOids.email, text.ia5(`${random.label()}@example.com`)),
      ),
  ],
  ['bmp', (random) => name(attribute(nameOids.cn, text.bmp(`Ωμέγα ${random.label()}`)))],
  [
    'unknown-type',
    (random) => name(attribute(nameOids.unknown, text.utf8(random.label())), attribute(nameOids.cn, text.utf8('x'))),
  ],
  [
    'special-characters',
    (random) =>
      name(attribute(nameOids.o, text.utf8(' #a,b+c"d\\e<f>;g= ')), attribute(nameOids.cn, text.utf8(random.label()))),
  ],
]

const altNameSets: readonly Choice<Uint8Array | undefined>[] = [
  ['none', () => undefined],
  ['dns', (random) => altNames(general.dns(host(random)), general.dns(host(random)))],
  ['wildcard', (random) => altNames(general.dns(`*.${host(random)}`))],
  ['ipv4', (random) => altNames(general.ip(...random.bytes(4)))],
  [
    'ipv6',
    (random) => altNames(general.ip(...random.bytes(16)), general.ip(0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 1)),
  ],
  ['email', (random) => altNames(general.email(`${random.label()}@example.com`))],
  [
    'uri',
    (random) =>
      altNames(
        general.uri(`https://${host(random)}/a?b=c`),
        general.uri('urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'),
      ),
  ],
  [
    'mixed',
    (random) =>
      altNames(
        general.dns(host(random)),
        general.ip(10, 0, 0, 1),
        general.email('a@example.com'),
        general.uri('spiffe://example.com/x'),
      ),
  ],
]

const basicConstraints = (...parts: readonly Uint8Array[]) => extension('2.5.29.19', sequence(...parts), criticalMark)
const yes = element(0x01, Uint8Array.of(0xff))
const keyUsage = (unused: number, ...octets: readonly number[]) =>
  extension('2.5.29.15', element(0x03, Uint8Array.of(unused, ...octets)), criticalMark)
const purposes = (...oids: readonly string[]) => extension('2.5.29.37', sequence(...oids.map(oid)))

const usageSets: readonly Choice<readonly Uint8Array[]>[] = [
  ['leaf', () => [basicConstraints(), keyUsage(7, 0x80), purposes('1.3.6.1.5.5.7.3.1')]],
  ['rsa-leaf', () => [basicConstraints(), keyUsage(5, 0xa0), purposes('1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2')]],
  ['ca', () => [basicConstraints(yes), keyUsage(1, 0x06)]],
  ['ca-path', (random) => [basicConstraints(yes, smallInteger(random.below(5))), keyUsage(1, 0x86)]],
  ['all-usages', () => [keyUsage(7, 0xff, 0x80)]],
  ['mail', () => [keyUsage(6, 0xc0), purposes('1.3.6.1.5.5.7.3.4', '1.3.6.1.4.1.99999.1')]],
]

const keyIdentifier = (random: Random) => element(0x04, random.bytes(20))
const access = (method: string, url: string) => sequence(oid(method), element(0x86, Buffer.from(url)))

const extraSets: readonly Choice<readonly Uint8Array[]>[] = [
  ['none', () => []],
  [
    'identifiers',
    (random) => [
      extension('2.5.29.14', keyIdentifier(random)),
      extension('2.5.29.35', sequence(element(0x80, random.bytes(20)))),
    ],
  ],
  ['staple', () => [extension('1.3.6.1.5.5.7.1.24', sequence(smallInteger(5)))]],
  [
    'revocation',
    (random) => [
      extension(
        '2.5.29.31',
        sequence(sequence(element(0xa0, element(0xa0, general.uri(`http://${host(random)}/a.crl`))))),
      ),
      extension(
        '1.3.6.1.5.5.7.1.1',
        sequence(
          access('1.3.6.1.5.5.7.48.1', 'http://ocsp.example.com'),
          access('1.3.6.1.5.5.7.48.2', 'http://ca.example.com/ca.cer'),
        ),
      ),
    ],
  ],
  [
    'policies',
    () => [extension('2.5.29.32', sequence(sequence(oid('2.23.140.1.2.1')), sequence(oid('1.3.6.1.4.1.99999.2'))))],
  ],
  ['unknown', (random) => [extension('1.3.6.1.4.1.99999.3', random.bytes(12))]],
]

const validities: readonly Choice<Uint8Array>[] = [
  ['utc', (random) => validity(utcTime(`2601${pad(1 + random.below(28))}000000Z`), utcTime('270101235959Z'))],
  ['over-2050', () => validity(utcTime('491231235959Z'), generalizedTime('20500101000000Z'))],
  ['last-century', () => validity(utcTime('500101000000Z'), utcTime('991231235959Z'))],
  ['leap-day', () => validity(utcTime('240229120000Z'), utcTime('280229120000Z'))],
]

function pad(number: number): string {
  return String(number).padStart(2, '0')
}

const serials: readonly Choice<Uint8Array>[] = [
  ['random', (random) => element(0x02, Uint8Array.of(0x4f, ...random.bytes(15)))],
  ['top-bit', (random) => element(0x02, Uint8Array.of(0, 0x80, ...random.bytes(14)))],
  ['small', (random) => element(0x02, Uint8Array.of(1 + random.below(126)))],
  ['twenty', (random) => element(0x02, Uint8Array.of(0x7f, ...random.bytes(19)))],
]

const keys: readonly Choice<Uint8Array>[] = Object.values(testKeys).map((key) => [key.name, () => key.spki])
const signers: readonly Choice<Uint8Array>[] = Object.values(testKeys).map((key) => [key.name, () => key.algorithm])

export interface Sample {
  /** What kind of input this is: samples of one shape differ in values only. */
  shape: string
  der: Uint8Array
}

/** A sound certificate; successive indices go through all pieces at different paces. */
export function regularCertificate(index: number, random: Random): Sample {
  const shape: string[] = []
  const choose = <T>(choices: readonly Choice<T>[], pace: number): T => {
    const [label, make] = choices[Math.floor(index / pace) % choices.length] ?? impossible()
    shape.push(label)
    return make(random)
  }
  const outerAlgorithm = choose(signers, 7)
  const parts: Partial<CertificateParts> = {
    subject: choose(subjects, 1),
    serial: choose(serials, 5),
    validity: choose(validities, 3),
    spki: choose(keys, 2),
    innerAlgorithm: outerAlgorithm,
    outerAlgorithm,
  }
  const names = choose(altNameSets, 1)
  const extensions = [...choose(usageSets, 11), ...(names === undefined ? [] : [names]), ...choose(extraSets, 13)]
  return { shape: `certificate ${shape.join(' ')}`, der: forgeCertificate({ ...parts, extensions }) }
}

/** Versions 1 and 2, which have no extensions. */
export function oldCertificate(index: number, random: Random): Sample {
  const [label, subject] = subjects[index % subjects.length] ?? impossible()
  const isFirst = index % 2 === 0
  const uniqueIds = isFirst ? new Uint8Array() : element(0x81, Uint8Array.of(0, 1, 2, 3))
  const version = isFirst ? versions.v1 : versions.v2
  return {
    shape: `certificate v${isFirst ? 1 : 2} ${label}`,
    der: forgeCertificate({ version, uniqueIds, subject: subject(random) }),
  }
}

function impossible(): never {
  throw new Error('an index lies outside its list')
}
