import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { retireAgent } from '../../src/inventory/retire-agent.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { endingCertificates } from '../../src/schedule/ending-certificates.js'
import { overdueCsrs } from '../../src/schedule/overdue-csrs.js'
import { silentAgents } from '../../src/schedule/silent-agents.js'
import { createScene, only, operator, type Scene, served, withScene } from '../lifecycle/scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal
const isOpen = async (key: string) => await scene.services.store.events.isOpen(key)

describe('people are told', () => {
  it('of a certificate that nears its end without a successor, once, until it has one', async () => {
    const { id, agent } = await served(scene, { name: 'a.example.test', agentId: 'agent-a', targetId: 'target-a' })
    const [holder] = await scene.services.store.holders.listOfCertificate(id)
    const key = `ending:${holder?.id}:critical`
    scene.services.clock.advance(80 * 86_400)
    await endingCertificates.run(scene.services, never)
    expect(await isOpen(key)).toBe(false)
    scene.services.clock.advance(2 * 86_400)
    await endingCertificates.run(scene.services, never)
    await endingCertificates.run(scene.services, never)
    expect(await isOpen(key)).toBe(true)
    const { rows } = await scene.services.store.events.page(
      { type: 'certificate.ending', certificateId: id },
      { limit: 10, count: false },
    )
    expect(rows).toHaveLength(1)

    await dueRenewals.run(scene.services, never)
    const asked = only(await agent.claim(), 'Renewal')
    await agent.submit(asked, await agent.csr(asked))
    await scene.work()
    expect(await isOpen(key)).toBe(false)
    await endingCertificates.run(scene.services, never)
    expect(await isOpen(key)).toBe(false)
  })

  it('of none that is about to be renewed on schedule, however late in its life its policy renews it', async () => {
    await withScene({ lifeDays: 398 }, async (long) => {
      const at = long.services.clock.now()
      const policy = { id: 'rp-default', name: 'Default', renewal_window_days: 30 }
      await long.services.store.renewalPolicies.insert({ ...policy, created_at: at, updated_at: at })
      const { id } = await served(long)
      const [holder] = await long.services.store.holders.listOfCertificate(id)
      const dueInDays = ((holder?.renew_at?.getTime() ?? 0) - long.services.clock.now().getTime()) / 86_400_000
      expect(dueInDays).toBeGreaterThan(398 - 34)
      const key = `ending:${holder?.id}:critical`
      // The last tenth has begun four days before.
      long.services.clock.advance((398 - 36) * 86_400)
      await endingCertificates.run(long.services, never)
      expect(await long.services.store.events.isOpen(key)).toBe(false)
      // What a person stopped does not come on schedule.
      const ending = async () =>
        await long.services.store.versions.listEnding(long.services.clock.now(), { after: '', limit: 9 })
      await long.services.store.holders.update(holder?.id ?? '', { blocked_code: 'aborted', blocked_generation: 1 })
      expect(await ending()).toMatchObject([{ certificate_id: id }])
      await long.services.store.holders.update(holder?.id ?? '', { blocked_code: null, blocked_generation: null })
      expect(await ending()).toEqual([])
      // Of the five days and a half that were left when it was due, thirteen hours are a tenth.
      const dueAt = long.services.clock.now()
      const [version] = await long.services.store.versions.listCurrent(id)
      const lasting = { not_after: new Date(dueAt.getTime() + 5 * 86_400_000) }
      await long.services.store.versions.update(version?.id ?? '', lasting)
      const overdue = async (hours: number) => {
        const renewAt = new Date(dueAt.getTime() - hours * 3_600_000)
        await long.services.store.holders.update(holder?.id ?? '', { renew_at: renewAt })
        return (await ending()).length
      }
      expect(await overdue(11)).toBe(0)
      expect(await overdue(14)).toBe(1)
      await long.services.store.versions.update(version?.id ?? '', { not_after: version?.not_after })
      await long.services.store.holders.update(holder?.id ?? '', { renew_at: holder?.renew_at ?? null })
      long.services.clock.advance((dueInDays - (398 - 36) + 0.9) * 86_400)
      await endingCertificates.run(long.services, never)
      expect(await long.services.store.events.isOpen(key)).toBe(false)
      long.services.clock.advance(0.2 * 86_400)
      await endingCertificates.run(long.services, never)
      expect(await long.services.store.events.isOpen(key)).toBe(true)
    })
  })

  it('of each of several that end at the same moment, however small the batches are', async () => {
    await withScene({}, async (many) => {
      const { store, clock } = many.services
      const ids: string[] = []
      for (const name of ['one', 'two', 'three']) {
        const { id } = await served(many, { name: `${name}.example.test`, agentId: name, targetId: `target-${name}` })
        const [version] = await store.versions.listCurrent(id)
        await store.versions.update(version?.id ?? '', {
          received_at: clock.now(),
          not_after: new Date('2027-03-01T00:00:00.123Z'),
        })
        ids.push(version?.id ?? '')
      }
      clock.advance(200 * 86_400)
      const told: string[] = []
      for (let after = ''; ; ) {
        const [next] = await store.versions.listEnding(clock.now(), { after, limit: 1 })
        if (next === undefined) break
        told.push(next.id)
        after = next.place
      }
      expect(told).toEqual(ids.toSorted())

      const left = async () =>
        (await store.versions.listEnding(clock.now(), { after: '', limit: 9 })).map(({ id }) => id)
      const [revoked = '', archived = '', closed = ''] = ids
      const placements = await store.placements.listOfCertificate(
        (await store.versions.get(closed))?.certificate_id ?? '',
      )
      await store.placements.update(placements[0]?.id ?? '', { removed_at: clock.now() })
      expect((await left()).toSorted()).toEqual([revoked, archived].toSorted())
      await store.placements.update(placements[0]?.id ?? '', { removed_at: null })
      await store.versions.update(revoked, { revoked_at: clock.now() })
      expect((await left()).toSorted()).toEqual([archived, closed].toSorted())
      const { certificate_id: certificateId } = (await store.versions.get(archived)) ?? {}
      await store.certificates.update(certificateId ?? '', { archived_at: clock.now() })
      expect(await left()).toEqual([closed])
      const { holder_id: holderId } = (await store.versions.get(closed)) ?? {}
      await store.holders.update(holderId ?? '', { closed_at: clock.now() })
      expect(await left()).toEqual([])
    })
  })

  it('of a CSR that does not come well before a short-lived certificate ends', async () => {
    await withScene({ lifeDays: 1 }, async (short) => {
      const { id } = await served(short)
      const [holder] = await short.services.store.holders.listOfCertificate(id)
      short.services.clock.advance(13 * 3600)
      await dueRenewals.run(short.services, never)
      short.services.clock.advance(3600)
      await overdueCsrs.run(short.services, never)
      const told = async () => {
        const keys = ['warning', 'critical'].map((severity) => `csr-overdue:${holder?.id}:${severity}`)
        return (await Promise.all(keys.map(async (key) => await short.services.store.events.isOpen(key)))).some(Boolean)
      }
      expect(await told()).toBe(false)
      short.services.clock.advance(5 * 3600)
      await overdueCsrs.run(short.services, never)
      expect(await told()).toBe(true)
    })
  })

  it('of an agent that was heard of and is not any more, and when it is back', async () => {
    const agent = await scene.agent('agent-quiet')
    await agent.claim()
    await silentAgents.run(scene.services, never)
    const key = `agent-silent:${agent.id}:warning`
    expect(await isOpen(key)).toBe(false)
    scene.services.clock.advance(301)
    await silentAgents.run(scene.services, never)
    expect(await isOpen(key)).toBe(true)
    await agent.claim()
    await silentAgents.run(scene.services, never)
    expect(await isOpen(key)).toBe(false)
  })

  it('of a silent agent until it is retired: nobody waits for it any more', async () => {
    const agent = await scene.agent('agent-leaving')
    await agent.claim()
    scene.services.clock.advance(301)
    await silentAgents.run(scene.services, never)
    const key = `agent-silent:${agent.id}:warning`
    expect(await isOpen(key)).toBe(true)
    await retireAgent(scene.services, { id: agent.id, force: false, actor: operator })
    await silentAgents.run(scene.services, never)
    expect(await isOpen(key)).toBe(false)
  })
})
