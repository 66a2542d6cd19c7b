/** What a shape is by the standard, and which library sees it otherwise. A line that no longer occurs fails the test, and so does one that is missing. */
export const csrDisagreements: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'an RSA key of 1,024 bits': {
    verdict: 'csr_rejected: NIST SP 800-131A: 2,048 at least',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a key on secp256k1': {
    verdict: 'csr_rejected: not one of the accepted curves',
    '@peculiar/x509': 'accepted',
  },
  'a SHA-1 signature of RSA': {
    verdict: 'csr_rejected: NIST SP 800-131A: disallowed',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a SHA-1 signature of ECDSA': {
    verdict: 'csr_rejected: NIST SP 800-131A: disallowed',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a signature of another kind of key': {
    verdict: 'csr_rejected: the algorithm must fit the key',
    pkijs: 'accepted',
  },
  'an RSASSA-PSS signature with two hashes': {
    verdict: 'csr_rejected: a limit of ours',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'bytes after it': {
    verdict: 'csr_malformed: X.690 §8.1',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'bytes after the attributes': {
    verdict: 'csr_malformed: RFC 2986 §4.1',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'an indefinite length': {
    verdict: 'csr_malformed: X.690 §10.1',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a length in more octets than needed': {
    verdict: 'csr_malformed: X.690 §10.1',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'version 2': {
    verdict: 'csr_malformed: RFC 2986 §4.1: 0',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'an attribute without value': {
    verdict: 'csr_malformed: RFC 2986 §4.1: SET SIZE(1..MAX)',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'the same attribute twice': {
    verdict: 'csr_malformed: RFC 2986 §4.1: a set',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'BER inside an attribute nobody reads': {
    verdict: 'csr_malformed: X.690 §10.1',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'an unknown critical extension': {
    verdict: 'csr_rejected: RFC 5280 §4.2: not understood, not certified',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'the same extension twice': {
    verdict: 'csr_malformed: RFC 5280 §4.2',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a name of another kind': {
    verdict: 'csr_rejected: dropping it in silence would certify less than asked',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a bare wildcard': {
    verdict: 'csr_rejected: RFC 6125 §6.4.3: a whole first label before others',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a wildcard inside a label': {
    verdict: 'csr_rejected: RFC 6125 §6.4.3',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'an IP address as a DNS name': {
    verdict: 'csr_rejected: RFC 5280 §4.2.1.6: iPAddress',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'an e-mail address as a DNS name': {
    verdict: 'csr_rejected: RFC 5280 §4.2.1.6: rfc822Name',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a DNS name with a NUL': {
    verdict: 'csr_malformed: it has been used to cut names short',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a relative URI': {
    verdict: 'csr_rejected: RFC 5280 §4.2.1.6: absolute',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
  'a NUL in the subject': {
    verdict: 'csr_malformed: it has been used to cut names short',
    '@peculiar/x509': 'accepted',
    pkijs: 'accepted',
  },
}
