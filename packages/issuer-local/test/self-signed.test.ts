import { checkIssuedBy, createCsr, generateKey, parseCertificate } from '@certctl/pki'
import { createIssuanceRequest, createTestIssuerHost } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { never, sibling, start, valid } from './hosts.js'

const names = [{ type: 'dns', value: 'www.example.test' }] as const

async function firstCa(connector: ReturnType<typeof start>): Promise<string> {
  const [pem = ''] = (await connector.caCertificates?.(never)) ?? []
  return pem
}

describe('the self-signed CA', () => {
  it('is the same after a restart', async () => {
    const host = createTestIssuerHost()
    const before = await firstCa(start(host))
    expect(await firstCa(start(host))).toBe(before)
  })

  it('is one for all servers, also when several make it at once', async () => {
    const host = createTestIssuerHost()
    const servers = [start(host), start(sibling(host)), start(sibling(host))]
    const requests = await Promise.all(servers.map(() => createIssuanceRequest({ names })))
    const answers = await Promise.all(servers.map((server, index) => valid(server.issue(requests[index] ?? fail()))))
    const authorities = new Set(await Promise.all(servers.map(firstCa)))
    expect(authorities.size).toBe(1)
    const ca = parseCertificate([...authorities][0] ?? '')
    expect(answers.map(({ certificatePem }) => checkIssuedBy(parseCertificate(certificatePem), ca))).toEqual([
      true,
      true,
      true,
    ])
  })

  it('keeps its key out of everything but the sealed state', async () => {
    const host = createTestIssuerHost()
    const connector = start(host)
    const answer = await valid(connector.issue(await createIssuanceRequest({ names })))
    expect(JSON.stringify([answer, host.logged, await connector.caCertificates?.(never)])).not.toContain('PRIVATE KEY')
    expect((await host.state.get('ca'))?.value).toMatchObject({
      private_key_pem: expect.stringContaining('PRIVATE KEY'),
    })
  })

  it('has the name and key it was configured with, and keeps them when the configuration changes', async () => {
    const host = createTestIssuerHost()
    const made = parseCertificate(await firstCa(start(host, { ca_common_name: 'Ours', key_algorithm: 'EC-P384' })))
    expect(made).toMatchObject({
      subjectText: 'CN=Ours',
      isCa: true,
      pathLength: 0,
      publicKey: { curve: 'P-384' },
      extendedKeyUsages: [],
    })
    expect(parseCertificate(await firstCa(start(host, { ca_common_name: 'Theirs' }))).subjectText).toBe('CN=Ours')
  })

  it('sends no chain, since servers leave the trust anchor out', async () => {
    const { chainPem } = await valid(start(createTestIssuerHost()).issue(await createIssuanceRequest({ names })))
    expect(chainPem).toBe('')
  })

  it('signs nothing beyond its own end, and goes on revoking and publishing after it', async () => {
    const host = createTestIssuerHost()
    const connector = start(host)
    const { certificatePem, chainPem } = await valid(connector.issue(await createIssuanceRequest({ names })))
    const ca = parseCertificate(await firstCa(connector))
    host.clock.advance((ca.notAfter.getTime() - host.now().getTime()) / 1000 - 86_400)
    const last = parseCertificate((await valid(connector.issue(await createIssuanceRequest({ names })))).certificatePem)
    expect(last.notAfter).toEqual(ca.notAfter)
    host.clock.advance(86_401)
    await expect(connector.issue(await createIssuanceRequest({ names }))).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('ended at'),
    })
    await expect(connector.test?.(never)).rejects.toMatchObject({ code: 'config_invalid' })
    expect(await firstCa(connector)).toBe(ca.pem)
    const { serialNumber, fingerprint } = parseCertificate(certificatePem)
    const revocation = {
      certificate: { certificatePem, chainPem, serialNumber, fingerprint },
      reason: 'superseded',
    } as const
    const asked = { id: 'r', attempt: 1, firstAskedAt: host.now(), reasonText: 'test', signal: never }
    expect(await connector.revoke?.({ ...revocation, ...asked })).toEqual({ status: 'confirmed' })
  })
})

describe('an order', () => {
  it('asked again after a lost answer brings the same certificate, from any server', async () => {
    const host = createTestIssuerHost()
    const request = await createIssuanceRequest({ names })
    const first = await valid(start(host).issue(request))
    const again = await valid(start(sibling(host)).issue({ ...request, attempt: 2 }))
    expect(again).toEqual(first)
  })

  it('asked of two servers at once brings one certificate', async () => {
    const host = createTestIssuerHost()
    const request = await createIssuanceRequest({ names })
    await start(host).caCertificates?.(never)
    const [one, other] = await Promise.all([
      valid(start(host).issue(request)),
      valid(start(sibling(host)).issue({ ...request, attempt: 2 })),
    ])
    expect(other).toEqual(one)
  })

  it('asked again for another key is refused, so that nobody gets a certificate for a key that is not theirs', async () => {
    const host = createTestIssuerHost()
    const request = await createIssuanceRequest({ names })
    await start(host).issue(request)
    const { privateKeyPem } = await generateKey('EC-P256')
    const csrPem = await createCsr({ privateKeyPem, names })
    await expect(start(host).issue({ ...request, attempt: 2, csrPem })).rejects.toMatchObject({ code: 'conflict' })
  })

  it('is forgotten when its certificate has ended', async () => {
    const host = createTestIssuerHost()
    const request = await createIssuanceRequest({ names })
    await start(host, { validity_days: 1 }).issue(request)
    expect(await host.state.get(`issued/${request.id}`)).toBeDefined()
    host.clock.advance(86_400)
    expect(await host.state.get(`issued/${request.id}`)).toBeUndefined()
  })

  it('for a weak key or a foreign signature is refused here as well, whoever asked', async () => {
    const host = createTestIssuerHost()
    const request = await createIssuanceRequest({ names })
    const der = Buffer.from(request.csrPem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
    der[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1
    const csrPem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
    await expect(start(host).issue({ ...request, csrPem })).rejects.toMatchObject({ code: 'csr_rejected' })
    expect(await host.state.get(`issued/${request.id}`)).toBeUndefined()
  })
})

function fail(): never {
  throw new Error('a request is missing')
}
