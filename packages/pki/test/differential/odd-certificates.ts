import { bitString, element, oid, sequence, setOf, smallInteger } from '../../src/der/writer.js'
import { indefiniteLength, inPieces, longLength } from '../forge/ber.js'
import {
  type CertificateParts,
  criticalMark,
  extension,
  forgeCertificate,
  generalizedTime,
  plainParts,
  utcTime,
  validity,
  versions,
} from '../forge/certificate.js'
import { altNames, general } from '../forge/general-names.js'
import { algorithmIds, oddKeys, oddModulus, rsaSpki, rsaSpkiAround } from '../forge/keys.js'
import { attribute, commonName, name, nameOids, text } from '../forge/names.js'

/** An input with one thing unusual about it. */
export interface Odd {
  name: string
  /** What the standard says, and so what we do. */
  verdict: 'refused' | 'accepted'
  rule: string
  der: Uint8Array
}

const forged = (overrides: Partial<CertificateParts>) => forgeCertificate(overrides)
const withExtensions = (...extensions: readonly Uint8Array[]) => forgeCertificate({ extensions })
const whole = forgeCertificate()
const outerContent = whole.subarray(4)
const times = (from: Uint8Array, to: Uint8Array = utcTime('270101000000Z')) => forged({ validity: validity(from, to) })
const serial = (...octets: readonly number[]) => forged({ serial: element(0x02, Uint8Array.from(octets)) })
const ecParameters = (...parameters: readonly Uint8Array[]) => sequence(oid('1.2.840.10045.2.1'), ...parameters)
const signers = (algorithm: Uint8Array) => forged({ innerAlgorithm: algorithm, outerAlgorithm: algorithm })
const keyUsage = (...octets: readonly number[]) =>
  withExtensions(extension('2.5.29.15', element(0x03, Uint8Array.from(octets)), criticalMark))
const constraints = (...parts: readonly Uint8Array[]) =>
  withExtensions(extension('2.5.29.19', sequence(...parts), criticalMark))
const boolean = (octet: number) => element(0x01, Uint8Array.of(octet))
const subjectOf = (type: string, value: Uint8Array) => forged({ subject: name(attribute(type, value)) })
const many = Array.from({ length: 65 }, (_, index) => extension(`1.3.6.1.4.1.99999.100.${index}`, Uint8Array.of(5, 0)))

const refused = (rule: string) => (der: Uint8Array) => ({ verdict: 'refused' as const, rule, der })
const accepted = (rule: string) => (der: Uint8Array) => ({ verdict: 'accepted' as const, rule, der })

const cases: Readonly<Record<string, Omit<Odd, 'name'>>> = {
  // Encoding
  'bytes after the certificate': refused('X.690 §8.1: an encoding ends with its content')(
    forged({ tail: Uint8Array.of(0) }),
  ),
  'bytes after the extensions': refused('RFC 5280 §4.1: nothing follows them')(
    forged({ extensions: [altNames(general.dns('a.example'))], innerTail: element(0x05) }),
  ),
  'an indefinite length': refused('X.690 §10.1: DER has the definite form')(indefiniteLength(0x30, outerContent)),
  'a length in more octets than needed': refused('X.690 §10.1: the fewest octets')(
    forged({ serial: longLength(0x02, Uint8Array.of(1)) }),
  ),
  'a serial number with a superfluous zero': refused('X.690 §8.3.2: the shortest form')(serial(0, 1)),
  'a serial number without content': refused('X.690 §8.3.1: one octet at least')(serial()),
  'cut off in the middle': refused('X.690 §8.1.3: the length must be there')(whole.subarray(0, whole.length - 20)),
  'an object identifier with padding': refused('X.690 §8.19.2: the first octet is not 0x80')(
    withExtensions(sequence(element(0x06, Uint8Array.of(0x2b, 0x80, 0x01)), element(0x04, Uint8Array.of(5, 0)))),
  ),
  'a critical mark of 0x01': refused('X.690 §11.1: TRUE is 0xff')(
    withExtensions(extension('2.5.29.15', element(0x03, Uint8Array.of(7, 0x80)), boolean(1))),
  ),
  'a critical mark that says FALSE': accepted(
    'X.690 §11.5 leaves it out; many issuers write it, and nothing depends on it',
  )(withExtensions(extension('2.5.29.15', element(0x03, Uint8Array.of(7, 0x80)), boolean(0)))),
  'an extension value in pieces': refused('X.690 §10.2: strings are primitive')(
    withExtensions(sequence(oid('2.5.29.14'), inPieces(0x04, element(0x04, new Uint8Array(20))))),
  ),
  'a signature with unused bits': refused('RFC 3279 §2.2: a whole number of octets')(
    forged({ signature: element(0x03, Uint8Array.of(3, 0x30, 0x00)) }),
  ),
  // Version, serial, algorithms
  'version 1 written out': refused('X.690 §11.5: the default is left out')(forged({ version: versions.explicitV1 })),
  'version 4': refused('RFC 5280 §4.1.2.1: versions 1 to 3')(forged({ version: versions.v4 })),
  'version 1 with extensions': refused('RFC 5280 §4.1.2.1: version 3')(
    forged({ version: versions.v1, extensions: [altNames(general.dns('a.example'))] }),
  ),
  'a negative serial number': accepted('RFC 5280 §4.1.2.2: readers handle it gracefully')(serial(0x85)),
  'a serial number of zero': accepted('RFC 5280 §4.1.2.2: readers handle it gracefully')(serial(0)),
  'a serial number of 21 octets': accepted('RFC 5280 §4.1.2.2 limits writers')(
    serial(0x11, ...new Array(20).fill(0x22)),
  ),
  'another algorithm outside than inside': refused('RFC 5280 §4.1.1.2: the same one')(
    forged({ outerAlgorithm: algorithmIds.ecdsaSha384 }),
  ),
  'an ECDSA algorithm with parameters': refused('RFC 5758 §3.2: parameters are absent')(
    signers(sequence(oid('1.2.840.10045.4.3.2'), element(0x05))),
  ),
  'an RSA algorithm without parameters': accepted('RFC 4055 §5: accepted')(
    signers(sequence(oid('1.2.840.113549.1.1.11'))),
  ),
  'a SHA-1 signature': accepted('reading is not trusting')(signers(algorithmIds.rsaSha1)),
  // Time
  'a time without seconds': refused('RFC 5280 §4.1.2.5.1: seconds are there')(times(utcTime('2601010000Z'))),
  'a time with an offset': refused('RFC 5280 §4.1.2.5.1: Z')(times(utcTime('260101000000+0100'))),
  'a time with a fraction': refused('RFC 5280 §4.1.2.5.2: no fractions')(times(generalizedTime('20260101000000.5Z'))),
  'a thirteenth month': refused('X.680 §46: no such moment')(times(utcTime('261301000000Z'))),
  'a thirtieth of February': refused('X.680 §46: no such moment')(times(utcTime('260230000000Z'))),
  'a time of letters': refused('X.690 §11.8: digits')(times(utcTime('26010100000xZ'))),
  'a GeneralizedTime before 2050': accepted('RFC 5280 §4.1.2.5 binds writers; the moment is plain')(
    times(generalizedTime('20260101000000Z')),
  ),
  'an end in 9999': accepted('RFC 5280 §4.1.2.5: no well-defined end')(
    times(utcTime('260101000000Z'), generalizedTime('99991231235959Z')),
  ),
  'an end before its beginning': accepted('reading is not judging')(times(utcTime('280101000000Z'))),
  // Names
  'a subject that is not UTF-8': refused('RFC 3629 §3')(
    subjectOf(nameOids.cn, element(0x0c, Uint8Array.of(0xc3, 0x28))),
  ),
  'a subject with a NUL': refused('no name has one; it has been used to cut names short')(
    subjectOf(nameOids.cn, text.utf8('good.example\0.evil.example')),
  ),
  'a BMPString of an odd length': refused('X.690 §8.23.7: two octets each')(
    subjectOf(nameOids.cn, element(0x1e, Uint8Array.of(0, 65, 0))),
  ),
  'an empty part of a name': refused('X.501 §9.3: one attribute at least')(
    forged({ subject: sequence(element(0x31)) }),
  ),
  'a TeletexString': accepted('RFC 5280 §4.1.2.4: readers know it; Latin-1 in practice')(
    subjectOf(nameOids.o, text.teletex('Söhne')),
  ),
  'a UniversalString': accepted('RFC 5280 §4.1.2.4: readers know it')(subjectOf(nameOids.o, text.universal('Ωmega'))),
  'a PrintableString with an asterisk': accepted('seen in the wild; harmless')(
    subjectOf(nameOids.cn, text.printable('*.example.com')),
  ),
  // Keys
  'an RSA key without parameters': refused('RFC 3279 §2.3.1: NULL')(
    forged({ spki: rsaSpkiAround(sequence(element(0x02, oddModulus(2048)), smallInteger(3)), []) }),
  ),
  'a negative RSA modulus': refused('RFC 8017 §3.1: positive')(
    forged({ spki: rsaSpkiAround(sequence(element(0x02, oddModulus(2048)), smallInteger(3))) }),
  ),
  'an RSA key with bytes after it': refused('X.690 §8.1')(
    forged({
      spki: sequence(
        sequence(oid('1.2.840.113549.1.1.1'), element(0x05)),
        bitString(Buffer.concat([rsaSpki(oddModulus(2048), Uint8Array.of(3)).subarray(24), Uint8Array.of(0)])),
      ),
    }),
  ),
  'an RSA key of 1,024 bits': accepted('reading is not certifying')(forged({ spki: oddKeys.rsa1024.spki })),
  'a key on secp256k1': accepted('reading is not certifying')(forged({ spki: oddKeys.secp256k1.spki })),
  'explicit curve parameters': accepted(
    'reading is not certifying: RFC 5480 §2.1.1 forbids them, the inventory shows them',
  )(forged({ spki: oddKeys.explicit.spki })),
  'a compressed point': accepted('RFC 5480 §2.2: may be read')(
    forged({
      spki: sequence(
        ecParameters(oid('1.2.840.10045.3.1.7')),
        bitString(Uint8Array.of(2, ...plainParts.spki.subarray(27, 59))),
      ),
    }),
  ),
  'Ed25519 with parameters': refused('RFC 8410 §3: absent')(
    forged({ spki: sequence(sequence(oid('1.3.101.112'), element(0x05)), bitString(new Uint8Array(32))) }),
  ),
  'a key of an unknown algorithm': accepted('reading is not certifying')(
    forged({ spki: sequence(sequence(oid('1.3.6.1.4.1.99999.9')), bitString(new Uint8Array(40))) }),
  ),
  // Extensions
  'an empty list of extensions': refused('RFC 5280 §4.1: one at least')(withExtensions()),
  'the same extension twice': refused('RFC 5280 §4.2: one instance')(
    withExtensions(altNames(general.dns('a.example')), altNames(general.dns('b.example'))),
  ),
  'sixty-five extensions': refused('a limit of ours')(withExtensions(...many)),
  'an unknown critical extension': accepted('reading is not trusting; it is listed as unknownCritical')(
    withExtensions(extension('1.3.6.1.4.1.99999.3', Uint8Array.of(5, 0), criticalMark)),
  ),
  'a CA mark that says FALSE': accepted('X.690 §11.5 leaves it out; very common')(constraints(boolean(0))),
  'a CA mark of 0x01': refused('X.690 §11.1: TRUE is 0xff')(constraints(boolean(1))),
  'a negative path length': refused('RFC 5280 §4.2.1.9: INTEGER (0..MAX)')(
    constraints(boolean(0xff), element(0x02, Uint8Array.of(0xff))),
  ),
  'a key usage with trailing zero bits': accepted('X.690 §11.2.2 leaves them out; the meaning is plain')(
    keyUsage(0, 0x80),
  ),
  'a key usage with unused bits set': refused('X.690 §11.2.1: they are zero')(keyUsage(7, 0xc0)),
  'a key usage of eight unused bits': refused('X.690 §8.6.2.2: 0 to 7')(keyUsage(8, 0x80)),
  'an empty extended key usage': refused('RFC 5280 §4.2.1.12: one at least')(
    withExtensions(extension('2.5.29.37', sequence())),
  ),
  'an empty list of alternative names': refused('RFC 5280 §4.2.1.6: one at least')(withExtensions(altNames())),
  'a DNS name outside ASCII': refused('RFC 5280 §4.2.1.6: IA5String')(
    withExtensions(altNames(general.dns('bücher.example'))),
  ),
  'a DNS name with a NUL': refused('it has been used to cut names short')(
    withExtensions(altNames(general.dns('good.example\0.evil.example'))),
  ),
  'an IP address of five octets': refused('RFC 5280 §4.2.1.6: four or sixteen')(
    withExtensions(altNames(general.ip(1, 2, 3, 4, 5))),
  ),
  'a DNS name in pieces': refused('X.690 §10.2: strings are primitive')(
    withExtensions(altNames(element(0xa2, element(0x16, Buffer.from('a.example'))))),
  ),
  'an upper-case DNS name': accepted('RFC 5280 §7.2: case does not count')(
    withExtensions(altNames(general.dns('WWW.Example.COM'))),
  ),
  'a user principal name': accepted('RFC 5280 §4.2.1.6: otherName')(
    withExtensions(altNames(general.upn('a@example.com'))),
  ),
  'a directory name': accepted('RFC 5280 §4.2.1.6: directoryName')(withExtensions(altNames(general.directory('x')))),
  'a key identifier with bytes after it': refused('RFC 5280 §4.2: the value is the DER of one type')(
    withExtensions(extension('2.5.29.14', Buffer.concat([element(0x04, new Uint8Array(20)), Uint8Array.of(0)]))),
  ),
  'an extension that is not what it claims': refused('RFC 5280 §4.2.1.1')(
    withExtensions(extension('2.5.29.35', element(0x04, new Uint8Array(20)))),
  ),
  'parts of a name out of order': accepted('X.690 §11.6 orders them; the bytes are kept as they are')(
    forged({
      subject: sequence(element(0x31, attribute(nameOids.ou, text.utf8('zz')), attribute(nameOids.cn, text.utf8('a')))),
    }),
  ),
  'an issuer without a name': accepted('RFC 5280 §4.1.2.4 binds writers')(forged({ issuer: name() })),
  'a version 2 certificate with a unique identifier': accepted('RFC 5280 §4.1.2.8')(
    forged({ version: versions.v2, uniqueIds: element(0x81, Uint8Array.of(0, 1)) }),
  ),
  'a version 1 certificate with a unique identifier': refused('RFC 5280 §4.1.2.8: not in version 1')(
    forged({ version: versions.v1, uniqueIds: element(0x81, Uint8Array.of(0, 1)) }),
  ),
  'a set where a sequence belongs': refused('RFC 5280 §4.1')(forged({ subject: setOf(...[commonName('x')]) })),
}

export const oddCertificates: readonly Odd[] = Object.entries(cases).map(([label, odd]) => ({ name: label, ...odd }))
