import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { decideApproval } from '../../src/lifecycle/approval/decide-approval.js'
import { archiveCertificate } from '../../src/lifecycle/asking/archive-certificate.js'
import { changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { cancelJob } from '../../src/lifecycle/cancel-job.js'
import { closeAgentWork } from '../../src/lifecycle/close-agent.js'
import { submitAgentCsr } from '../../src/lifecycle/csr/submit-agent-csr.js'
import { supplyCsr } from '../../src/lifecycle/csr/supply-csr.js'
import { orderAnswer } from '../../src/lifecycle/order/order-answer.js'
import { unlinkTarget } from '../../src/lifecycle/placement/unlink-target.js'
import type { ApprovalRow } from '../../src/store/approvals.js'
import { until } from '../races/steps.js'
import { only, type Scene, type SceneAgent } from './scene.js'
import {
  alice,
  approvalsOf,
  approve,
  bob,
  carol,
  csrFor,
  pendingOf,
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

interface Waiting {
  id: string
  agent: SceneAgent
  targetId: string
  approval: ApprovalRow
}

/** A certificate on one target of an agent of its own, whose issuance waits. */
async function waiting(): Promise<Waiting> {
  counter += 1
  const targetId = `target-${counter}`
  const agent = await scene.agent(`agent-${counter}`)
  await scene.target(targetId, agent.id)
  const request = { actor: alice, commonName: `n${counter}.example.test`, certificateProfileId: profileId }
  const { id } = await scene.request({ ...request, targetIds: [targetId] })
  const item = only(await agent.claim())
  await agent.submit(item, await agent.csr(item))
  await workOff(scene)
  return { id, agent, targetId, approval: await pendingOf(scene, id) }
}

const stateOf = async ({ id }: ApprovalRow) => (await scene.services.store.approvals.get(id))?.state

/** Whether people are still told that somebody has to approve it. */
async function isAlerting({ id, approval }: Waiting): Promise<boolean> {
  const { rows } = await scene.services.store.events.page({ certificateId: id }, { limit: 50, count: false })
  const asking = rows.find(({ type, title }) => type === 'approval.requested' && title.includes(approval.id))
  if (asking === undefined) throw new Error('nobody was told')
  return asking.resolved_at === null
}

describe('an approval that is not needed any more', () => {
  const ways: [string, (of: Waiting) => Promise<void>][] = [
    [
      'the job was cancelled',
      async ({ approval }) => await cancelJob(scene.services, { jobId: approval.job_id, actor: alice }),
    ],
    [
      'the certificate was archived',
      async ({ id }) => await archiveCertificate(scene.services, { certificateId: id, actor: alice }),
    ],
    [
      'the certificate got other names',
      async ({ id }) =>
        await changeCertificate(scene.services, {
          certificateId: id,
          actor: alice,
          check: async () => undefined,
          sans: [`dns:other-${id}.example.test`],
        }),
    ],
    [
      'its only target was taken away',
      async ({ id, targetId }) => await unlinkTarget(scene.services, { certificateId: id, targetId, actor: alice }),
    ],
    [
      'the agent that holds the key was retired',
      async ({ agent }) => await scene.services.store.transaction(async (tx) => await closeAgentWork(tx, agent.id)),
    ],
  ]

  it.each(ways)('since %s is over: nobody is asked, nobody can give it, and the CA hears nothing', async (_, end) => {
    const of = await waiting()
    expect(await isAlerting(of)).toBe(true)
    const asked = scene.ca.asked.length
    await end(of)
    expect(await stateOf(of.approval)).toBe('expired')
    expect(await isAlerting(of)).toBe(false)
    await expect(approve(scene, of.approval.id, bob)).rejects.toMatchObject({ code: 'conflict' })
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked)
  })

  it('since it was decided is over for those who were told', async () => {
    const [given, refused] = [await waiting(), await waiting()]
    await approve(scene, given.approval.id, bob)
    await decideApproval(scene.services, { approvalId: refused.approval.id, decision: 'reject', actor: bob })
    expect([await isAlerting(given), await isAlerting(refused)]).toEqual([false, false])
  })
})

describe('an approval whose time is over', () => {
  const weekSeconds = 7 * 86_400

  it.each(['approve', 'reject'] as const)(
    'is too late to %s before a sweep finds it: its end holds',
    async (decision) => {
      const of = await waiting()
      const asked = scene.ca.asked.length
      scene.services.clock.advance(weekSeconds)
      const decided = decideApproval(scene.services, { approvalId: of.approval.id, decision, actor: bob })
      await expect(decided).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/expired at 20.*certctl certificates renew cert-/),
      })
      await workOff(scene)
      expect(scene.ca.asked).toHaveLength(asked)
      expect(await stateOf(of.approval)).toBe('expired')
      expect(await isAlerting(of)).toBe(false)
      const job = await scene.services.store.jobs.get(of.approval.job_id)
      expect(job).toMatchObject({ state: 'done', outcome: 'failed', last_error_code: 'approval_required' })
      const late = decideApproval(scene.services, { approvalId: of.approval.id, decision, actor: bob })
      await expect(late).rejects.toMatchObject({ message: expect.stringMatching(/is expired already.*renew cert-/) })
      // What it says to type asks again.
      await renewCertificate(scene.services, { certificateId: of.id, actor: alice, force: false })
      const item = only(await of.agent.claim())
      await of.agent.submit(item, await of.agent.csr(item))
      await workOff(scene)
      await approve(scene, (await pendingOf(scene, of.id)).id, bob)
    },
  )

  it('is given until its last second', async () => {
    const { approval } = await waiting()
    scene.services.clock.advance(weekSeconds - 1)
    await approve(scene, approval.id, bob)
    expect(await stateOf(approval)).toBe('approved')
  })
})

describe('decisions and changes at the same moment', () => {
  it('give a cancelled job no certificate, whichever comes first', async () => {
    for (let round = 0; round < 4; round++) {
      const { id, approval } = await waiting()
      const asked = scene.ca.asked.length
      const [given, cancelled] = await Promise.allSettled([
        approve(scene, approval.id, bob),
        cancelJob(scene.services, { jobId: approval.job_id, actor: alice }),
      ])
      await workOff(scene)
      expect(scene.ca.asked).toHaveLength(asked)
      expect(cancelled.status).toBe('fulfilled')
      const state = given.status === 'fulfilled' ? 'approved' : 'expired'
      expect(await stateOf(approval)).toBe(state)
      expect(await scene.services.store.jobs.listOpenOfCertificate(id, 'issue')).toEqual([])
    }
  })

  it('give other names no certificate, whichever comes first', async () => {
    for (let round = 0; round < 4; round++) {
      const { id, approval } = await waiting()
      const asked = scene.ca.asked.length
      await Promise.allSettled([
        approve(scene, approval.id, bob),
        changeCertificate(scene.services, {
          certificateId: id,
          actor: alice,
          check: async () => undefined,
          sans: ['dns:evil.test'],
        }),
      ])
      await workOff(scene)
      expect(scene.ca.asked).toHaveLength(asked)
    }
  })

  it('give another key no certificate, whichever comes first', async () => {
    const request = { actor: alice, commonName: 'www.example.test', certificateProfileId: profileId }
    const { id } = await scene.request({ ...request, name: 'rekeyed', csrPem: await csrFor() })
    for (let round = 0; round < 4; round++) {
      await workOff(scene)
      const { id: approvalId } = await pendingOf(scene, id)
      const asked = scene.ca.asked.length
      await Promise.allSettled([
        approve(scene, approvalId, bob),
        supplyCsr(scene.services, { certificateId: id, csrPem: await csrFor(), actor: alice }),
      ])
      await workOff(scene)
      expect(scene.ca.asked).toHaveLength(asked)
    }
  })

  it('of three people count once', async () => {
    const { approval } = await waiting()
    const all = await Promise.allSettled(
      [bob, carol, bob].map(async (actor) => await approve(scene, approval.id, actor)),
    )
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

describe('whoever sends a CSR', () => {
  afterEach(() => void jest.restoreAllMocks())

  it('is told that it waits for a person, at once', async () => {
    counter += 1
    const agent = await scene.agent(`agent-${counter}`)
    await scene.target(`target-${counter}`, agent.id)
    const request = { actor: alice, commonName: `told${counter}.example.test`, certificateProfileId: profileId }
    const { id } = await scene.request({ ...request, targetIds: [`target-${counter}`] })
    const item = only(await agent.claim())
    // Whoever waits for the answer has patience for three seconds, and a machine may stand still for longer.
    jest.spyOn(performance, 'now').mockReturnValue(performance.now())
    const submitted = submitAgentCsr(scene.services, {
      agentId: agent.id,
      csrPem: await agent.csr(item),
      job: { id: item.id, lease: item.lease ?? '' },
      actor: agent.actor,
      signal: new AbortController().signal,
    })
    await until(async () => {
      await scene.work()
      return (await approvalsOf(scene, id)).length > 0
    })
    expect(await submitted).toBe('awaiting_approval')
    const { order_id: orderId } = await pendingOf(scene, id)
    const again = { orderId, patienceSeconds: 0, signal: new AbortController().signal }
    expect(await orderAnswer(scene.services, again)).toBe('awaiting_approval')
  })

  it('is not asked for another one while a person decides', async () => {
    const { agent } = await waiting()
    expect(await agent.claim()).toEqual([])
  })

  it('to a certificate whose keys are the agents alone is refused', async () => {
    const { id } = await waiting()
    const sent = supplyCsr(scene.services, { certificateId: id, csrPem: await csrFor(), actor: alice })
    await expect(sent).rejects.toMatchObject({ code: 'conflict' })
    const nothing = supplyCsr(scene.services, { certificateId: 'cert-0', csrPem: await csrFor(), actor: alice })
    await expect(nothing).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('a profile that begins to want two people', () => {
  it('holds up what was accepted before and not asked of the CA yet', async () => {
    await scene.services.store.transaction(
      async (tx) =>
        await tx.profiles.insert({ id: 'prof-later', name: 'later', created_at: tx.now, updated_at: tx.now }),
    )
    const request = { actor: alice, commonName: 'www.example.test', certificateProfileId: 'prof-later' }
    const { id } = await scene.request({ ...request, name: 'later', csrPem: await csrFor() })
    await scene.services.store.transaction(
      async (tx) => await tx.profiles.update('prof-later', { requires_approval: true }),
    )
    const asked = scene.ca.asked.length
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked)
    await approve(scene, (await pendingOf(scene, id)).id, bob)
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked + 1)
  })

  it('does not hold up what the CA has in hand already', async () => {
    await scene.services.store.transaction(
      async (tx) => await tx.profiles.insert({ id: 'prof-slow', name: 'slow', created_at: tx.now, updated_at: tx.now }),
    )
    const { answer } = scene.ca
    scene.ca.answer = async () => ({ status: 'pending', orderId: 'vendor-1' })
    const wanted = { actor: alice, commonName: 'www.example.test', certificateProfileId: 'prof-slow' }
    const { id } = await scene.request({ ...wanted, name: 'slow', csrPem: await csrFor() })
    await workOff(scene)
    scene.ca.answer = answer
    const [request] = scene.ca.asked.slice(-1)
    if (request === undefined) throw new Error('the CA was not asked')
    scene.ca.poll = async () => await scene.ca.sign(request)
    await scene.services.store.transaction(
      async (tx) => await tx.profiles.update('prof-slow', { requires_approval: true }),
    )
    scene.services.clock.advance(3600)
    await workOff(scene)
    expect(await approvalsOf(scene, id)).toEqual([])
    expect(await scene.services.store.versions.listCurrent(id)).toHaveLength(1)
  })
})
