import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { buildChain, checkIssuedBy, encodePem, issuerFault, keyMatches, parseCertificate } from '../src/index.js'
import { createAuthority, createLeaf, type TestAuthority } from './forge/authority.js'

let root: TestAuthority
let policy: TestAuthority
let issuing: TestAuthority
let leaf: TestAuthority
let stranger: TestAuthority

beforeAll(async () => {
  root = await createAuthority({ name: 'Root', algorithm: 'EC-P384' })
  policy = await createAuthority({ name: 'Policy', by: root })
  issuing = await createAuthority({ name: 'Issuing', by: policy, algorithm: 'Ed25519' })
  leaf = await createLeaf(issuing)
  stranger = await createAuthority({ name: 'Stranger' })
})

const judgement = (judge: () => boolean): boolean => {
  try {
    return judge()
  } catch {
    return false
  }
}

describe('a chain', () => {
  it('is put in order, whatever order the CA sent, without the root, the leaf or anything that is not on it', () => {
    const sent = [stranger.pem, root.pem, leaf.pem, policy.pem, issuing.pem, issuing.pem]
    expect(buildChain(leaf.pem, sent)).toEqual({
      chainPem: issuing.pem + policy.pem,
      rootPem: root.pem,
      complete: true,
    })
  })

  it('is as long as what is there, where the root or more is missing', () => {
    expect(buildChain(leaf.pem, [policy.pem, issuing.pem])).toEqual({
      chainPem: issuing.pem + policy.pem,
      complete: false,
    })
    expect(buildChain(leaf.pem, [root.pem, issuing.pem])).toEqual({ chainPem: issuing.pem, complete: false })
    expect(buildChain(leaf.pem, [root.pem, policy.pem])).toEqual({ chainPem: '', complete: false })
    expect(buildChain(leaf.pem, [])).toEqual({ chainPem: '', complete: false })
  })

  it('of a leaf directly under its root is empty and complete', async () => {
    const direct = await createLeaf(root)
    expect(buildChain(direct.pem, [root.pem])).toEqual({ chainPem: '', rootPem: root.pem, complete: true })
  })

  it('of a self-signed leaf is empty, and the leaf is its own root', async () => {
    const own = await createAuthority({ name: 'self', overrides: { isCa: false, keyUsages: ['digitalSignature'] } })
    expect(buildChain(own.pem, [stranger.pem])).toEqual({ chainPem: '', rootPem: own.pem, complete: true })
  })

  it('prefers the way to a root where a CA is cross-signed', async () => {
    const elsewhere = await createAuthority({ name: 'Elsewhere' })
    const crossed = await createAuthority({ name: 'Issuing', by: elsewhere, key: issuing })
    const cross = buildChain(leaf.pem, [crossed.pem, issuing.pem, policy.pem, root.pem])
    expect(cross).toEqual({ chainPem: issuing.pem + policy.pem, rootPem: root.pem, complete: true })
    expect(buildChain(leaf.pem, [crossed.pem, issuing.pem, policy.pem]).complete).toBe(false)
  })

  it('ends also where CAs have signed each other', async () => {
    const one = await createAuthority({ name: 'One' })
    const two = await createAuthority({ name: 'Two', by: one })
    const oneByTwo = await createAuthority({ name: 'One', by: two, key: one })
    const under = await createLeaf(two)
    expect(buildChain(under.pem, [two.pem, oneByTwo.pem]).complete).toBe(false)
    expect(buildChain(under.pem, [oneByTwo.pem, two.pem, one.pem])).toMatchObject({ rootPem: one.pem, complete: true })
  })

  it('refuses a candidate that is not a certificate', () => {
    expect(() => buildChain(leaf.pem, [encodePem('CERTIFICATE', Uint8Array.of(1, 2, 3))])).toThrow(
      expect.objectContaining({ code: 'request_malformed' }),
    )
  })
})

describe('an issuer', () => {
  it.each(['RSA-2048', 'EC-P256', 'EC-P384', 'EC-P521', 'Ed25519'] as const)(
    'with a %s key is recognised by its signature',
    async (algorithm) => {
      const ca = await createAuthority({ name: 'CA', algorithm })
      const issued = await createLeaf(ca)
      expect(checkIssuedBy(issued.certificate, ca.certificate)).toBe(true)
    },
  )

  it.each(['RSA-2048', 'EC-P256', 'EC-P384', 'EC-P521', 'Ed25519'] as const)(
    'with a %s key is recognised where OpenSSL recognises it, whichever of sixty bits of the certificate is turned',
    async (algorithm) => {
      const ca = await createAuthority({ name: 'CA', algorithm })
      const { der } = await createLeaf(ca)
      const key = new X509Certificate(ca.pem).publicKey
      const judged = Array.from({ length: 60 }, (_, index) => {
        const turned = Uint8Array.from(der)
        // From the end, where the signature is, to the beginning.
        const at = turned.length - 1 - Math.floor((index * turned.length) / 60)
        turned[at] = (turned[at] ?? 0) ^ (1 << (index % 8))
        const ours = judgement(() => checkIssuedBy(parseCertificate(turned), ca.certificate))
        const theirs = judgement(() => new X509Certificate(turned).verify(key))
        return { ours, theirs }
      })
      expect(judged.filter(({ ours, theirs }) => ours && !theirs)).toEqual([])
      expect(judged.filter(({ theirs }) => theirs)).toEqual([])
    },
  )

  it.each([
    [
      'RSASSA-PSS',
      ['-newkey', 'rsa:2048', '-sha384', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:48'],
    ],
    ['a key for RSASSA-PSS alone', ['-newkey', 'rsa-pss', '-sha256', '-sigopt', 'rsa_pss_saltlen:32']],
    ['SHA-1, as roots of old do', ['-newkey', 'rsa:2048', '-sha1']],
    ['SHA-224', ['-newkey', 'rsa:2048', '-sha224']],
    ['P-384 and SHA-512', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-sha512']],
    ['Ed448', ['-newkey', 'ed448']],
  ])('that signs itself with %s is its own issuer', (_, how) => {
    const { stdout, status } = spawnSync(
      'openssl',
      ['req', '-x509', '-nodes', '-keyout', '/dev/null', '-subj', '/CN=Root', '-days', '30', ...how],
      { encoding: 'utf8' },
    )
    expect(status).toBe(0)
    expect(buildChain(stdout, [])).toMatchObject({ complete: true })
  })

  it('of the same name with another key is not the issuer', async () => {
    const twin = await createAuthority({ name: 'Issuing', by: policy })
    expect(checkIssuedBy(leaf.certificate, twin.certificate)).toBe(false)
  })

  it('is recognised by key and name, not by the signature alone', async () => {
    const renamed = await createAuthority({ name: 'Renamed', by: policy, key: issuing })
    expect(checkIssuedBy(leaf.certificate, renamed.certificate)).toBe(false)
  })

  it('that is no CA, or may not sign certificates, has issued nothing', async () => {
    const plain = await createAuthority({
      name: 'Issuing',
      by: policy,
      key: issuing,
      overrides: { isCa: false, keyUsages: ['digitalSignature'] },
    })
    const other = await createAuthority({
      name: 'Issuing',
      by: policy,
      key: issuing,
      overrides: { keyUsages: ['cRLSign'] },
    })
    const silent = await createAuthority({
      name: 'Issuing',
      by: policy,
      key: issuing,
      overrides: { isCa: false, keyUsages: [] },
    })
    expect(checkIssuedBy(leaf.certificate, silent.certificate)).toBe(false)
    expect(checkIssuedBy(leaf.certificate, plain.certificate)).toBe(false)
    expect(checkIssuedBy(leaf.certificate, other.certificate)).toBe(false)
    expect(checkIssuedBy(leaf.certificate, issuing.certificate)).toBe(true)
  })

  it('whose signature was tampered with has issued nothing', () => {
    const der = Uint8Array.from(leaf.der)
    der[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1
    expect(checkIssuedBy(parseCertificate(der), issuing.certificate)).toBe(false)
  })

  it('says why relying parties would refuse what it signs', async () => {
    expect(issuerFault(issuing.certificate)).toBeUndefined()
    expect(issuerFault(leaf.certificate)).toMatch(/not of a CA/)
    const other = await createAuthority({ name: 'X', overrides: { keyUsages: ['cRLSign'] } })
    expect(issuerFault(other.certificate)).toMatch(/keyCertSign/)
    expect(issuerFault({ ...issuing.certificate, unknownCritical: ['1.2.3'] })).toMatch(/critical extension 1\.2\.3/)
  })
})

describe('a private key', () => {
  it('belongs to the certificate of its public key and to no other', () => {
    expect(keyMatches(leaf.pem, leaf.privateKeyPem)).toBe(true)
    expect(keyMatches(leaf.pem, issuing.privateKeyPem)).toBe(false)
    expect(keyMatches(issuing.pem, issuing.privateKeyPem)).toBe(true)
  })

  it('that cannot be read is refused without a word of it', () => {
    const secretive = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0IG1hdGVyaWFs\n-----END PRIVATE KEY-----\n'
    expect(() => keyMatches(leaf.pem, secretive)).toThrow(
      expect.objectContaining({ code: 'request_malformed', message: expect.not.stringContaining('c2Vj') }),
    )
  })
})
