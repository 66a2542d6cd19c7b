/** What only the OpenSSL of older Nodes (before 3.5) says. */
function openSsl30(judgement: string): Readonly<Record<string, string>> {
  const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number)
  return major > 3 || (major === 3 && minor >= 5) ? {} : { 'node:crypto': judgement }
}

/** What a shape is by the standard, and which library sees it otherwise. A line that no longer occurs fails the test, and so does one that is missing. */
export const disagreements: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'bytes after the certificate': {
    verdict: 'refused: X.690 §8.1: an encoding ends with its content',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'bytes after the extensions': {
    verdict: 'refused: RFC 5280 §4.1: nothing follows them',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a length in more octets than needed': {
    verdict: 'refused: X.690 §10.1: the fewest octets',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a serial number with a superfluous zero': {
    verdict: 'refused: X.690 §8.3.2: the shortest form',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a serial number without content': {
    verdict: 'refused: X.690 §8.3.1: one octet at least',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'an object identifier with padding': {
    verdict: 'refused: X.690 §8.19.2: the first octet is not 0x80',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a critical mark of 0x01': {
    verdict: 'refused: X.690 §11.1: TRUE is 0xff',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'an extension value in pieces': {
    verdict: 'refused: X.690 §10.2: strings are primitive',
    'node:crypto': 'accepted',
  },
  'a signature with unused bits': {
    verdict: 'refused: RFC 3279 §2.2: a whole number of octets',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'version 1 written out': {
    verdict: 'refused: X.690 §11.5: the default is left out',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'version 4': {
    verdict: 'refused: RFC 5280 §4.1.2.1: versions 1 to 3',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'version 1 with extensions': {
    verdict: 'refused: RFC 5280 §4.1.2.1: version 3',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a negative serial number': {
    verdict: 'accepted: RFC 5280 §4.1.2.2: readers handle it gracefully',
    '@peculiar/x509': 'reads otherwise: serial',
    pkijs: 'reads otherwise: serial',
  },
  'a serial number of zero': {
    verdict: 'accepted: RFC 5280 §4.1.2.2: readers handle it gracefully',
    'node:crypto': 'reads otherwise: serial',
  },
  'another algorithm outside than inside': {
    verdict: 'refused: RFC 5280 §4.1.1.2: the same one',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'an ECDSA algorithm with parameters': {
    verdict: 'refused: RFC 5758 §3.2: parameters are absent',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a time without seconds': {
    verdict: 'refused: RFC 5280 §4.1.2.5.1: seconds are there',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    ...openSsl30('accepted'),
  },
  'a time with an offset': {
    verdict: 'refused: RFC 5280 §4.1.2.5.1: Z',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a time with a fraction': {
    verdict: 'refused: RFC 5280 §4.1.2.5.2: no fractions',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a thirteenth month': {
    verdict: 'refused: X.680 §46: no such moment',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a thirtieth of February': {
    verdict: 'refused: X.680 §46: no such moment',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a time of letters': {
    verdict: 'refused: X.690 §11.8: digits',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a subject that is not UTF-8': {
    verdict: 'refused: RFC 3629 §3',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a subject with a NUL': {
    verdict: 'refused: no name has one; it has been used to cut names short',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'an empty part of a name': {
    verdict: 'refused: X.501 §9.3: one attribute at least',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'an RSA key without parameters': {
    verdict: 'refused: RFC 3279 §2.3.1: NULL',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a negative RSA modulus': {
    verdict: 'refused: RFC 8017 §3.1: positive',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'an RSA key with bytes after it': {
    verdict: 'refused: X.690 §8.1',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'Ed25519 with parameters': {
    verdict: 'refused: RFC 8410 §3: absent',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'an empty list of extensions': {
    verdict: 'refused: RFC 5280 §4.1: one at least',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'the same extension twice': {
    verdict: 'refused: RFC 5280 §4.2: one instance',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'sixty-five extensions': {
    verdict: 'refused: a limit of ours',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a CA mark of 0x01': {
    verdict: 'refused: X.690 §11.1: TRUE is 0xff',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a negative path length': {
    verdict: 'refused: RFC 5280 §4.2.1.9: INTEGER (0..MAX)',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a key usage with unused bits set': {
    verdict: 'refused: X.690 §11.2.1: they are zero',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a key usage of eight unused bits': {
    verdict: 'refused: X.690 §8.6.2.2: 0 to 7',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'an empty extended key usage': {
    verdict: 'refused: RFC 5280 §4.2.1.12: one at least',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'an empty list of alternative names': {
    verdict: 'refused: RFC 5280 §4.2.1.6: one at least',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a DNS name outside ASCII': {
    verdict: 'refused: RFC 5280 §4.2.1.6: IA5String',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a DNS name with a NUL': {
    verdict: 'refused: it has been used to cut names short',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'an IP address of five octets': {
    verdict: 'refused: RFC 5280 §4.2.1.6: four or sixteen',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a DNS name in pieces': {
    verdict: 'refused: X.690 §10.2: strings are primitive',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a key identifier with bytes after it': {
    verdict: 'refused: RFC 5280 §4.2: the value is the DER of one type',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'an extension that is not what it claims': {
    verdict: 'refused: RFC 5280 §4.2.1.1',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
  'a version 1 certificate with a unique identifier': {
    verdict: 'refused: RFC 5280 §4.1.2.8: not in version 1',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
    'node:crypto': 'accepted',
  },
}
