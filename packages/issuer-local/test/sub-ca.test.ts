import type { IssuerConnector } from '@certctl/core'
import {
  buildCertificate,
  buildChain,
  type CertificateOptions,
  encodePem,
  generateKey,
  parseCertificate,
  splitCertificates,
} from '@certctl/pki'
import { createIssuanceRequest, createTestIssuerHost, type TestIssuerHost } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { never, start, valid } from './hosts.js'

const paths = { ca_cert_path: '/etc/certctl/ca/ca.pem', ca_key_path: '/etc/certctl/ca/ca-key.pem' }
const names = [{ type: 'dns', value: 'www.example.test' }] as const
const day = 86_400_000

interface SubCa {
  certificatePem: string
  privateKeyPem: string
  rootPem: string
}

async function createSubCa(overrides: Partial<CertificateOptions> = {}): Promise<SubCa> {
  const [root, own] = await Promise.all([generateKey('EC-P256'), generateKey('EC-P256')])
  const now = Math.floor(Date.now() / 1000) * 1000
  const common: Omit<CertificateOptions, 'issuer' | 'subject' | 'publicKeySpki'> = {
    serialNumber: Uint8Array.of(1),
    names: [],
    notBefore: new Date(now - day),
    notAfter: new Date(now + 60 * day),
    isCa: true,
    keyUsages: ['keyCertSign', 'cRLSign'],
    extendedKeyUsages: [],
    mustStaple: false,
  }
  const rootDer = await buildCertificate({
    ...common,
    issuer: { privateKey: root.privateKeyPem },
    subject: [{ type: 'CN', value: 'Enterprise Root' }],
    publicKeySpki: root.spki,
  })
  const der = await buildCertificate({
    ...common,
    pathLength: overrides.isCa === false ? undefined : 0,
    issuer: { privateKey: root.privateKeyPem, certificateDer: rootDer },
    subject: [{ type: 'CN', value: 'Enterprise Issuing' }],
    publicKeySpki: own.spki,
    ...overrides,
  })
  return {
    certificatePem: encodePem('CERTIFICATE', der),
    privateKeyPem: own.privateKeyPem,
    rootPem: encodePem('CERTIFICATE', rootDer),
  }
}

function install(
  host: TestIssuerHost,
  { certificatePem, privateKeyPem }: Pick<SubCa, 'certificatePem' | 'privateKeyPem'>,
): IssuerConnector {
  host.files.put(paths.ca_cert_path, certificatePem)
  host.files.put(paths.ca_key_path, privateKeyPem, { mode: 0o600 })
  return start(host, paths)
}

describe('a sub-CA', () => {
  it('issues under the enterprise root and sends itself as the chain', async () => {
    const sub = await createSubCa()
    const connector = install(createTestIssuerHost(), { ...sub, certificatePem: sub.certificatePem + sub.rootPem })
    const { certificatePem, chainPem } = await valid(connector.issue(await createIssuanceRequest({ names })))
    expect(chainPem).toBe(sub.certificatePem)
    expect(buildChain(certificatePem, [...splitCertificates(chainPem), sub.rootPem])).toMatchObject({ complete: true })
    expect(await connector.caCertificates?.(never)).toEqual([sub.certificatePem, sub.rootPem])
  })

  it('caps certificates at its own end', async () => {
    const sub = await createSubCa()
    const { certificatePem } = await valid(
      install(createTestIssuerHost(), sub).issue(await createIssuanceRequest({ names })),
    )
    expect(parseCertificate(certificatePem).notAfter).toEqual(parseCertificate(sub.certificatePem).notAfter)
  })

  it('renewed on disk takes effect with the next certificate', async () => {
    const host = createTestIssuerHost()
    const [before, after] = [await createSubCa(), await createSubCa()]
    const connector = install(host, before)
    await connector.issue(await createIssuanceRequest({ names }))
    install(host, after)
    const { certificatePem, chainPem } = await valid(connector.issue(await createIssuanceRequest({ names })))
    expect(chainPem).toBe(after.certificatePem)
    expect(buildChain(certificatePem, [after.certificatePem]).chainPem).toBe(after.certificatePem)
  })

  it.each([
    ['is not of a CA', { isCa: false, pathLength: undefined }],
    ['has no keyCertSign', { keyUsages: ['cRLSign'] }],
    ['is not valid before', { notBefore: new Date(Date.now() + day) }],
    ['ended at', { notBefore: new Date(Date.now() - 3 * day), notAfter: new Date(Date.now() - day) }],
  ] as const)('whose certificate %s is refused by name', async (fault, overrides) => {
    const sub = await createSubCa(overrides as Partial<CertificateOptions>)
    const connector = install(createTestIssuerHost(), sub)
    const refusal = { code: 'config_invalid', message: expect.stringContaining(fault) }
    await expect(connector.test?.(never)).rejects.toMatchObject(refusal)
    await expect(connector.issue(await createIssuanceRequest({ names }))).rejects.toMatchObject(refusal)
  })

  it('with the key of another CA is refused, and the key is not quoted', async () => {
    const [sub, other] = [await createSubCa(), await createSubCa()]
    const connector = install(createTestIssuerHost(), { ...sub, privateKeyPem: other.privateKeyPem })
    await expect(connector.test?.(never)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(/private key does not belong/),
    })
  })

  it('whose files are missing or are something else is refused by path', async () => {
    const host = createTestIssuerHost()
    await expect(start(host, paths).test?.(never)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(paths.ca_cert_path),
    })
    const noise = install(host, { certificatePem: 'hello', privateKeyPem: 'world' })
    await expect(noise.test?.(never)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(paths.ca_cert_path),
    })
  })

  it('whose files are replaced one after the other signs on until they fit together', async () => {
    const host = createTestIssuerHost()
    const [before, after] = [await createSubCa(), await createSubCa()]
    const connector = install(host, before)
    await connector.issue(await createIssuanceRequest({ names }))
    host.files.put(paths.ca_cert_path, after.certificatePem)
    const between = await valid(connector.issue(await createIssuanceRequest({ names })))
    expect(between.chainPem).toBe(before.certificatePem)
    expect(host.logged.some(({ level }) => level === 'warn')).toBe(true)
    host.files.put(paths.ca_key_path, after.privateKeyPem)
    expect((await valid(connector.issue(await createIssuanceRequest({ names })))).chainPem).toBe(after.certificatePem)
  })

  it('with a key file that cannot be read is refused without a word of what is in it', async () => {
    const sub = await createSubCa()
    const connector = install(createTestIssuerHost(), { ...sub, privateKeyPem: 'correct horse battery staple' })
    const error = await connector.test?.(never).then(() => undefined, String)
    expect(error).toMatch(/private key cannot be read/)
    expect(error).not.toContain('horse')
  })

  it('needs both paths or neither', async () => {
    expect(() => start(createTestIssuerHost(), { ca_cert_path: paths.ca_cert_path })).toThrow(/go together/)
  })
})
