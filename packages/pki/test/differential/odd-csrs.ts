import { constants, sign } from 'node:crypto'
import { bitString, element, oid, sequence, smallInteger } from '../../src/der/writer.js'
import { indefiniteLength, longLength } from '../forge/ber.js'
import { criticalMark, extension } from '../forge/certificate.js'
import { attributeOf, type CsrParts, forgeCsr, requesting } from '../forge/csr.js'
import { altNames, general } from '../forge/general-names.js'
import { algorithmIds, oddKeys, oddModulus, rsaSpki, testKeys } from '../forge/keys.js'
import { commonName, text } from '../forge/names.js'

/** A CSR with one thing unusual about it, and what becomes of it: a code, and words the sentence has; or acceptance. */
export interface OddCsr {
  name: string
  verdict: 'accepted' | 'csr_malformed' | 'csr_rejected'
  /** Part of the sentence. */
  says: string
  rule: string
  der: Uint8Array
}

const { p256, rsa, ed25519 } = testKeys
const forged = (overrides: Partial<CsrParts>) => forgeCsr(p256, overrides)
const asking = (...extensions: readonly Uint8Array[]) => forged({ attributes: [requesting(...extensions)] })
const named = (...names: readonly Uint8Array[]) => asking(altNames(...names))
const whole = forgeCsr()
const rsaSigned = (algorithm: Uint8Array, hash: string) =>
  forgeCsr(rsa, { algorithm, signature: (signed) => bitString(sign(hash, signed, rsa.privateKey)) })

const hash = (identifier: string) => sequence(oid(identifier), element(0x05))
const sha256 = hash('2.16.840.1.101.3.4.2.1')
const mask = (inner: Uint8Array) => sequence(oid('1.2.840.113549.1.1.8'), inner)
const pss = (...parameters: readonly Uint8Array[]) => sequence(oid('1.2.840.113549.1.1.10'), sequence(...parameters))
const usualPss = pss(element(0xa0, sha256), element(0xa1, mask(sha256)), element(0xa2, smallInteger(32)))
const pssSigned = (algorithm: Uint8Array) =>
  forgeCsr(rsa, {
    algorithm,
    signature: (signed) =>
      bitString(
        sign('sha256', signed, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
      ),
  })

const offCurve = Uint8Array.from(p256.spki)
offCurve[offCurve.length - 1] = (offCurve[offCurve.length - 1] ?? 0) ^ 1

const malformed = (says: string, rule: string) => (der: Uint8Array) => ({
  verdict: 'csr_malformed' as const,
  says,
  rule,
  der,
})
const rejected = (says: string, rule: string) => (der: Uint8Array) => ({
  verdict: 'csr_rejected' as const,
  says,
  rule,
  der,
})
const accepted = (rule: string) => (der: Uint8Array) => ({ verdict: 'accepted' as const, says: '', rule, der })

const cases: Readonly<Record<string, Omit<OddCsr, 'name'>>> = {
  // Keys
  'an RSA key of 1,024 bits': rejected('1024 bits', 'NIST SP 800-131A: 2,048 at least')(forgeCsr(oddKeys.rsa1024)),
  'an RSA exponent of 1': rejected(
    'exponent is 1',
    'RFC 8017 §3.1: 3 at least',
  )(forgeCsr(rsa, { spki: rsaSpki(oddModulus(2048), Uint8Array.of(1)) })),
  'an even RSA exponent': rejected(
    'which is even',
    'RFC 8017 §3.1: odd',
  )(forgeCsr(rsa, { spki: rsaSpki(oddModulus(2048), Uint8Array.of(1, 0)) })),
  'an RSA exponent of 65 bits': rejected(
    'more than 64 bits',
    'a limit of OpenSSL’s',
  )(forgeCsr(rsa, { spki: rsaSpki(oddModulus(2048), Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 1)) })),
  'an RSA key of 16,384 bits': rejected(
    '16384 bits',
    'a limit of ours',
  )(forgeCsr(rsa, { spki: rsaSpki(oddModulus(16_384), Uint8Array.of(1, 0, 1)) })),
  'an even RSA modulus': rejected(
    'modulus is even',
    'RFC 8017 §3.1: odd primes',
  )(
    forgeCsr(rsa, {
      spki: rsaSpki(
        oddModulus(2048).map((octet, at) => (at === 255 ? 0xa4 : octet)),
        Uint8Array.of(1, 0, 1),
      ),
    }),
  ),
  'explicit curve parameters': rejected(
    'explicit curve parameters',
    'RFC 5480 §2.1.1: namedCurve',
  )(forgeCsr(oddKeys.explicit)),
  'a key on secp256k1': rejected('secp256k1', 'not one of the accepted curves')(forgeCsr(oddKeys.secp256k1)),
  'a point that is not on the curve': rejected('lie on the curve', 'SEC 1 §3.2.2.1')(forged({ spki: offCurve })),
  'a key of an unknown algorithm': rejected(
    '1.3.6.1.4.1.99999.9',
    'not one of the accepted algorithms',
  )(forged({ spki: sequence(sequence(oid('1.3.6.1.4.1.99999.9')), bitString(new Uint8Array(40))) })),
  // Signatures
  'a SHA-1 signature of RSA': rejected(
    'SHA-1',
    'NIST SP 800-131A: disallowed',
  )(rsaSigned(algorithmIds.rsaSha1, 'sha1')),
  'a SHA-1 signature of ECDSA': rejected(
    'SHA-1',
    'NIST SP 800-131A: disallowed',
  )(
    forged({
      algorithm: algorithmIds.ecdsaSha1,
      signature: (signed) => bitString(sign('sha1', signed, p256.privateKey)),
    }),
  ),
  'an MD5 signature': rejected('MD5', 'RFC 6151 §2')(rsaSigned(algorithmIds.rsaMd5, 'md5')),
  'a wrong signature': rejected(
    'does not fit',
    'RFC 2986 §3: proof of possession',
  )(forged({ signature: () => bitString(p256.sign(Uint8Array.of(1))) })),
  'a signature of another key': rejected(
    'does not fit',
    'RFC 2986 §3: proof of possession',
  )(
    forged({
      spki: testKeys.p384.spki,
      algorithm: algorithmIds.ecdsaSha384,
      signature: (signed) => bitString(p256.sign(signed)),
    }),
  ),
  'a signature of another kind of key': rejected(
    'its key is EC',
    'the algorithm must fit the key',
  )(forged({ algorithm: algorithmIds.rsaSha256 })),
  'an RSASSA-PSS signature': accepted('RFC 4055 §3')(pssSigned(usualPss)),
  'an RSASSA-PSS signature with SHA-1': rejected('SHA-1', 'RFC 4055 §3.1: the default is SHA-1')(pssSigned(pss())),
  'an RSASSA-PSS signature with two hashes': rejected(
    'not the usual ones',
    'a limit of ours',
  )(
    pssSigned(
      pss(element(0xa0, sha256), element(0xa1, mask(hash('2.16.840.1.101.3.4.2.2'))), element(0xa2, smallInteger(32))),
    ),
  ),
  'an RSA signature with SHA-512': accepted('RFC 4055 §5')(rsaSigned(algorithmIds.rsaSha512, 'sha512')),
  'an ECDSA signature with another hash than usual': accepted('RFC 5758 §3.2')(
    forged({
      algorithm: algorithmIds.ecdsaSha512,
      signature: (signed) => bitString(sign('sha512', signed, p256.privateKey)),
    }),
  ),
  'an Ed25519 signature cut short': rejected(
    'does not fit',
    'RFC 8032 §5.1.7',
  )(forgeCsr(ed25519, { signature: (signed) => bitString(ed25519.sign(signed).subarray(0, 63)) })),
  // Encoding
  'bytes after it': malformed('follow its end', 'X.690 §8.1')(forged({ tail: Uint8Array.of(0x30) })),
  'bytes after the attributes': malformed('too many bytes', 'RFC 2986 §4.1')(forged({ innerTail: element(0x05) })),
  'an indefinite length': malformed('BER', 'X.690 §10.1')(indefiniteLength(0x30, whole.subarray(3))),
  'a length in more octets than needed': malformed(
    'BER',
    'X.690 §10.1',
  )(forged({ version: longLength(0x02, Uint8Array.of(0)) })),
  'cut off in the middle': malformed('', 'X.690 §8.1.3')(whole.subarray(0, 100)),
  'version 2': malformed('version', 'RFC 2986 §4.1: 0')(forged({ version: smallInteger(1) })),
  'no attributes at all': accepted('RFC 2986 §4.1 has an empty set; some writers leave it out, as OpenSSL accepts')(
    forged({ attributes: undefined }),
  ),
  'an attribute without value': malformed(
    'has no value',
    'RFC 2986 §4.1: SET SIZE(1..MAX)',
  )(forged({ attributes: [attributeOf('1.2.840.113549.1.9.7')] })),
  'the same attribute twice': malformed(
    'twice',
    'RFC 2986 §4.1: a set',
  )(
    forged({
      attributes: [
        attributeOf('1.2.840.113549.1.9.7', text.utf8('a')),
        attributeOf('1.2.840.113549.1.9.7', text.utf8('a')),
      ],
    }),
  ),
  'BER inside an attribute nobody reads': malformed(
    'BER',
    'X.690 §10.1',
  )(forged({ attributes: [attributeOf('1.3.6.1.4.1.99999.5', indefiniteLength(0x30, element(0x05)))] })),
  // What is asked for
  'an unknown critical extension': rejected(
    'critical extension',
    'RFC 5280 §4.2: not understood, not certified',
  )(asking(extension('1.3.6.1.4.1.99999.6', Uint8Array.of(5, 0), criticalMark))),
  'the same extension twice': malformed(
    'twice',
    'RFC 5280 §4.2',
  )(asking(altNames(general.dns('a.example')), altNames(general.dns('b.example')))),
  'a name of another kind': rejected(
    'another kind',
    'dropping it in silence would certify less than asked',
  )(named(general.upn('a@example.com'))),
  'a bare wildcard': rejected('"*"', 'RFC 6125 §6.4.3: a whole first label before others')(named(general.dns('*'))),
  'a wildcard inside a label': rejected('wildcard', 'RFC 6125 §6.4.3')(named(general.dns('w*w.example.com'))),
  'an IP address as a DNS name': rejected(
    'IP address',
    'RFC 5280 §4.2.1.6: iPAddress',
  )(named(general.dns('192.0.2.1'))),
  'an e-mail address as a DNS name': rejected(
    'holds a character',
    'RFC 5280 §4.2.1.6: rfc822Name',
  )(named(general.dns('a@example.com'))),
  'a DNS name with a NUL': malformed(
    '0x00',
    'it has been used to cut names short',
  )(named(general.dns('good.example\0.evil.example'))),
  'a relative URI': rejected('not absolute', 'RFC 5280 §4.2.1.6: absolute')(named(general.uri('/index.html'))),
  'a CA certificate': accepted('asking is free; the issuer never grants it')(
    asking(extension('2.5.29.19', sequence(element(0x01, Uint8Array.of(0xff))), criticalMark)),
  ),
  'a NUL in the subject': malformed(
    'NUL',
    'it has been used to cut names short',
  )(forged({ subject: commonName('good.example\0.evil.example') })),
}

export const oddCsrs: readonly OddCsr[] = Object.entries(cases).map(([label, odd]) => ({ name: label, ...odd }))
