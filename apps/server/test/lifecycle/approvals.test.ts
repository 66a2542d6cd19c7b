import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { decideApproval } from '../../src/lifecycle/approval/decide-approval.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { acceptCsr } from '../../src/lifecycle/csr/accept-csr.js'
import { supplyCsr } from '../../src/lifecycle/csr/supply-csr.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { overdueApprovals } from '../../src/schedule/overdue-approvals.js'
import { pendingOrders } from '../../src/schedule/pending-orders.js'
import type { ApprovalRow } from '../../src/store/approvals.js'
import type { Actor } from '../../src/store/audit-entry.js'
import { only, type Scene, withScene } from './scene.js'
import {
  addProfile,
  alice,
  aliceToo,
  approvalsOf,
  approve,
  bob,
  carol,
  csrFor,
  never,
  pendingOf,
  person,
  profileId,
  twoPersonScene,
  workOff,
} from './two-people.js'

describe('an approval', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await twoPersonScene()
    await scene.agent('agent-a')
    await scene.target('target-a', 'agent-a', { reload_command: 'systemctl reload nginx' })
  })
  afterAll(async () => await scene.close())

  const waiting = async (name: string, actor: Actor = alice): Promise<{ id: string; approval: ApprovalRow }> => {
    const request = { actor, commonName: 'www.example.test', certificateProfileId: profileId }
    const { id } = await scene.request({ ...request, name, csrPem: await csrFor() })
    await workOff(scene)
    return { id, approval: await pendingOf(scene, id) }
  }
  const audited = async (id: string): Promise<string[]> => {
    const rows = await scene.services.store.auditEvents.list({ resource_id: id }, { limit: 50, offset: 0 })
    return rows.map(({ action }) => action).sort()
  }
  const alerts = async (): Promise<string[]> => {
    const { rows } = await scene.services.store.events.page({}, { limit: 200, count: false })
    return rows.map(({ title }) => title)
  }

  it('shows the names, the issuer, the key, the targets and the commands that will run there', async () => {
    const agent = await scene.agent('agent-shown')
    await scene.target('target-shown', 'agent-shown', { reload_command: 'systemctl reload nginx' })
    const request = { actor: alice, commonName: 'shown.example.test', certificateProfileId: profileId }
    const { id } = await scene.request({ ...request, targetIds: ['target-shown'] })
    const item = only(await agent.claim())
    await agent.submit(item, await agent.csr(item))
    await workOff(scene)
    expect((await pendingOf(scene, id)).shown).toMatchObject({
      certificate_name: 'shown.example.test',
      names: ['shown.example.test'],
      issuer_id: scene.issuerId,
      key_custody: 'agent',
      renewal: false,
      targets: [{ id: 'target-shown', agent_id: 'agent-shown', commands: ['systemctl reload nginx'] }],
    })
  })

  it('is asked for by an alert that says what to type', async () => {
    const { approval } = await waiting('alerting')
    const told = (await alerts()).filter((title) => title.includes(approval.id))
    expect(told.join()).toContain(`certctl approvals show ${approval.id}`)
    expect(told.join()).toContain('somebody other than alice-laptop')
  })

  it('holds for the certificate it was given for, and is on record with who gave it and why', async () => {
    const { id, approval } = await waiting('approved')
    await approve(scene, approval.id, bob, 'seen the ticket')
    await workOff(scene)
    const row = await scene.services.store.approvals.get(approval.id)
    expect(row).toMatchObject({ state: 'approved', decided_by: 'bob', decision_note: 'seen the ticket' })
    expect(await audited(approval.id)).toEqual(['approval_approved', 'approval_requested'])
    expect((await scene.services.store.versions.listCurrent(id)).length).toBe(1)
  })

  it('is not asked for again when the CA fails and is asked again for the same', async () => {
    const { id, approval } = await waiting('retried')
    const { answer } = scene.ca
    scene.ca.answer = async () => {
      throw new Error('the CA is out')
    }
    await approve(scene, approval.id, bob)
    await workOff(scene)
    scene.ca.answer = answer
    scene.services.clock.advance(3600)
    await workOff(scene)
    expect(await approvalsOf(scene, id)).toHaveLength(1)
    expect((await scene.services.store.versions.listCurrent(id)).length).toBe(1)
  })

  it('that was rejected ends the job and leaves the certificate until somebody asks again', async () => {
    const { id, approval } = await waiting('rejected')
    await decideApproval(scene.services, { approvalId: approval.id, decision: 'reject', note: 'not ours', actor: bob })
    const before = scene.ca.asked.length
    await dueRenewals.run(scene.services, never)
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(before)
    expect(await scene.services.store.jobs.listOpenOfCertificate(id, 'issue')).toEqual([])
    expect((await scene.services.store.jobs.get(approval.job_id))?.last_error).toBe('Rejected by bob: not ours')
    expect(await audited(approval.id)).toEqual(['approval_rejected', 'approval_requested'])
    await renewCertificate(scene.services, { certificateId: id, actor: alice, force: false })
    await workOff(scene)
    expect((await pendingOf(scene, id)).id).not.toBe(approval.id)
  })

  it('is neither given nor refused by whoever asked, who can cancel instead', async () => {
    const { approval } = await waiting('own')
    for (const decision of ['approve', 'reject'] as const)
      await expect(
        decideApproval(scene.services, { approvalId: approval.id, decision, actor: aliceToo }),
      ).rejects.toMatchObject({ code: 'forbidden', message: expect.stringContaining('certctl jobs cancel') })
  })

  it('is not given by an agent or by the server itself', async () => {
    const { approval } = await waiting('machines')
    const agent: Actor = { type: 'Agent', id: 'agent-a', name: 'agent-a' }
    const system: Actor = { type: 'System', id: 'certctl', name: 'certctl' }
    for (const actor of [agent, system])
      await expect(approve(scene, approval.id, actor)).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('knows a person by the id, the name and the e-mail address of an owner', async () => {
    await scene.services.store.transaction(
      async (tx) =>
        await tx.owners.insert({
          id: 'o-dora',
          name: 'Dora Day',
          email: 'dora@example.test',
          created_at: tx.now,
          updated_at: tx.now,
        }),
    )
    const { approval } = await waiting('dora', person('k1', 'o-dora'))
    for (const other of ['dora day', 'dora@example.test', 'o-dora'])
      await expect(approve(scene, approval.id, person('k2', other))).rejects.toMatchObject({ code: 'forbidden' })
    await approve(scene, approval.id, bob)
  })

  it('of a renewal may come from whoever changed the certificate before it was last issued, and from nobody who changed it since', async () => {
    const { id, approval } = await waiting('long-lived')
    await approve(scene, approval.id, bob)
    await workOff(scene)
    scene.services.clock.advance(60)
    await renewCertificate(scene.services, { certificateId: id, actor: bob, force: false })
    await workOff(scene)
    const renewal = await pendingOf(scene, id)
    await expect(approve(scene, renewal.id, bob)).rejects.toMatchObject({ code: 'forbidden' })
    await approve(scene, renewal.id, alice)
    await workOff(scene)
    scene.services.clock.advance(60)
    await renewCertificate(scene.services, { certificateId: id, actor: bob, force: false })
    await supplyCsr(scene.services, { certificateId: id, csrPem: await csrFor(), actor: carol })
    await workOff(scene)
    const changed = await pendingOf(scene, id)
    for (const actor of [bob, carol])
      await expect(approve(scene, changed.id, actor)).rejects.toMatchObject({ code: 'forbidden' })
    await approve(scene, changed.id, alice)
  })

  it('does not become open to whoever asked when a failure puts another job in its place', async () => {
    const { id, approval } = await waiting('replaced')
    await approve(scene, approval.id, carol)
    await workOff(scene)
    scene.services.clock.advance(60)
    await renewCertificate(scene.services, { certificateId: id, actor: bob, force: false })
    await workOff(scene)
    const asked = await pendingOf(scene, id)
    await scene.services.store.jobs.update(asked.job_id, {
      state: 'cancelled',
      completed_at: scene.services.clock.now(),
    })
    await pendingOrders.run(scene.services, never)
    await workOff(scene)
    const again = await pendingOf(scene, id)
    expect(again.requested_by).toBe('System')
    await expect(approve(scene, again.id, bob)).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('is given once: of two that decide at the same moment one is told that it was decided', async () => {
    const { approval } = await waiting('twice')
    const both = await Promise.allSettled([
      approve(scene, approval.id, bob),
      decideApproval(scene.services, { approvalId: approval.id, decision: 'reject', actor: carol }),
    ])
    const refused = both.filter((each) => each.status === 'rejected')
    expect(refused).toHaveLength(1)
    expect(refused[0]?.reason).toMatchObject({ code: 'conflict', message: expect.stringMatching(/already by/) })
    await expect(approve(scene, approval.id, bob)).rejects.toMatchObject({ code: 'conflict' })
  })

  it('of what has changed since is not given, and what is asked for now is shown instead', async () => {
    const agent = await scene.agent('agent-moved')
    await scene.target('target-moved', 'agent-moved', { reload_command: 'true' })
    const request = { actor: alice, commonName: 'moved.example.test', certificateProfileId: profileId }
    const { id } = await scene.request({ ...request, targetIds: ['target-moved'] })
    const item = only(await agent.claim())
    await agent.submit(item, await agent.csr(item))
    await workOff(scene)
    const first = await pendingOf(scene, id)
    await scene.services.store.targets.update('target-moved', {
      config: JSON.stringify({ reload_command: 'rm -rf /' }),
      generation: 2,
    })
    const before = scene.ca.asked.length
    await expect(approve(scene, first.id, bob)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('has changed since'),
    })
    const second = await pendingOf(scene, id)
    expect(second.id).not.toBe(first.id)
    await approve(scene, second.id, bob)
    // And between the decision and the CA, too.
    await scene.services.store.targets.update('target-moved', { generation: 3 })
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(before)
    await approve(scene, (await pendingOf(scene, id)).id, bob)
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(before + 1)
  })

  it('of a key that was reported compromised meanwhile is not given', async () => {
    const { id, approval } = await waiting('compromised')
    const order = await scene.services.store.orders.get(approval.order_id)
    await scene.services.store.transaction(
      async (tx) =>
        await tx.blockedKeys.insert({
          spki_sha256: order?.spki_sha256 ?? '',
          reason: 'keyCompromise',
          blocked_by: 'bob',
          blocked_at: tx.now,
        }),
    )
    const before = scene.ca.asked.length
    await expect(approve(scene, approval.id, bob)).rejects.toMatchObject({ code: 'csr_rejected' })
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(before)
    expect((await scene.services.store.approvals.get(approval.id))?.state).toBe('expired')
    expect(await scene.services.store.jobs.listOpenOfCertificate(id, 'issue')).toEqual([])
  })

  it('that nobody gives in time ends the job with an alert that says what to type', async () => {
    const { id, approval } = await waiting('late')
    scene.services.clock.advance(167 * 3600)
    await overdueApprovals.run(scene.services, never)
    expect((await scene.services.store.approvals.get(approval.id))?.state).toBe('pending')
    scene.services.clock.advance(2 * 3600)
    await overdueApprovals.run(scene.services, never)
    expect((await scene.services.store.approvals.get(approval.id))?.state).toBe('expired')
    expect(await scene.services.store.jobs.get(approval.job_id)).toMatchObject({ state: 'done', outcome: 'failed' })
    expect(await audited(approval.id)).toEqual(['approval_expired', 'approval_requested'])
    expect((await alerts()).join()).toContain(`certctl certificates renew ${id}`)
    await expect(approve(scene, approval.id, bob)).rejects.toMatchObject({ code: 'conflict' })
    await dueRenewals.run(scene.services, never)
    expect(await scene.services.store.jobs.listOpenOfCertificate(id, 'issue')).toEqual([])
  })

  it('is not asked for where the profile would refuse all the same', async () => {
    await addProfile(scene, { id: 'prof-closing', requires_approval: true })
    const request = { actor: alice, commonName: 'www.example.test', certificateProfileId: 'prof-closing' }
    const { id } = await scene.request({ ...request, name: 'closing', csrPem: await csrFor() })
    await scene.services.store.transaction(async (tx) => await tx.profiles.update('prof-closing', { enabled: false }))
    await workOff(scene)
    expect(await approvalsOf(scene, id)).toEqual([])
    const [holder] = await scene.services.store.holders.listOfCertificate(id)
    expect(holder).toMatchObject({ blocked_code: 'policy_denied', last_error: expect.stringContaining('disabled') })
  })

  it('is bound to nothing that is not there', async () => {
    await expect(approve(scene, 'approval-0', bob)).rejects.toMatchObject({ code: 'not_found' })
    await expect(
      acceptCsr(scene.services, { holderId: 'holder-0', csrPem: await csrFor(), actor: alice }),
    ).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('a server that bypasses approvals', () => {
  it('says so in the record and in an event', async () => {
    await withScene({}, async (scene) => {
      await addProfile(scene, { id: profileId, requires_approval: true })
      Object.assign(scene.services.config, { approval_bypass: true })
      const request = { actor: alice, commonName: 'www.example.test', certificateProfileId: profileId }
      const { id } = await scene.request({ ...request, csrPem: await csrFor() })
      await workOff(scene)
      expect(scene.ca.asked).toHaveLength(1)
      const [row] = await approvalsOf(scene, id)
      expect(row).toMatchObject({ state: 'approved', decided_by: 'system-bypass' })
      const { rows } = await scene.services.store.events.page({}, { limit: 50, count: false })
      expect(rows.map(({ type }) => type)).toContain('approval.bypassed')
    })
  })
})
