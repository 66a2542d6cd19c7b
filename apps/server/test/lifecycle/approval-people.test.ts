import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import { withRequester } from '../../src/lifecycle/asking/note-requester.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { supplyCsr } from '../../src/lifecycle/csr/supply-csr.js'
import { linkTarget } from '../../src/lifecycle/placement/link-target.js'
import { revokeCertificate } from '../../src/lifecycle/revocation/revoke-certificate.js'
import { pendingOrders } from '../../src/schedule/pending-orders.js'
import type { ApprovalRow } from '../../src/store/approvals.js'
import type { Actor } from '../../src/store/audit-entry.js'
import type { HolderRow } from '../../src/store/holders.js'
import { only, type Scene, type SceneAgent } from './scene.js'
import {
  addProfile,
  alice,
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

let scene: Scene
let counter = 0
beforeAll(async () => {
  scene = await twoPersonScene()
})
afterAll(async () => await scene.close())

const check = async () => undefined
const dave = person('dave', 'dave')

/** A certificate whose key is made elsewhere and whose issuance waits. */
async function waiting(actor: Actor = alice): Promise<{ id: string; approval: ApprovalRow }> {
  counter += 1
  const request = { actor, commonName: 'www.example.test', certificateProfileId: profileId }
  const { id } = await scene.request({ ...request, name: `n${counter}`, csrPem: await csrFor() })
  await workOff(scene)
  return { id, approval: await pendingOf(scene, id) }
}

async function issued(): Promise<string> {
  const { id, approval } = await waiting()
  await approve(scene, approval.id, bob)
  await workOff(scene)
  scene.services.clock.advance(60)
  return id
}

interface Placed {
  id: string
  agent: SceneAgent
  targetId: string
  /** Of another agent, which has a key of its own. */
  otherTargetId: string
}

async function placed(): Promise<Placed> {
  counter += 1
  const [targetId, otherTargetId] = [`target-${counter}`, `other-${counter}`]
  const agent = await scene.agent(`agent-${counter}`)
  const other = await scene.agent(`other-agent-${counter}`)
  await scene.target(targetId, agent.id, { reload_command: 'systemctl reload nginx' })
  await scene.target(otherTargetId, other.id)
  const request = { actor: alice, commonName: `p${counter}.example.test`, certificateProfileId: profileId }
  const { id } = await scene.request({ ...request, targetIds: [targetId] })
  const item = only(await agent.claim())
  await agent.submit(item, await agent.csr(item))
  await workOff(scene)
  return { id, agent, targetId, otherTargetId }
}

async function addOwner(id: string, name: string, email = ''): Promise<void> {
  await scene.services.store.transaction(
    async (tx) => await tx.owners.insert({ id, name, email, created_at: tx.now, updated_at: tx.now }),
  )
}

async function holderOf(id: string): Promise<HolderRow> {
  const [holder, ...more] = await scene.services.store.holders.listOfCertificate(id)
  if (holder === undefined || more.length > 0) throw new Error('expected one holder')
  return holder
}

const refused = async ({ id }: ApprovalRow, actor: Actor) =>
  await expect(approve(scene, id, actor)).rejects.toMatchObject({ code: 'forbidden' })

/** What is left when a failure puts a job of the schedule in the place of one that somebody asked for. */
async function replaceJob(id: string): Promise<ApprovalRow> {
  await workOff(scene)
  const { job_id: jobId } = await pendingOf(scene, id)
  await scene.services.store.jobs.update(jobId, { state: 'cancelled', completed_at: scene.services.clock.now() })
  await pendingOrders.run(scene.services, never)
  await workOff(scene)
  return await pendingOf(scene, id)
}

describe('one person stays one', () => {
  it('when the owner is renamed, gets another address or is removed while an approval waits', async () => {
    await addOwner('o-erin', 'Erin East', 'erin@example.test')
    const { approval } = await waiting(person('k1', 'o-erin'))
    const expectBarred = async (...texts: string[]) => {
      for (const text of texts) await refused(approval, person('k2', text))
    }
    await scene.services.store.transaction(
      async (tx) => await tx.owners.update('o-erin', { name: 'Somebody', email: 'somebody@example.test' }),
    )
    await expectBarred('erin east', 'erin@example.test', 'o-erin', 'somebody')
    await scene.services.store.transaction(async (tx) => await tx.owners.remove('o-erin'))
    await expectBarred('erin east', 'erin@example.test', 'o-erin')
    await approve(scene, approval.id, bob)
  })

  it('when another owner is added whose id, name or address is what the other key says', async () => {
    await addOwner('o-fay', 'Fay Frost', 'fay@example.test')
    const { approval } = await waiting(person('k1', 'o-fay'))
    await addOwner('fay frost', 'Shadow of the name')
    await addOwner('o-shadow', 'fay@example.test', 'o-fay')
    for (const text of ['fay frost', 'fay@example.test', 'o-fay']) await refused(approval, person('k2', text))
  })

  it('when the owner is renamed between the request of a renewal and its approval', async () => {
    const id = await issued()
    await addOwner('o-gil', 'Gil Grove')
    await renewCertificate(scene.services, { certificateId: id, actor: person('k1', 'o-gil'), force: false })
    await scene.services.store.transaction(async (tx) => await tx.owners.remove('o-gil'))
    await workOff(scene)
    await refused(await pendingOf(scene, id), person('k2', 'gil grove'))
    await refused(await replaceJob(id), person('k2', 'gil grove'))
  })

  it('however wide the letters of the name of the owner are and however many spaces it has', async () => {
    await addOwner('o-hal', 'Ｈａｌ   Hill')
    const { approval } = await waiting(person('k1', 'o-hal'))
    await refused(approval, person('k2', 'hal hill'))
    const other = await waiting(person('k1', 'hal hill'))
    await refused(other.approval, person('k2', 'o-hal'))
  })

  it('and an owner without an address is not everybody without one', async () => {
    await addOwner('o-ida', 'Ida')
    await addOwner('o-jo', 'Jo')
    const { approval } = await waiting(person('k1', 'o-ida'))
    await approve(scene, approval.id, person('k2', 'o-jo'))
  })
})

describe('everybody who changed what is issued', () => {
  it('since the serving version is one who asked, not the last of them alone', async () => {
    const id = await issued()
    for (const actor of [carol, dave])
      await supplyCsr(scene.services, { certificateId: id, csrPem: await csrFor(), actor })
    await workOff(scene)
    const renewal = await pendingOf(scene, id)
    for (const actor of [carol, dave]) await refused(renewal, actor)
    await approve(scene, renewal.id, alice)
  })

  it('is one who asked where nothing is served yet', async () => {
    const { id } = await waiting()
    for (const actor of [carol, dave])
      await supplyCsr(scene.services, { certificateId: id, csrPem: await csrFor(), actor })
    await workOff(scene)
    const first = await pendingOf(scene, id)
    for (const actor of [alice, carol, dave]) await refused(first, actor)
    await approve(scene, first.id, bob)
  })

  it('is there once, at the latest moment, and last', () => {
    const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute))
    const first = withRequester([], { known_as: ['o-ada', 'ada'], at: at(1) })
    const second = withRequester(first, { known_as: ['bob'], at: at(2) })
    expect(withRequester(second, { known_as: ['ada', 'ada lovelace'], at: at(3) })).toEqual([
      { known_as: ['bob'], at: at(2).toISOString() },
      { known_as: ['ada', 'ada lovelace', 'o-ada'], at: at(3).toISOString() },
    ])
  })

  it('is not merged with another key of the environment that has its name by now', () => {
    const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute))
    const one = ['legacy-key-0', 'key:key-env-a']
    const other = ['legacy-key-1', 'key:key-env-b']
    const both = withRequester(withRequester([], { known_as: one, at: at(1) }), { known_as: other, at: at(2) })
    const moved = ['legacy-key-1', 'key:key-env-a']
    expect(withRequester(both, { known_as: moved, at: at(3) }).map(({ known_as }) => known_as)).toEqual([
      other,
      ['legacy-key-1', 'key:key-env-a', 'legacy-key-0'],
    ])
  })

  it('while an approval waits is asked for at the decision, too: whoever linked a target of another agent', async () => {
    const { id, otherTargetId } = await placed()
    const approval = await pendingOf(scene, id)
    await linkTarget(scene.services, { certificateId: id, targetId: otherTargetId, actor: carol })
    await refused(approval, carol)
    await approve(scene, approval.id, bob)
  })

  it('while an approval waits is asked for at the decision, too: whoever set other targets', async () => {
    const { id, targetId, otherTargetId } = await placed()
    const approval = await pendingOf(scene, id)
    const change = { certificateId: id, actor: carol, check }
    await changeCertificate(scene.services, { ...change, targetIds: [otherTargetId, targetId] })
    await refused(approval, carol)
    await approve(scene, approval.id, bob)
  })

  it('is not who sent the targets as they are', async () => {
    const { id, targetId } = await placed()
    const approval = await pendingOf(scene, id)
    await changeCertificate(scene.services, { certificateId: id, actor: carol, check, targetIds: [targetId] })
    await approve(scene, approval.id, carol)
  })
})

describe('whoever asked for a renewal', () => {
  it('by revoking is one who asked, also when a failure puts another job in its place', async () => {
    const id = await issued()
    await revokeCertificate(scene.services, {
      certificateId: id,
      reason: 'superseded',
      reasonText: 'superseded',
      actor: carol,
    })
    expect((await holderOf(id)).renewal_requested_by_person).toEqual(['carol', 'key:carol'])
    await workOff(scene)
    await refused(await pendingOf(scene, id), carol)
    await refused(await replaceJob(id), carol)
  })

  it('by changing names is remembered with the renewal', async () => {
    const { id, agent } = await placed()
    await approve(scene, (await pendingOf(scene, id)).id, bob)
    await workOff(scene)
    await agent.deployed(only(await agent.claim(), 'Deployment'))
    scene.services.clock.advance(60)
    await changeCertificate(scene.services, { certificateId: id, actor: carol, check, sans: [`dns:${id}.test`] })
    expect((await holderOf(id)).renewal_requested_by_person).toEqual(['carol', 'key:carol'])
  })

  it('before somebody else hurried it is one who asked still, and so is who hurried it', async () => {
    const id = await issued()
    await renewCertificate(scene.services, { certificateId: id, actor: carol, force: false })
    await renewCertificate(scene.services, { certificateId: id, actor: dave, force: true })
    await workOff(scene)
    for (const actor of [carol, dave]) await refused(await pendingOf(scene, id), actor)
    const replaced = await replaceJob(id)
    for (const actor of [carol, dave]) await refused(replaced, actor)
    await approve(scene, replaced.id, alice)
  })
})

describe('what was approved', () => {
  it('is not what runs other commands, although nobody counted the target as changed', async () => {
    const { id, targetId } = await placed()
    const approval = await pendingOf(scene, id)
    await scene.services.store.targets.update(targetId, { config: JSON.stringify({ reload_command: 'rm -rf /' }) })
    await expect(approve(scene, approval.id, bob)).rejects.toMatchObject({ code: 'conflict' })
    expect((await pendingOf(scene, id)).shown).toMatchObject({ targets: [{ commands: ['rm -rf /'] }] })
  })

  it('is not the same under another profile', async () => {
    await addProfile(scene, { id: 'prof-other', requires_approval: true })
    const { id, approval } = await waiting()
    await scene.services.store.certificates.update(id, { certificate_profile_id: 'prof-other' })
    await expect(approve(scene, approval.id, bob)).rejects.toMatchObject({ code: 'conflict' })
    expect((await pendingOf(scene, id)).id).not.toBe(approval.id)
  })

  it('goes to a target that is added later, of which people are told', async () => {
    const { id, agent, targetId } = await placed()
    await approve(scene, (await pendingOf(scene, id)).id, bob)
    await workOff(scene)
    const added = async () =>
      (await scene.services.store.events.page({ certificateId: id }, { limit: 50, count: false })).rows.filter(
        ({ type }) => type === 'certificate.target_added',
      )
    for (const [way, more] of [`${targetId}-linked`, `${targetId}-set`].entries()) {
      await scene.target(more, agent.id)
      if (way === 0) await linkTarget(scene.services, { certificateId: id, targetId: more, actor: carol })
      else {
        const targetIds = [targetId, `${targetId}-linked`, more]
        await changeCertificate(scene.services, { certificateId: id, actor: carol, check, targetIds })
      }
      const told = (await added()).filter((event) => event.target_id === more)
      expect(told.map(({ title }) => title)).toEqual([expect.stringContaining(`carol added the target ${more}`)])
    }
  })
})
