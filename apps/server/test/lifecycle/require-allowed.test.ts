import { isCertctlError } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { defaultProfile, type Profile } from '../../src/lifecycle/policy/default-profile.js'
import { isKeyAllowed } from '../../src/lifecycle/policy/is-key-allowed.js'
import { requireAllowed, type WantedCertificate } from '../../src/lifecycle/policy/require-allowed.js'
import { ttlSeconds } from '../../src/lifecycle/policy/ttl-seconds.js'
import { usualKeyAlgorithm } from '../../src/lifecycle/policy/usual-key-algorithm.js'

const wanted: WantedCertificate = {
  commonName: 'www.example.test',
  names: [{ type: 'dns', value: 'www.example.test' }],
  subject: [],
  extendedKeyUsages: ['serverAuth'],
  mustStaple: false,
  validitySeconds: undefined,
  issuerId: 'iss-a',
  keyAlgorithm: 'EC-P256',
  custody: 'agent',
}

const profileWith = (more: Partial<Profile>): Profile => ({ ...defaultProfile, id: 'prof-web', ...more })
const dns = (value: string) => ({ type: 'dns' as const, value })

/** What is refused of it, or `allowed`; other names come without a common name. */
function verdict(asked: Partial<WantedCertificate>, profile: Partial<Profile>): string {
  try {
    const common = asked.names === undefined ? {} : { commonName: undefined }
    requireAllowed({ ...wanted, ...common, ...asked }, profileWith(profile))
    return 'allowed'
  } catch (error) {
    if (!isCertctlError(error)) throw error
    expect(error.code).toBe('policy_denied')
    return error.message
  }
}

describe('a profile', () => {
  it('that says nothing allows what is usual', () => {
    expect(verdict({}, {})).toBe('allowed')
  })

  it('that is disabled gives nothing new and says so', () => {
    expect(verdict({}, { isEnabled: false })).toMatch(/Profile prof-web is disabled.*enable it/)
  })

  it.each<[string, Partial<WantedCertificate>, Partial<Profile>, RegExp]>([
    ['issuer', {}, { allowedIssuerIds: ['iss-b'] }, /^issuer_id: iss-a.*prof-web; it allows iss-b/],
    [
      'algorithm',
      { keyAlgorithm: 'RSA-2048' },
      { allowedKeyAlgorithms: [{ algorithm: 'ECDSA', min_size: 256 }] },
      /^key_algorithm: RSA-2048.*ECDSA of 256 bits or more/,
    ],
    [
      'size',
      { keyAlgorithm: 'RSA-2048' },
      { allowedKeyAlgorithms: [{ algorithm: 'RSA', min_size: 3072 }] },
      /^key_algorithm: RSA-2048/,
    ],
    ['custody outside', { custody: 'outside' }, { allowedKeyCustody: ['agent'] }, /^csr_pem: a key held outside/],
    ['custody agent', { custody: 'agent' }, { allowedKeyCustody: ['outside'] }, /^target_ids: a key made by an agent/],
    ['server custody', { custody: 'server' }, {}, /held by the server is not allowed/],
    ['usage', { extendedKeyUsages: ['codeSigning'] }, {}, /^extended_key_usages: .*codeSigning.*it allows serverAuth/],
    ['validity', { validitySeconds: 7200 }, { minTtlSeconds: 86_400 }, /^validity_seconds: .*at least 86400 s/],
    ['short life', { validitySeconds: 600 }, { allowsShortLived: false }, /less than an hour.*allow_short_lived/],
    ['capped short life', {}, { maxTtlSeconds: 600, allowsShortLived: false }, /less than an hour/],
    ['wildcard', { names: [dns('*.a.test')] }, { allowsWildcards: false }, /^sans: .*\*\.a\.test is a wildcard/],
    ['address', { names: [{ type: 'ip', value: '10.0.0.1' }] }, { allowsIpAddresses: false }, /10\.0\.0\.1 is an IP/],
    [
      'mailbox',
      { names: [{ type: 'email', value: 'a@b.test' }] },
      { allowsEmailAddresses: false },
      /a@b\.test is an e-mail/,
    ],
  ])('refuses another %s, naming the field, itself and what would be right', (_, asked, profile, expected) => {
    expect(verdict(asked, profile)).toMatch(expected)
  })

  it.each<[string, Partial<WantedCertificate>, Partial<Profile>]>([
    ['an issuer it lists', {}, { allowedIssuerIds: ['iss-b', 'iss-a'] }],
    ['a larger key', { keyAlgorithm: 'EC-P384' }, { allowedKeyAlgorithms: [{ algorithm: 'ECDSA', min_size: 256 }] }],
    ['Ed25519', { keyAlgorithm: 'Ed25519' }, { allowedKeyAlgorithms: [{ algorithm: 'Ed25519', min_size: 0 }] }],
    ['a custody nobody knows yet', { custody: undefined }, { allowedKeyCustody: [] }],
    ['a validity that it caps', { validitySeconds: 1e9 }, { maxTtlSeconds: 86_400, minTtlSeconds: 3600 }],
    ['a short life', { validitySeconds: 60 }, { allowsShortLived: true }],
    ['exactly an hour', { validitySeconds: 3600 }, { allowsShortLived: false }],
  ])('allows %s', (_, asked, profile) => {
    expect(verdict(asked, profile)).toBe('allowed')
  })

  describe('with patterns', () => {
    const patterns = { requiredSanPatterns: ['[a-z0-9-]+\\.example\\.test', '*.internal.test'] }

    it('wants each host name to match one of them', () => {
      expect(verdict({ names: [dns('www.example.test'), dns('db.internal.test')] }, patterns)).toBe('allowed')
      expect(verdict({ names: [dns('www.example.test'), dns('evil.test')] }, patterns)).toMatch(
        /^sans: .*evil\.test is not allowed by profile prof-web; it has to match one of/,
      )
    })

    it('does not let a name that only contains a match pass', () => {
      expect(verdict({ names: [dns('www.example.test.evil.test')] }, patterns)).toMatch(/not allowed/)
    })

    it('lets no address in until one matches it too, and says so', () => {
      const ip = (value: string) => ({ names: [dns('www.example.test'), { type: 'ip' as const, value }] })
      expect(verdict(ip('10.0.0.1'), patterns)).toMatch(/^sans: .*10\.0\.0\.1 is not allowed .*has to match one of/)
      const own = { requiredSanPatterns: [...patterns.requiredSanPatterns, '10\\.0\\..*', '2001:db8:.*'] }
      for (const value of ['10.0.0.1', '2001:db8::1']) expect(verdict(ip(value), own)).toBe('allowed')
      for (const value of ['10.1.0.1', '2001:db9::1']) expect(verdict(ip(value), own)).toMatch(/is not allowed/)
      expect(verdict(ip('10.0.0.1'), { ...own, allowsIpAddresses: false })).toMatch(/is an IP address/)
    })

    it('lets no mailbox in that only a pattern for hosts matches, and says what does', () => {
      const mailbox = (value: string) => ({ names: [dns('www.example.test'), { type: 'email' as const, value }] })
      const hosts = { requiredSanPatterns: ['.*\\.example\\.test', '.*'] }
      for (const value of ['ceo@evil.test', 'ceo@a.example.test'])
        expect(verdict(mailbox(value), hosts)).toMatch(
          /^sans: .*ceo@.* is not allowed .*match a pattern with @ in required_san_patterns/,
        )
      const own = { requiredSanPatterns: [...hosts.requiredSanPatterns, '[a-z]+@example\\.test'] }
      expect(verdict(mailbox('ada@example.test'), own)).toBe('allowed')
      expect(verdict(mailbox('ceo@evil.test'), own)).toMatch(/ceo@evil\.test is not allowed/)
    })

    it('lets no URI in until there is a pattern for URIs, and says which', () => {
      const uri = [dns('www.example.test'), { type: 'uri' as const, value: 'spiffe://evil.test/admin' }]
      expect(verdict({ names: uri }, patterns)).toMatch(/^sans: .*evil\.test.*set spiffe_uri_pattern/)
      expect(verdict({ names: uri }, { ...patterns, spiffeUriPattern: 'spiffe://evil\\.test/.+' })).toBe('allowed')
    })

    it('gives up judging, and says so, where patterns are too large for so many names', () => {
      const large = Array.from({ length: 50 }, (_, index) => `(.*[a-z0-9.]{0,20}){5}-${index}\\.example\\.test`)
      const many = Array.from({ length: 1000 }, (_, index) => dns(`${'a'.repeat(60)}.${'b'.repeat(60)}.n${index}.test`))
      expect(verdict({ names: many }, { requiredSanPatterns: large })).toMatch(
        /^sans: .*required_san_patterns are too large for so many names.*ask for fewer names/,
      )
    })

    it('judges a thousand names by usual patterns', () => {
      const many = Array.from({ length: 1000 }, (_, index) => dns(`host-${index}.example.test`))
      expect(verdict({ names: many }, patterns)).toBe('allowed')
      expect(verdict({ names: many }, { requiredSanPatterns: ['.*\\.example\\.test'] })).toBe('allowed')
    })

    it('that cannot be read allows no name', () => {
      expect(verdict({}, { requiredSanPatterns: ['(a'] })).toMatch(
        /allows no name: its required_san_patterns cannot be read/,
      )
    })

    it('of SPIFFE holds every URI to it, with its case', () => {
      const spiffe = { spiffeUriPattern: 'spiffe://example\\.test/ns/[a-z]+' }
      const uri = (value: string) => ({ names: [dns('a.test'), { type: 'uri' as const, value }] })
      expect(verdict(uri('spiffe://example.test/ns/web'), spiffe)).toBe('allowed')
      expect(verdict(uri('spiffe://example.test/ns/WEB'), spiffe)).toMatch(/^sans: .*spiffe/)
      expect(verdict(uri('https://example.test/'), spiffe)).toMatch(/^sans: /)
      expect(verdict(uri('https://example.test/'), {})).toBe('allowed')
    })
  })

  it.each<[string, Partial<Profile>]>([
    ['patterns for host names', { requiredSanPatterns: ['.*'] }],
    ['a pattern for URIs', { spiffeUriPattern: '.*' }],
    ['no wildcards', { allowsWildcards: false }],
    ['no addresses', { allowsIpAddresses: false }],
    ['no mailboxes', { allowsEmailAddresses: false }],
  ])('with %s refuses a common name that is none of the names', (_, profile) => {
    for (const commonName of ['evil.test', 'admin of evil.test', '*.example.test'])
      expect(verdict({ commonName }, profile)).toMatch(/^common_name: .*none of the names.*leave it out/)
    for (const commonName of ['www.example.test', 'WWW.example.test', undefined])
      expect(verdict({ commonName }, profile)).toBe('allowed')
  })

  it('that forbids nothing of names lets a common name of free text be', () => {
    const open = { allowsWildcards: true, allowsIpAddresses: true, allowsEmailAddresses: true }
    expect(verdict({ commonName: 'Build server 7' }, open)).toBe('allowed')
  })

  it('caps what is asked for and never lengthens it', () => {
    fc.assert(
      fc.property(
        fc.option(fc.integer({ min: 1, max: 1e9 }), { nil: undefined }),
        fc.option(fc.integer({ min: 1, max: 1e9 }), { nil: undefined }),
        (asked, max) => {
          const seconds = ttlSeconds(asked, profileWith({ maxTtlSeconds: max }))
          if (asked === undefined && max === undefined) return seconds === undefined
          return seconds === Math.min(asked ?? Number.POSITIVE_INFINITY, max ?? Number.POSITIVE_INFINITY)
        },
      ),
    )
  })

  it('that allows more refuses nothing that it allowed before', () => {
    const list = fc.subarray(['iss-a', 'iss-b'])
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), list, fc.integer({ min: 0, max: 9000 }), (wild, ip, issuers, min) => {
        const names = [dns('*.a.test'), { type: 'ip' as const, value: '10.0.0.1' }]
        const tight = { allowsWildcards: wild, allowsIpAddresses: ip, allowedIssuerIds: issuers, minTtlSeconds: min }
        const loose = { allowsWildcards: true, allowsIpAddresses: true, allowedIssuerIds: [], minTtlSeconds: 0 }
        const asked = { names, validitySeconds: 7200 }
        return verdict(asked, tight) !== 'allowed' || verdict(asked, loose) === 'allowed'
      }),
    )
  })

  it('chooses a key that it allows where nobody asked for one', () => {
    expect(usualKeyAlgorithm(defaultProfile)).toBe('EC-P256')
    const profiles: Profile['allowedKeyAlgorithms'][] = [
      [{ algorithm: 'RSA', min_size: 3072 }],
      [{ algorithm: 'ECDSA', min_size: 384 }],
      [{ algorithm: 'Ed25519', min_size: 256 }],
    ]
    const chosen = profiles.map((allowedKeyAlgorithms) => usualKeyAlgorithm(profileWith({ allowedKeyAlgorithms })))
    expect(chosen).toEqual(['RSA-3072', 'EC-P384', 'Ed25519'])
    expect(isKeyAllowed('DSA-1024', profileWith({ allowedKeyAlgorithms: [{ algorithm: 'RSA', min_size: 1 }] }))).toBe(
      false,
    )
  })
})
