import { CertctlError } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { revokeCertificate } from '../../src/lifecycle/revocation/revoke-certificate.js'
import { only, operator, served, withScene } from './scene.js'

const hour = 3600

describe('a certificate that was revoked and is still served', () => {
  it('is asked for again every hour at least, however long it would have lived and however often the CA fails', async () => {
    await withScene({ lifeDays: 398 }, async (scene) => {
      const { id, agent } = await served(scene)
      await revokeCertificate(scene.services, {
        certificateId: id,
        actor: operator,
        reason: 'superseded',
        reasonText: 'a test',
      })
      scene.ca.answer = async () => {
        throw new CertctlError('upstream_unavailable', 'the CA is away')
      }
      const asked = only(await agent.claim())
      await agent.submit(asked, await agent.csr(asked))
      let longest = 0
      for (let failures = 0; failures < 15; failures++) {
        await scene.work()
        const [holder] = await scene.services.store.holders.listOfCertificate(id)
        const now = scene.services.clock.now().getTime()
        const seconds = Math.ceil(((holder?.next_attempt_at?.getTime() ?? 0) - now) / 1000)
        expect(seconds).toBeGreaterThan(0)
        longest = Math.max(longest, seconds)
        scene.services.clock.advance(seconds)
      }
      expect(longest).toBeLessThanOrEqual(hour)
      expect(longest).toBeGreaterThan(hour / 2)
    })
  })
})
