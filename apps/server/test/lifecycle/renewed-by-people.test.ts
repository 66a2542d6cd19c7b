import { createTestCa, type TestCa } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { getCertificate } from '../../src/inventory/get-certificate.js'
import { createNoun } from '../../src/inventory/nouns/create-noun.js'
import { profileNoun } from '../../src/inventory/nouns/profile-noun.js'
import { updateNoun } from '../../src/inventory/nouns/update-noun.js'
import { readPlan } from '../../src/inventory/read-plan.js'
import { importCertificate } from '../../src/lifecycle/asking/import-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { supplyCsr } from '../../src/lifecycle/csr/supply-csr.js'
import { linkTarget } from '../../src/lifecycle/placement/link-target.js'
import { unlinkTarget } from '../../src/lifecycle/placement/unlink-target.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { endingCertificates } from '../../src/schedule/ending-certificates.js'
import { expiryAlerts } from '../../src/schedule/expiry-alerts.js'
import type { EventRow } from '../../src/store/events.js'
import { makeCsr, only, operator, type Scene, served, withScene } from './scene.js'

const never = new AbortController().signal
const day = 86_400
const names = [{ type: 'dns' as const, value: 'i.example.test' }]

interface Imported {
  withCsr?: boolean
  ca?: TestCa
  profileId?: string
}

/** Held outside, for sixty days from now. */
async function imported(
  scene: Scene,
  { withCsr = false, ca = scene.ca.ca, profileId }: Imported = {},
): Promise<string> {
  const csrPem = await makeCsr({ names, key: 'EC-P256' })
  const notAfter = new Date(scene.services.clock.now().getTime() + 60 * day * 1000)
  const { id } = await importCertificate(scene.services, {
    actor: operator,
    issuerId: scene.issuerId,
    certificatePem: await ca.sign(csrPem, { notAfter }),
    ...(withCsr ? { csrPem } : {}),
    ...(profileId === undefined ? {} : { certificateProfileId: profileId }),
  })
  return id
}

async function told({ services }: Scene, type: string): Promise<EventRow[]> {
  return (await services.store.events.page({ type }, { limit: 9, count: false })).rows
}

async function tell(scene: Scene): Promise<void> {
  await endingCertificates.run(scene.services, never)
  await expiryAlerts.run(scene.services, never)
}

const noticesOf = async (scene: Scene, id: string) =>
  (await getCertificate(scene.services, id)).notices?.join('\n') ?? ''
const renewal = async ({ services }: Scene, certificateId: string) =>
  await renewCertificate(services, { certificateId, actor: operator, force: false })
const sendCsr = async ({ services }: Scene, certificateId: string) =>
  await supplyCsr(services, { certificateId, csrPem: await makeCsr({ names, key: 'EC-P256' }), actor: operator })

async function planned({ services }: Scene): Promise<string[]> {
  const { warnings } = await readPlan(services, { days: 90, signal: never })
  return warnings.map(({ command }) => command)
}

async function addTarget(scene: Scene, certificateId: string) {
  const agent = await scene.agent('agent-a')
  await scene.target('target-a', agent.id)
  await linkTarget(scene.services, { certificateId, targetId: 'target-a', actor: operator })
  return agent
}

describe('of a certificate that nobody who is here holds the key of', () => {
  it('all say why it is not renewed, and the one command that renews it', async () => {
    await withScene({}, async (scene) => {
      const id = await imported(scene)
      const command = `certctl certificates renew ${id} --csr FILE`
      expect(await noticesOf(scene, id)).toMatch(new RegExp(`imported without a CSR; .*renew it with: ${command}$`))
      await expect(renewal(scene, id)).rejects.toMatchObject({
        code: 'conflict',
        message: `No holder of i.example.test can be asked for a key; use: ${command}`,
      })
      scene.services.clock.advance(59 * day)
      const { warnings } = await readPlan(scene.services, { days: 30, signal: never })
      expect(warnings).toMatchObject([{ kind: 'by_hand', message: expect.stringContaining('without a CSR'), command }])
      await tell(scene)
      scene.services.clock.advance(2 * day)
      await tell(scene)
      const alerts = [
        ...(await told(scene, 'certificate.ending')),
        ...(await told(scene, 'certificate.expiring')),
        ...(await told(scene, 'certificate.ended')),
      ]
      expect(alerts.length).toBeGreaterThan(2)
      for (const { title, data } of alerts) {
        expect(title).toMatch(new RegExp(`it was imported without a CSR; .*; run: ${command}$`))
        expect(data).toMatchObject({ command })
      }
      expect((await sendCsr(scene, id)).jobIds).toHaveLength(1)
      await scene.work()
      expect(await getCertificate(scene.services, id)).toMatchObject({ status: 'Active' })
      expect(await noticesOf(scene, id)).toBe('')
    })
  })

  it('name a target where its profile leaves keys to agents', async () => {
    await withScene({}, async (scene) => {
      const profile = { id: 'prof-agents', name: 'Agents', fields: { allowed_key_custody: ['agent'] }, actor: operator }
      await createNoun(scene.services, profileNoun, profile)
      const id = await imported(scene, { profileId: 'prof-agents' })
      expect(await noticesOf(scene, id)).toContain(`renew it with: certctl certificates add-target ${id} TARGET`)
      expect(await planned(scene)).toEqual([`certctl certificates add-target ${id} TARGET`])
      await expect(sendCsr(scene, id)).rejects.toMatchObject({ code: 'policy_denied' })
      const agent = await addTarget(scene, id)
      const asked = only(await agent.claim())
      await agent.submit(asked, await agent.csr(asked))
      expect(await scene.work()).toBe(1)
    })
  })

  it('ask for another CSR where the one that came with it must not be used again', async () => {
    await withScene({}, async (scene) => {
      const profile = { id: 'prof-fresh', name: 'Fresh', fields: {}, actor: operator }
      await createNoun(scene.services, profileNoun, profile)
      const id = await imported(scene, { withCsr: true, profileId: 'prof-fresh' })
      const match = () => undefined
      const change = { id: 'prof-fresh', fields: { allow_key_reuse: false }, actor: operator, match }
      await updateNoun(scene.services, profileNoun, change)
      scene.services.clock.advance(59 * day)
      await dueRenewals.run(scene.services, never)
      await tell(scene)
      const alerts = [...(await told(scene, 'certificate.csr_needed')), ...(await told(scene, 'certificate.ending'))]
      expect(alerts).toHaveLength(2)
      for (const { data } of alerts)
        expect(data).toMatchObject({ command: `certctl certificates renew ${id} --csr FILE` })
      const [holder] = await scene.services.store.holders.listOfCertificate(id)
      await scene.services.store.holders.update(holder?.id ?? '', { blocked_code: 'csr_rejected' })
      expect(await planned(scene)).toEqual([`certctl certificates renew ${id} --csr FILE`])
      await expect(renewal(scene, id)).rejects.toMatchObject({ message: expect.stringContaining('--csr FILE') })
      expect((await sendCsr(scene, id)).jobIds).toHaveLength(1)
    })
  })
})

describe('of a certificate whose key can be asked for', () => {
  it('the command is to renew it: with the CSR that came with it, or by an agent', async () => {
    await withScene({}, async (scene) => {
      const ids = [await imported(scene, { withCsr: true }), (await served(scene)).id]
      const by_hand = { renew_at: null, renew_at_reason: 'its policy leaves renewals to people' }
      for (const id of ids) {
        const [holder] = await scene.services.store.holders.listOfCertificate(id)
        await scene.services.store.holders.update(holder?.id ?? '', by_hand)
        expect(await noticesOf(scene, id)).toMatch(new RegExp(`renew it with: certctl certificates renew ${id}$`))
      }
      expect((await planned(scene)).toSorted()).toEqual(ids.map((id) => `certctl certificates renew ${id}`).toSorted())
      for (const id of ids) expect((await renewal(scene, id)).jobIds).toHaveLength(1)
    })
  })

  it('it is to add a target, where the agent that has the key has none', async () => {
    await withScene({}, async (scene) => {
      const { id, agent } = await served(scene)
      await scene.target('target-b', agent.id)
      await unlinkTarget(scene.services, { certificateId: id, targetId: 'target-a', actor: operator })
      const command = `certctl certificates add-target ${id} TARGET`
      expect(await noticesOf(scene, id)).toContain(`add a target to it with: ${command}`)
      await expect(renewal(scene, id)).rejects.toMatchObject({ message: expect.stringContaining(command) })
      await linkTarget(scene.services, { certificateId: id, targetId: 'target-b', actor: operator })
      expect((await renewal(scene, id)).jobIds).toHaveLength(1)
    })
  })
})

describe('a certificate that is not valid yet', () => {
  it('says from when on it is, until then', async () => {
    await withScene({}, async (scene) => {
      const soon = new Date(scene.services.clock.now().getTime() + 5 * day * 1000)
      const id = await imported(scene, { withCsr: true, ca: await createTestCa(soon) })
      const [version] = await scene.services.store.versions.listCurrent(id)
      expect(await noticesOf(scene, id)).toBe(`It is not valid before ${version?.not_before.toISOString()}`)
      scene.services.clock.advance(6 * day)
      expect(await noticesOf(scene, id)).toBe('')
    })
  })
})
