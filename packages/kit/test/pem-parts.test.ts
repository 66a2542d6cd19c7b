import { Secret } from '@certctl/core'
import { createMaterial, createMemoryFiles } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { leafFingerprint, pairFits, pemParts, requirePair } from '../src/pem-parts.js'

const { leafs, chainPem, mismatched } = await createMaterial()
const [leaf, other] = leafs

describe('the parts of a deployment', () => {
  it('are leaf, chain, and both in the order servers send them', () => {
    const parts = pemParts(leaf.certificatePem, chainPem)
    expect(parts).toEqual({ leaf: leaf.certificatePem, chain: chainPem, fullChain: leaf.certificatePem + chainPem })
  })

  it('lose the text between blocks and get uniform line ends', () => {
    const untidy = `subject=a\r\n${leaf.certificatePem.replaceAll('\n', '\r\n')}trailing`
    expect(pemParts(untidy, `# chain\n${chainPem.trimEnd()}`)).toEqual(pemParts(leaf.certificatePem, chainPem))
  })

  it('do not repeat a leaf or a chain that came twice', () => {
    expect(pemParts(leaf.certificatePem + chainPem, '').chain).toBe(chainPem)
    expect(pemParts(leaf.certificatePem, leaf.certificatePem + chainPem).chain).toBe(chainPem)
  })

  it('may have no chain', () => {
    expect(pemParts(leaf.certificatePem, '')).toMatchObject({ chain: '', fullChain: leaf.certificatePem })
  })

  it('never hold a key', () => {
    const key = leaf.privateKeyPem.reveal()
    expect(() => pemParts(leaf.certificatePem, key)).toThrow('private key is among the certificates')
    expect(() => pemParts(key + leaf.certificatePem, '')).toThrow('private key is among the certificates')
  })

  it('need a certificate', () => {
    expect(() => pemParts('', chainPem)).toThrow('There is no certificate')
  })
})

describe('a pair', () => {
  it("fits when the key is the certificate's", () => {
    expect(pairFits(leaf.certificatePem, leaf.privateKeyPem.reveal())).toBe(true)
    expect(requirePair(leaf.certificatePem, leaf.privateKeyPem)).toBeUndefined()
  })

  it('fits when both stand among others, in whichever order', () => {
    const key = leaf.privateKeyPem.reveal()
    for (const text of [key + leaf.certificatePem + chainPem, leaf.certificatePem + chainPem + key])
      expect([pairFits(text, text), pairFits(other.certificatePem + chainPem, text)]).toEqual([true, false])
  })

  it('does not fit otherwise, and is refused before anything is touched', () => {
    expect(pairFits(leaf.certificatePem, other.privateKeyPem.reveal())).toBe(false)
    expect(() => requirePair(mismatched.certificatePem, mismatched.privateKeyPem)).toThrow(
      expect.objectContaining({ code: 'deploy_failed', message: expect.stringContaining('does not belong') }),
    )
  })

  it.each([
    ['', ''],
    ['nonsense', leaf.privateKeyPem.reveal()],
    [leaf.certificatePem, 'nonsense'],
  ])('that cannot be read does not fit', (certificate, key) => {
    expect(pairFits(certificate, key)).toBe(false)
    expect(() => requirePair(certificate, new Secret(key))).toThrow('does not belong')
  })
})

describe('the fingerprint on disk', () => {
  const files = createMemoryFiles(() => new Date(0))

  it.each([
    ['a certificate', leaf.certificatePem],
    ['a certificate with its chain', leaf.certificatePem + chainPem],
    ['a key before the certificate', leaf.privateKeyPem.reveal() + leaf.certificatePem + chainPem],
    ['text around it', `subject=x\n${leaf.certificatePem}\nmore`],
  ])('is that of the leaf: %s', async (_, text) => {
    files.put('/certs/a.pem', text)
    expect(await leafFingerprint(files, '/certs/a.pem')).toBe(leaf.fingerprint)
  })

  it.each([
    ['there is no file', '/certs/none.pem', undefined],
    ['it is a directory', '/certs', undefined],
    ['it is empty', '/certs/b.pem', ''],
    ['it holds a key only', '/certs/c.pem', leaf.privateKeyPem.reveal()],
    ['the block is damaged', '/certs/d.pem', '-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n'],
  ])('is unknown when %s', async (_, path, text) => {
    if (text !== undefined) files.put(path, text)
    expect(await leafFingerprint(files, path)).toBeUndefined()
  })
})
