import { buildChain, createCsr, encodePem, generateKey, parseCertificate } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { requestCertificate } from '../../src/lifecycle/asking/request-certificate.js'
import { fulfilOrder } from '../../src/lifecycle/order/fulfil-order.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { operator } from './scene.js'

let services: TestServices
beforeAll(async () => {
  services = await createTestServices()
  await services.store.transaction(
    async (tx) =>
      await tx.connections.insert({
        id: 'iss-local',
        kind: 'issuer',
        type: 'GenericCA',
        name: 'Local CA',
        config: '{}',
        enabled: true,
        source: 'api',
        created_at: tx.now,
        updated_at: tx.now,
      }),
  )
})
afterAll(async () => {
  await services.close()
})

const names = [{ type: 'dns' as const, value: 'local.example.test' }]

async function issue(name: string): Promise<string> {
  const { privateKeyPem } = await generateKey('EC-P256')
  const csrPem = await createCsr({ privateKeyPem, commonName: 'local.example.test', names })
  const { id } = await requestCertificate(services, { actor: operator, name, sans: [], targetIds: [], csrPem })
  const now = services.clock.now()
  const until = new Date(now.getTime() + 60_000)
  const jobs = await services.store.jobs.claimForServer({ kinds: ['issue'], server: 's', now, until, limit: 5 })
  for (const job of jobs) await fulfilOrder(services, job as never, new AbortController().signal)
  return id
}

describe('the built-in CA', () => {
  it('issues what the lifecycle accepts, once, however often it is asked for one order', async () => {
    const id = await issue('accepted')
    const [version] = await services.store.versions.listCurrentWithDer(id)
    expect(services.logged.filter(({ level }) => (level as number) >= 40)).toEqual([])
    const leaf = encodePem('CERTIFICATE', version?.der ?? new Uint8Array())
    expect(parseCertificate(leaf).names).toEqual(names)
    const { connector } = await services.connections.issuer('iss-local')
    const anchors = (await connector.caCertificates?.(new AbortController().signal)) ?? []
    expect(buildChain(leaf, anchors)).toMatchObject({ complete: true })
  })

  it('keeps to an enforced rule about lifetimes, though its certificates begin before they are made', async () => {
    await services.store.transaction(async (tx) => {
      const at = { created_at: tx.now, updated_at: tx.now }
      const config = JSON.stringify({ max_days: 30 })
      const rule = { id: 'rule-life', name: 'rule-life', type: 'CertificateLifetime', mode: 'enforce' as const, config }
      await tx.policyRules.insert({ ...rule, ...at })
    })
    const id = await issue('ruled')
    const [version] = await services.store.versions.listCurrent(id)
    const life = (version?.not_after.getTime() ?? 0) - (version?.not_before.getTime() ?? 0)
    expect([life > 29.9 * 86_400_000, life <= 30 * 86_400_000]).toEqual([true, true])
    expect(await services.store.policyViolations.listOpenOfCertificate(id)).toEqual([])
  })
})
