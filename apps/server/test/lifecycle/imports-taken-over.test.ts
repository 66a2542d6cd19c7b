import { createTestCa } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { getCertificate } from '../../src/inventory/get-certificate.js'
import { barredPersons } from '../../src/lifecycle/approval/barred-persons.js'
import { importCertificate } from '../../src/lifecycle/asking/import-certificate.js'
import { supplyCsr } from '../../src/lifecycle/csr/supply-csr.js'
import { linkTarget } from '../../src/lifecycle/placement/link-target.js'
import { revokeVersion } from '../../src/lifecycle/revocation/revoke-version.js'
import { endingCertificates } from '../../src/schedule/ending-certificates.js'
import { expiryAlerts } from '../../src/schedule/expiry-alerts.js'
import { makeCsr, only, operator, type Scene, withScene } from './scene.js'
import { alice } from './two-people.js'

const never = new AbortController().signal
const day = 86_400
const names = [{ type: 'dns' as const, value: 'i.example.test' }]

/** Held outside, of 88 days, five of which are left. */
async function imported(scene: Scene, csrPem?: string, actor = operator): Promise<string> {
  const written = csrPem ?? (await makeCsr({ names, key: 'EC-P256' }))
  const now = scene.services.clock.now().getTime()
  const ca = await createTestCa(new Date(now - 83 * day * 1000))
  const { id } = await importCertificate(scene.services, {
    actor,
    issuerId: scene.issuerId,
    certificatePem: await ca.sign(written, { notAfter: new Date(now + 5 * day * 1000) }),
    csrPem,
  })
  return id
}

/** Adds a target whose agent makes a key of its own, and has it issued; returns how it is deployed. */
async function issued(scene: Scene, certificateId: string, agentId: string): Promise<() => Promise<void>> {
  const agent = await scene.agent(agentId)
  await scene.target(`target-${agentId}`, agent.id)
  await linkTarget(scene.services, { certificateId, targetId: `target-${agentId}`, actor: operator })
  const asked = only(await agent.claim())
  await agent.submit(asked, await agent.csr(asked))
  await scene.work()
  return async () => await agent.deployed(only(await agent.claim(), 'Deployment'))
}

async function takeOver(scene: Scene, certificateId: string, agentId: string): Promise<void> {
  const deploy = await issued(scene, certificateId, agentId)
  await deploy()
}

async function tell(scene: Scene): Promise<void> {
  await endingCertificates.run(scene.services, never)
  await expiryAlerts.run(scene.services, never)
}

async function openAlerts({ services }: Scene, certificateId: string) {
  const { rows } = await services.store.events.page({ certificateId }, { limit: 50, count: false })
  return rows.filter(({ alert_key: key, resolved_at: resolved }) => key !== null && resolved === null)
}

describe('what was imported without a CSR', () => {
  it('is told of until an agent has deployed a certificate of its own, and not from then on', async () => {
    await withScene({}, async (scene) => {
      const id = await imported(scene)
      const deploy = await issued(scene, id, 'agent-a')
      await tell(scene)
      expect(await openAlerts(scene, id)).not.toEqual([])
      await deploy()
      expect(await openAlerts(scene, id)).toEqual([])
      const { rows } = await scene.services.store.events.page({ certificateId: id }, { limit: 50, count: false })
      expect(rows).toContainEqual(expect.objectContaining({ type: 'certificate.given_up' }))
      scene.services.clock.advance(6 * day)
      await tell(scene)
      expect(await openAlerts(scene, id)).toEqual([])
      const shown = await getCertificate(scene.services, id)
      expect(shown).toMatchObject({ status: 'Active', holders: [{ kind: 'agent' }] })
      expect(shown.notices ?? []).toEqual([])
      const supplied = supplyCsr(scene.services, {
        certificateId: id,
        csrPem: await makeCsr({ names, key: 'EC-P256' }),
        actor: operator,
      })
      await expect(supplied).rejects.toMatchObject({ message: expect.stringContaining('create another certificate') })
    })
  })

  it('violates no rule any more', async () => {
    await withScene({ lifeDays: 30 }, async (scene) => {
      const { services } = scene
      await services.store.transaction(async (tx) => {
        const at = { created_at: tx.now, updated_at: tx.now }
        const rule = { type: 'CertificateLifetime', config: JSON.stringify({ max_days: 60 }), mode: 'warn' as const }
        await tx.policyRules.insert({ id: 'rule-life', name: 'life', ...rule, ...at })
      })
      const id = await imported(scene)
      const deploy = await issued(scene, id, 'agent-a')
      const violations = async () => (await openAlerts(scene, id)).filter(({ title }) => title.includes('violates'))
      expect(await violations()).toHaveLength(1)
      await deploy()
      expect(await violations()).toEqual([])
    })
  })

  it('can still be revoked, and is left alone by a second agent', async () => {
    await withScene({}, async (scene) => {
      const id = await imported(scene)
      const [before] = await scene.services.store.versions.listCurrent(id)
      await takeOver(scene, id, 'agent-a')
      await takeOver(scene, id, 'agent-b')
      const given = await scene.services.store.events.page(
        { certificateId: id, type: 'certificate.given_up' },
        { limit: 9, count: false },
      )
      expect(given.rows).toHaveLength(1)
      const cause = { reason: 'superseded' as const, reasonText: 'replaced', actor: operator }
      await revokeVersion(scene.services, { versionId: before?.id ?? '', ...cause })
      expect(await scene.services.store.versions.get(before?.id ?? '')).toMatchObject({
        revocation_reason: 'superseded',
      })
      expect(await getCertificate(scene.services, id)).toMatchObject({ status: 'Active' })
    })
  })
})

describe('whoever imported with a CSR', () => {
  it('did not ask for what is issued later', async () => {
    await withScene({}, async (scene) => {
      const { services } = scene
      const id = await imported(scene, await makeCsr({ names, key: 'EC-P256' }), alice)
      await services.store.transaction(async (tx) => {
        const certificate = await tx.certificates.lock(id)
        const [holder] = await tx.holders.listOfCertificate(id)
        if (certificate === undefined || holder === undefined) throw new Error('it was not imported')
        expect(certificate.requested_by_people).toHaveLength(1)
        const job = { requested_by_person: ['person:bob'] }
        expect(await barredPersons(tx, { certificate, holder, job })).toEqual(['person:bob'])
      })
    })
  })
})

describe('what was imported with a CSR', () => {
  it('is renewed on beside the agents', async () => {
    await withScene({}, async (scene) => {
      const id = await imported(scene, await makeCsr({ names, key: 'EC-P256' }))
      await takeOver(scene, id, 'agent-a')
      const holders = await scene.services.store.holders.listOfCertificate(id)
      expect(holders.map(({ kind }) => kind).toSorted()).toEqual(['agent', 'outside'])
    })
  })
})
