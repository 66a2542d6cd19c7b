import { describe, expect, it } from '@jest/globals'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { only, type Scene, served, withScene } from './scene.js'

const never = new AbortController().signal
const day = 86_400
/** As agents report a name that no CSR can carry. */
const refusal = {
  outcome: 'failed' as const,
  code: 'identifier_rejected' as const,
  message: 'The dns name w*.test has a wildcard within a label',
}

async function holderOf({ services }: Scene, id: string) {
  const [holder] = await services.store.holders.listOfCertificate(id)
  return holder
}

async function blockedAlerts({ services }: Scene) {
  const { rows } = await services.store.events.page(
    { type: 'certificate.issuance_blocked' },
    { limit: 9, count: false },
  )
  return rows
}

describe('a name that an agent can ask no certificate for', () => {
  it('is told at once, and a first issuance waits for a person or a change', async () => {
    await withScene({}, async (scene) => {
      const agent = await scene.agent('agent-a')
      await scene.target('target-a', agent.id)
      const { id, jobIds } = await scene.request({ commonName: 'a.example.test', targetIds: ['target-a'] })
      await agent.report(only(await agent.claim()), refusal)
      const { code: blocked_code, message: last_error } = refusal
      expect(await holderOf(scene, id)).toMatchObject({ blocked_code, last_error, next_attempt_at: null })
      expect(await scene.services.store.jobs.get(jobIds[0] ?? '')).toMatchObject({ state: 'done', outcome: 'refused' })
      const [alert, ...others] = await blockedAlerts(scene)
      expect(others).toEqual([])
      expect(alert?.title).toContain('w*.test')
      expect(alert?.data).toMatchObject({ command: `certctl certificates renew ${id}` })
      scene.services.clock.advance(40 * day)
      await dueRenewals.run(scene.services, never)
      expect(await agent.claim()).toEqual([])
    })
  })

  it('keeps no renewal from being tried once a day', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      const { id, agent } = await served(scene)
      scene.services.clock.advance(70 * day)
      await dueRenewals.run(scene.services, never)
      await agent.report(only(await agent.claim(), 'Renewal'), refusal)
      const tomorrow = new Date(scene.services.clock.now().getTime() + day * 1000)
      expect(await holderOf(scene, id)).toMatchObject({ blocked_code: refusal.code, next_attempt_at: tomorrow })
      expect(await blockedAlerts(scene)).toHaveLength(1)
    })
  })

  it('is told apart from what passes', async () => {
    await withScene({}, async (scene) => {
      const agent = await scene.agent('agent-a')
      await scene.target('target-a', agent.id)
      const { id } = await scene.request({ commonName: 'a.example.test', targetIds: ['target-a'] })
      await agent.report(only(await agent.claim()), { ...refusal, code: 'internal', message: 'a fault of its own' })
      expect(await holderOf(scene, id)).toMatchObject({ blocked_code: null, next_attempt_at: expect.any(Date) })
      expect(await blockedAlerts(scene)).toEqual([])
    })
  })
})
