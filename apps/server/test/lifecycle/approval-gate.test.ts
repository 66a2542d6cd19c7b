import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import type { CertificateRequest } from '../../src/lifecycle/asking/request-certificate.js'
import { beginBulk } from '../../src/lifecycle/bulk/begin-bulk.js'
import { runBulk } from '../../src/lifecycle/bulk/run-bulk.js'
import { cancelJob } from '../../src/lifecycle/cancel-job.js'
import { supplyCsr } from '../../src/lifecycle/csr/supply-csr.js'
import { linkTarget } from '../../src/lifecycle/placement/link-target.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { overdueApprovals } from '../../src/schedule/overdue-approvals.js'
import { pendingOrders } from '../../src/schedule/pending-orders.js'
import type { ApprovalRow } from '../../src/store/approvals.js'
import { only, type Scene, type SceneAgent } from './scene.js'
import {
  alice,
  aliceToo,
  approve,
  bob,
  csrFor,
  never,
  pendingOf,
  profileId,
  twoPersonScene,
  workOff,
} from './two-people.js'

/** Nobody asked the CA, whoever works; neither of alice's keys opens the gate. Returns what waits. */
async function expectShut(scene: Scene, id: string, asked: number, way: string): Promise<ApprovalRow> {
  await workOff(scene)
  expect([way, scene.ca.asked.length]).toEqual([way, asked])
  const pending = await pendingOf(scene, id)
  for (const actor of [alice, aliceToo])
    await expect(approve(scene, pending.id, actor)).rejects.toMatchObject({ code: 'forbidden' })
  await workOff(scene)
  expect([way, scene.ca.asked.length]).toEqual([way, asked])
  const jobs = await scene.services.store.jobs.listOpenOfCertificate(id, 'issue')
  expect([way, jobs.map(({ state }) => state)]).toEqual([way, ['waiting_approval']])
  return pending
}

describe('no way leads round the second person', () => {
  let scene: Scene
  let agent: SceneAgent
  beforeAll(async () => {
    scene = await twoPersonScene()
    agent = await scene.agent('agent-a')
    await scene.target('target-a', 'agent-a', { reload_command: 'systemctl reload nginx' })
    await scene.target('target-b', 'agent-a')
  })
  afterAll(async () => await scene.close())

  const request = async (more: Partial<CertificateRequest>) => {
    const { id } = await scene.request({
      actor: alice,
      commonName: 'www.example.test',
      certificateProfileId: profileId,
      ...more,
    })
    return id
  }
  const submit = async (id: string): Promise<void> => {
    const item = only((await agent.claim()).filter((each) => each.certificate_id === id))
    await agent.submit(item, await agent.csr(item))
  }

  const renewInBulk = async (id: string): Promise<void> => {
    const { services } = scene
    const wanted = { filter: { ids: [id] }, criteria: { certificate_ids: [id] }, arguments: {}, actor: aliceToo }
    await beginBulk(services, { action: 'renew', ...wanted })
    const now = services.clock.now()
    const until = new Date(now.getTime() + 60_000)
    const claimed = await services.store.jobs.claimForServer({ kinds: ['bulk'], server: 'x', now, until, limit: 1 })
    expect(claimed).toHaveLength(1)
    for (const job of claimed)
      if (job.lease !== null) await runBulk(services, { ...job, lease: job.lease }, new AbortController().signal)
  }

  it('neither the API, nor renewals, nor bulk, nor the schedule, nor a change, nor a CSR, nor a second key of the same person', async () => {
    let asked = 0
    const id = await request({ name: 'with an agent', targetIds: ['target-a'] })
    await submit(id)
    await expectShut(scene, id, asked, "created, with an agent's CSR")
    // The gate stays shut when the job is hurried along.
    await renewCertificate(scene.services, { certificateId: id, actor: aliceToo, force: true })
    await expectShut(scene, id, asked, 'hurried')
    const [job] = await scene.services.store.jobs.listOpenOfCertificate(id, 'issue')
    await cancelJob(scene.services, { jobId: job?.id ?? '', actor: alice })
    await renewCertificate(scene.services, { certificateId: id, actor: alice, force: false })
    await submit(id)
    await expectShut(scene, id, asked, 'cancelled and asked for again')
    await approve(scene, (await pendingOf(scene, id)).id, bob)
    await workOff(scene)
    asked += 1
    expect(scene.ca.asked).toHaveLength(asked)
    await agent.deployed(only(await agent.claim(), 'Deployment'))

    await renewCertificate(scene.services, { certificateId: id, actor: alice, force: false })
    await submit(id)
    const renewal = await expectShut(scene, id, asked, 'renewed')
    await approve(scene, renewal.id, bob)
    await workOff(scene)
    asked += 1
    await agent.deployed(only(await agent.claim(), 'Deployment'))

    await renewInBulk(id)
    await submit(id)
    const inBulk = await expectShut(scene, id, asked, 'renewed in bulk')
    await approve(scene, inBulk.id, bob)
    await workOff(scene)
    asked += 1
    expect(scene.ca.asked).toHaveLength(asked)
    await agent.deployed(only(await agent.claim(), 'Deployment'))

    scene.services.clock.advance(80 * 86_400)
    await dueRenewals.run(scene.services, never)
    await submit(id)
    const scheduled = await expectShut(scene, id, asked, 'scheduled')
    expect(scheduled.requested_by).toBe('System')

    await changeCertificate(scene.services, {
      certificateId: id,
      actor: alice,
      check: async () => undefined,
      sans: ['dns:other.example.test'],
    })
    await submit(id)
    await expectShut(scene, id, asked, 'changed names')
    await linkTarget(scene.services, { certificateId: id, targetId: 'target-b', actor: aliceToo })
    await expectShut(scene, id, asked, 'another target')
    await expect(
      changeCertificate(scene.services, {
        certificateId: id,
        actor: alice,
        check: async () => undefined,
        certificateProfileId: null,
      }),
    ).rejects.toMatchObject({ code: 'policy_denied' })
    await expectShut(scene, id, asked, 'out of the profile')
  })

  it('nor a CSR that came with the request, nor a later one', async () => {
    const asked = scene.ca.asked.length
    const id = await request({ name: 'outside', csrPem: await csrFor() })
    const first = await expectShut(scene, id, asked, 'a supplied CSR')
    const later = await supplyCsr(scene.services, { certificateId: id, csrPem: await csrFor(), actor: aliceToo })
    expect(later.jobIds).toEqual([first.job_id])
    const second = await expectShut(scene, id, asked, 'a later CSR')
    expect(second.id).not.toBe(first.id)
    expect((await scene.services.store.approvals.get(first.id))?.state).toBe('expired')
    await approve(scene, second.id, bob)
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked + 1)
    // Renewed from the CSR that is stored.
    scene.services.clock.advance(80 * 86_400)
    await dueRenewals.run(scene.services, never)
    await expectShut(scene, id, asked + 1, 'renewed from the stored CSR')
  })

  it('nor a job whose row was lost, nor one that waits for what nobody was asked', async () => {
    const asked = scene.ca.asked.length
    const id = await request({ name: 'lost', csrPem: await csrFor() })
    const pending = await expectShut(scene, id, asked, 'before')
    await scene.services.store.jobs.update(pending.job_id, {
      state: 'cancelled',
      completed_at: scene.services.clock.now(),
    })
    await pendingOrders.run(scene.services, never)
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked)
    const again = await expectShut(scene, id, asked, 'a job made anew')
    await scene.services.store.approvals.settle(again.id, { state: 'expired' })
    await overdueApprovals.run(scene.services, never)
    await expectShut(scene, id, asked, 'an approval that vanished')
  })
})
