import type { RevocationReason } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { listPlacements } from '../../src/inventory/certificate-parts.js'
import { retireAgent } from '../../src/inventory/retire-agent.js'
import { updateTarget } from '../../src/inventory/update-target.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { linkTarget } from '../../src/lifecycle/placement/link-target.js'
import { revokeCertificate } from '../../src/lifecycle/revocation/revoke-certificate.js'
import { revokeVersion } from '../../src/lifecycle/revocation/revoke-version.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { reconcilePlacements } from '../../src/schedule/reconcile-placements.js'
import { silentAgents } from '../../src/schedule/silent-agents.js'
import { holdTransaction, untilBlocked } from '../races/steps.js'
import { createGate } from './fake-ca.js'
import { only, operator, type Scene, served, withScene } from './scene.js'

const never = new AbortController().signal
const day = 86_400

async function move({ services }: Scene, agentId: string): Promise<void> {
  await updateTarget(services, { id: 'target-a', agentId, actor: operator, check: () => undefined })
}

/** The version that the agent serves of the only certificate. */
async function revokeAt({ services }: Scene, agentId: string, reason: RevocationReason): Promise<void> {
  const [holder] = await services.store.holders.listOfAgent(agentId)
  const versionId = holder?.current_version_id ?? ''
  await revokeVersion(services, { versionId, reason, reasonText: 'a test', actor: operator })
}

describe('an agent that dies with a deployment in hand', () => {
  it('loses its lease, and the deployment is offered again when the bound is over', async () => {
    await withScene({}, async (scene) => {
      const { services } = scene
      const { id, agent } = await served(scene)
      await scene.target('target-b', agent.id)
      await linkTarget(services, { certificateId: id, targetId: 'target-b', actor: operator })
      const first = only(await agent.claim())
      services.clock.advance(120)
      expect(await agent.claim([first.id])).toEqual([])
      services.clock.advance(300)
      const again = only(await agent.claim([first.id]))
      expect(again.id).toBe(first.id)
      expect(again.lease).not.toBe(first.lease)
      await agent.deployed(again)
      await expect(agent.deployed(first)).rejects.toMatchObject({ code: 'conflict' })
      expect(await services.store.placements.findPair(id, 'target-b')).toMatchObject({ state: 'served' })
    })
  })
})

describe('an agent that is silent for long', () => {
  it('is told of with what waits for it and what to type, and its placements say the same', async () => {
    await withScene({}, async (scene) => {
      const { services } = scene
      const { id, agent } = await served(scene)
      await scene.target('target-b', agent.id)
      await linkTarget(services, { certificateId: id, targetId: 'target-b', actor: operator })
      const causes = async () => (await listPlacements(services, id)).map(({ cause }) => cause?.message)
      expect(await causes()).toEqual([undefined, undefined])
      services.clock.advance(400)
      await silentAgents.run(services, never)
      const [alert] = (await services.store.events.page({ type: 'agent.silent' }, { limit: 5, count: false })).rows
      expect(alert?.title).toContain(
        '1 deployments wait for it, and nothing of the 2 that go there is renewed meanwhile',
      )
      expect(alert?.data).toMatchObject({ command: 'certctl targets update target-a --agent AGENT', waiting: 1 })
      const [first, second] = await causes()
      expect(first).toBeUndefined()
      expect(second).toContain('Agent agent-a was last heard of at')
      expect(second).toContain('certctl targets update target-b --agent AGENT')
      await agent.claim()
      await silentAgents.run(services, never)
      expect(await causes()).toEqual([undefined, undefined])
      expect(await services.store.events.listOpenOfType('agent.silent')).toEqual([])
    })
  })

  it('that comes back after days renews and deploys without a person', async () => {
    await withScene({ lifeDays: 6 }, async (scene) => {
      const { services } = scene
      const { id, agent, fingerprint } = await served(scene)
      for (let hours = 0; hours < 7 * 24; hours += 6) {
        services.clock.advance(6 * 3600)
        await dueRenewals.run(services, never)
        await reconcilePlacements.run(services, never)
      }
      const [before] = await listPlacements(services, id)
      expect(before).toMatchObject({ deployed_fingerprint: fingerprint })
      const asked = only(await agent.claim(), 'Renewal')
      await agent.submit(asked, await agent.csr(asked))
      await scene.work()
      const item = only((await agent.claim()).filter(({ type }) => type === 'Deployment'))
      await agent.deployed(item)
      const [after] = await listPlacements(services, id)
      expect(after?.state).toBe('served')
      expect(after?.served_fingerprint).not.toBe(fingerprint)
    })
  })
})

describe('where another agent can serve', () => {
  it('a target that is given to it gets the certificate with a key of its own, though the first agent never answers again', async () => {
    await withScene({ metered: true }, async (scene) => {
      const { services, ca } = scene
      const { id, fingerprint } = await served(scene)
      const other = await scene.agent('agent-b')
      services.clock.advance(10 * day)
      await move(scene, 'agent-b')
      const asked = only(await other.claim())
      expect(asked.status).toBe('AwaitingCSR')
      await other.submit(asked, await other.csr(asked))
      await scene.work()
      await other.deployed(only(await other.claim(), 'Deployment'))
      const [placement] = await listPlacements(services, id)
      expect(placement).toMatchObject({ agent_id: 'agent-b', state: 'served' })
      expect(placement?.served_fingerprint).not.toBe(fingerprint)
      // The agent that has no target any more is not renewed: nobody would see it.
      services.clock.advance(80 * day)
      const before = ca.asked.length
      await dueRenewals.run(services, never)
      const open = await services.store.jobs.listOpenOfCertificate(id, 'issue')
      expect(open.map(({ agent_id }) => agent_id)).toEqual(['agent-b'])
      expect(ca.asked.length).toBe(before)
    })
  })

  it('a target that moves to it while it is being issued its version gets that version, and no other is ordered', async () => {
    await withScene({}, async (scene) => {
      const { services, ca } = scene
      const { id } = await served(scene)
      const other = await scene.agent('agent-b')
      await scene.target('target-b', other.id)
      await linkTarget(services, { certificateId: id, targetId: 'target-b', actor: operator })
      const asked = only(await other.claim())
      const orderId = await other.submit(asked, await other.csr(asked))
      const { answer } = ca
      const gate = createGate()
      ca.answer = async (request) => {
        await gate.pass()
        return await answer(request)
      }
      const working = scene.work()
      await gate.reached
      const held = await holdTransaction(services, async (tx) => void (await tx.orders.lock(orderId)))
      gate.release()
      await untilBlocked(services)
      const moving = move(scene, 'agent-b')
      await untilBlocked(services, 2)
      await held.commit()
      await Promise.all([working, moving])
      expect(await services.store.jobs.listOpenOfCertificate(id, 'issue')).toEqual([])
      const desired = (await services.store.placements.listOfCertificate(id)).map((row) => row.desired_version_id)
      const holder = await services.store.holders.findOfAgent(id, 'agent-b')
      expect(desired).toEqual([holder?.current_version_id, holder?.current_version_id])
    })
  })

  it('nobody waits for the first agent any more, though it was asked for a key before', async () => {
    await withScene({}, async (scene) => {
      const { services } = scene
      const { id } = await served(scene)
      const other = await scene.agent('agent-b')
      await renewCertificate(services, { certificateId: id, actor: operator, force: false })
      await move(scene, 'agent-b')
      const open = await services.store.jobs.listOpenOfCertificate(id, 'issue')
      expect(open.map(({ agent_id }) => agent_id)).toEqual([other.id])
    })
  })

  it('what was revoked for good is not asked for because its target moves, until a person insists', async () => {
    await withScene({}, async (scene) => {
      const { services } = scene
      const { id } = await served(scene)
      const other = await scene.agent('agent-b')
      const reason = { reason: 'cessationOfOperation', reasonText: 'gone' } as const
      await revokeCertificate(services, { certificateId: id, actor: operator, ...reason })
      await move(scene, other.id)
      await dueRenewals.run(services, never)
      expect(await other.claim()).toEqual([])
      const renew = async (force: boolean) =>
        await renewCertificate(services, { certificateId: id, actor: operator, force })
      await expect(renew(false)).rejects.toMatchObject({ code: 'already_revoked' })
      await renew(true)
      only(await other.claim(), 'Issuance')
    })
  })

  it('a version that was revoked for good is not followed by one elsewhere because its target moves, and moves on', async () => {
    await withScene({}, async (scene) => {
      const { services } = scene
      const { id, agent } = await served(scene)
      const elsewhere = await scene.agent('agent-z')
      await scene.target('target-z', elsewhere.id)
      await linkTarget(services, { certificateId: id, targetId: 'target-z', actor: operator })
      const asked = only(await elsewhere.claim())
      await elsewhere.submit(asked, await elsewhere.csr(asked))
      await scene.work()
      await revokeAt(scene, agent.id, 'cessationOfOperation')
      for (const name of ['agent-b', 'agent-c']) {
        const other = await scene.agent(name)
        await move(scene, name)
        await dueRenewals.run(services, never)
        expect(await other.claim()).toEqual([])
        const holder = await services.store.holders.findOfAgent(id, name)
        expect(holder).toMatchObject({ blocked_code: 'already_revoked', last_error: 'The certificate was revoked' })
      }
      await renewCertificate(services, { certificateId: id, actor: operator, force: false })
      const open = await services.store.jobs.listOpenOfCertificate(id, 'issue')
      expect(open.map(({ agent_id }) => agent_id).toSorted()).toEqual(['agent-c', 'agent-z'])
    })
  })

  it.each([
    ['its key was compromised', 'keyCompromise', false],
    ['somebody asked for a new one since', 'cessationOfOperation', true],
  ] as const)(
    'a version that was revoked is followed by one where its target moves to if %s',
    async (_, reason, asks) => {
      await withScene({}, async (scene) => {
        const { id, agent } = await served(scene)
        await revokeAt(scene, agent.id, reason)
        if (asks) await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
        for (const name of ['agent-b', 'agent-c']) {
          const other = await scene.agent(name)
          await move(scene, name)
          only(await other.claim(), 'Issuance')
        }
      })
    },
  )

  it('an agent that is retired leaves the others and their placements as they are, and is not waited for', async () => {
    await withScene({ metered: true }, async (scene) => {
      const { services } = scene
      const gone = await scene.agent('agent-gone')
      const other = await scene.agent('agent-b')
      await scene.target('target-gone', gone.id)
      await scene.target('target-b', other.id)
      const { id } = await scene.request({ commonName: 'www.example.test', targetIds: ['target-gone', 'target-b'] })
      expect(await other.claim()).toEqual([])
      await retireAgent(services, { id: gone.id, force: true, actor: operator })
      await dueRenewals.run(services, never)
      const asked = only(await other.claim())
      await other.submit(asked, await other.csr(asked))
      await scene.work()
      await other.deployed(only(await other.claim(), 'Deployment'))
      expect((await listPlacements(services, id)).map(({ target_id, state }) => [target_id, state])).toEqual([
        ['target-b', 'served'],
      ])
    })
  })
})
