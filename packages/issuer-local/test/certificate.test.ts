import type { IssuanceRequest } from '@certctl/core'
import { type Certificate, createCsr, generateKey, type KeyAlgorithm, parseCertificate } from '@certctl/pki'
import { createIssuanceRequest, createTestIssuerHost } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { never, start, valid } from './hosts.js'

const names = [{ type: 'dns', value: 'www.example.test' }] as const
const day = 86_400_000

async function issued(
  wishes: Partial<IssuanceRequest> & { key?: KeyAlgorithm; config?: Record<string, unknown> } = {},
): Promise<Certificate> {
  const { key = 'EC-P256', config = {}, ...overrides } = wishes
  const { privateKeyPem } = await generateKey(key)
  const request = await createIssuanceRequest({ names })
  const csrPem = await createCsr({ privateKeyPem, names: overrides.names ?? names })
  const answer = await valid(start(createTestIssuerHost(), config).issue({ ...request, csrPem, ...overrides }))
  return parseCertificate(answer.certificatePem)
}

describe('a certificate', () => {
  it('begins five minutes ago and ends after validity_days, both ends counted', async () => {
    const host = createTestIssuerHost({ now: new Date('2026-03-01T12:00:00.750Z') })
    const request = await createIssuanceRequest({ names, firstAskedAt: host.now() })
    await start(host).caCertificates?.(never)
    host.clock.advance(3600)
    const { certificatePem } = await valid(start(host, { validity_days: 30 }).issue(request))
    const { notBefore, notAfter } = parseCertificate(certificatePem)
    expect(notBefore).toEqual(new Date('2026-03-01T12:55:00.000Z'))
    expect(notAfter.getTime() - notBefore.getTime() + 1000).toBe(30 * day)
  })

  it('ends no later than policy allows, in whole seconds', async () => {
    const notAfter = new Date(Date.now() + 5 * day)
    const certificate = await issued({ notAfter })
    expect(certificate.notAfter.getTime()).toBe(Math.floor(notAfter.getTime() / 1000) * 1000)
  })

  it('that would be over already is refused', async () => {
    await expect(issued({ notAfter: new Date(Date.now() - 1000) })).rejects.toMatchObject({ code: 'policy_denied' })
  })

  it('names the key of its CA by the very bytes of the CA’s own identifier', async () => {
    const host = createTestIssuerHost()
    const connector = start(host)
    const { certificatePem } = await valid(connector.issue(await createIssuanceRequest({ names })))
    const [caPem = ''] = (await connector.caCertificates?.(never)) ?? []
    expect(parseCertificate(certificatePem).authorityKeyIdentifier).toBe(parseCertificate(caPem).subjectKeyIdentifier)
  })

  it('has sixteen random octets as its serial number, with the top bit clear', async () => {
    const { serialNumber } = await issued()
    expect(serialNumber).toMatch(/^[4-7][0-9a-f]{31}$/)
  })

  it.each([
    ['EC-P256', ['serverAuth'], ['digitalSignature']],
    ['Ed25519', ['serverAuth', 'clientAuth'], ['digitalSignature']],
    ['RSA-2048', ['serverAuth'], ['digitalSignature', 'keyEncipherment']],
    ['RSA-2048', ['codeSigning'], ['digitalSignature']],
    ['RSA-2048', ['emailProtection'], ['digitalSignature', 'nonRepudiation', 'keyEncipherment']],
    ['EC-P384', ['emailProtection'], ['digitalSignature', 'nonRepudiation']],
  ] as const)('of a %s key for %j may be used for %j', async (key, extendedKeyUsages, expected) => {
    const certificate = await issued({ key, extendedKeyUsages: [...extendedKeyUsages] })
    expect(certificate.keyUsages).toEqual(expected)
    expect(certificate.extendedKeyUsages).toEqual(extendedKeyUsages)
  })

  it('gets the key usages that were asked for, without those its key cannot have', async () => {
    const certificate = await issued({ keyUsages: ['digitalSignature', 'keyEncipherment', 'keyAgreement'] })
    expect(certificate.keyUsages).toEqual(['digitalSignature', 'keyAgreement'])
  })

  it('with the usages of a CA is refused, and one asked for as a CA is a leaf', async () => {
    await expect(issued({ keyUsages: ['keyCertSign'] })).rejects.toMatchObject({ code: 'policy_denied' })
    expect(await issued()).toMatchObject({ isCa: false, pathLength: undefined })
  })

  it('carries the subject that policy approved, the common name last and once', async () => {
    const subject = [
      { type: 'C', value: 'DE' },
      { type: 'O', value: 'Beispiel & Söhne' },
      { type: 'CN', value: 'smuggled' },
    ]
    const certificate = await issued({ subject, commonName: 'www.example.test' })
    expect(certificate.subjectText).toBe('CN=www.example.test,O=Beispiel & Söhne,C=DE')
  })

  it('leaves out a common name that RFC 5280 has no room for', async () => {
    const long = `${'a'.repeat(60)}.example.test`
    const certificate = await issued({ names: [{ type: 'dns', value: long }], commonName: long })
    expect(certificate).toMatchObject({ commonName: undefined, subject: [], names: [{ type: 'dns', value: long }] })
  })

  it('asks for stapling where that was asked for', async () => {
    expect(await issued({ mustStaple: true })).toMatchObject({ mustStaple: true })
    expect(await issued()).toMatchObject({ mustStaple: false })
  })
})

describe('revocation', () => {
  it('of another CA’s certificate is refused', async () => {
    const [here, there] = [createTestIssuerHost(), createTestIssuerHost()]
    const { certificatePem, chainPem } = await valid(
      start(there, { ca_common_name: 'Elsewhere' }).issue(await createIssuanceRequest({ names })),
    )
    const { serialNumber, fingerprint } = parseCertificate(certificatePem)
    const request = {
      id: 'r',
      attempt: 1,
      firstAskedAt: here.now(),
      certificate: { certificatePem, chainPem, serialNumber, fingerprint },
      reason: 'keyCompromise',
      reasonText: 'test',
      signal: never,
    } as const
    await expect(start(here).revoke?.(request)).rejects.toMatchObject({ code: 'not_found' })
    expect(await start(there, { ca_common_name: 'Elsewhere' }).revoke?.(request)).toEqual({ status: 'confirmed' })
    expect((await there.state.get(`revoked/${serialNumber}`))?.value).toMatchObject({ reason: 'keyCompromise' })
  })
})
