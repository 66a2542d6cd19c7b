import { CertctlError } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { updateConnection } from '../../src/inventory/update-connection.js'
import { acceptCsr } from '../../src/lifecycle/csr/accept-csr.js'
import { makeCsr, only, operator, type Scene, type SceneAgent, withScene } from './scene.js'

/** Certificates that are to be issued at once, each with its CSR sent. */
async function ordered(scene: Scene, count: number): Promise<SceneAgent> {
  const agent = await scene.agent('agent-a')
  for (let number = 1; number <= count; number++) {
    await scene.target(`target-${number}`, agent.id)
    await scene.request({ commonName: `www-${number}.example.test`, targetIds: [`target-${number}`] })
    const asked = only(await agent.claim())
    await agent.submit(asked, await agent.csr(asked))
  }
  return agent
}

describe('a CA that takes no more orders for a while', () => {
  it('is asked for none of them before it said it would be', async () => {
    await withScene({}, async (scene) => {
      const sign = scene.ca.answer
      scene.ca.answer = async () => {
        throw new CertctlError('rate_limited', 'Three an hour', { retryAfterSeconds: 1800 })
      }
      await ordered(scene, 3)
      await scene.work()
      expect(scene.ca.asked).toHaveLength(1)
      scene.services.clock.advance(1700)
      expect(await scene.work()).toBe(0)
      scene.ca.answer = sign
      scene.services.clock.advance(200)
      while ((await scene.work()) > 0);
      expect(scene.ca.signed).toHaveLength(3)
    })
  })

  it('does not hold up the orders that wait there for longer because it keeps them waiting', async () => {
    await withScene({}, async (scene) => {
      const sign = scene.ca.answer
      scene.ca.answer = async () => {
        throw new CertctlError('rate_limited', 'Slow down', { retryAfterSeconds: 600 })
      }
      await ordered(scene, 2)
      for (let turn = 0; turn < 12; turn++) {
        await scene.work()
        scene.services.clock.advance(700)
      }
      expect(scene.ca.asked.length).toBeGreaterThan(8)
      scene.ca.answer = sign
      await scene.work()
      scene.services.clock.advance(700)
      await scene.work()
      expect(scene.ca.signed).toHaveLength(2)
    })
  })

  it('is looked at within a day for an order that it has in hand, whatever it wishes', async () => {
    await withScene({}, async (scene) => {
      const { services, ca } = scene
      ca.answer = async () => ({ status: 'pending', orderId: 'V-1', retryAfterSeconds: 2.5e11 })
      ca.poll = async ({ request }) => await ca.sign(request)
      await ordered(scene, 1)
      await scene.work()
      services.clock.advance(86_399)
      expect(await scene.work()).toBe(0)
      services.clock.advance(1)
      await scene.work()
      expect(ca.signed).toHaveLength(1)
    })
  })

  it('is asked for the others where the limit is of the names of one', async () => {
    await withScene({}, async (scene) => {
      const sign = scene.ca.answer
      scene.ca.answer = async (request) => {
        if (request.commonName !== 'www-1.example.test') return await sign(request)
        throw new CertctlError('rate_limited', 'Five of them this week', { retryAfterSeconds: 86_400, isNarrow: true })
      }
      await ordered(scene, 3)
      await scene.work()
      expect(scene.ca.signed).toHaveLength(2)
      scene.services.clock.advance(3600)
      expect(await scene.work()).toBe(0)
      expect(scene.ca.asked).toHaveLength(3)
    })
  })

  it('is asked again at once where somebody has changed how it is asked', async () => {
    await withScene({}, async (scene) => {
      const { services, ca, issuerId: id } = scene
      const sign = ca.answer
      ca.answer = async () => {
        throw new CertctlError('rate_limited', 'A week for this account', { retryAfterSeconds: 600_000 })
      }
      const agent = await ordered(scene, 1)
      await scene.work()
      ca.answer = sign
      await updateConnection(services, 'issuer', { id, enabled: true, actor: operator, check: () => undefined })
      await scene.target('target-2', agent.id)
      await scene.request({ commonName: 'www-2.example.test', targetIds: ['target-2'] })
      const asked = only(await agent.claim())
      await agent.submit(asked, await agent.csr(asked))
      await scene.work()
      expect(ca.signed).toHaveLength(1)
    })
  })

  it('is asked for none of them either when the order that was told so has ended', async () => {
    await withScene({}, async (scene) => {
      scene.ca.answer = async () => {
        throw new CertctlError('rate_limited', 'Three an hour', { retryAfterSeconds: 1800 })
      }
      const agent = await ordered(scene, 1)
      await scene.work()
      const { rows } = await scene.services.store.jobs.page({ states: ['ready'] }, { limit: 1, count: false })
      const csrPem = await makeCsr({
        names: [{ type: 'dns', value: 'www-1.example.test' }],
        common_name: 'www-1.example.test',
      })
      await acceptCsr(scene.services, { holderId: rows[0]?.holder_id ?? '', csrPem, actor: agent.actor })
      await scene.work()
      expect(scene.ca.asked).toHaveLength(1)
      scene.services.clock.advance(1900)
      await scene.work()
      expect(scene.ca.asked).toHaveLength(2)
    })
  })

  it('says so at the jobs that wait for it', async () => {
    await withScene({}, async (scene) => {
      scene.ca.answer = async () => {
        throw new CertctlError('rate_limited', 'Slow down', { retryAfterSeconds: 600 })
      }
      await ordered(scene, 2)
      await scene.work()
      const jobs = await scene.services.store.jobs.page({ states: ['ready'] }, { limit: 10, count: false })
      expect(jobs.rows.map(({ last_error_code }) => last_error_code)).toEqual(['rate_limited', 'rate_limited'])
    })
  })
})
