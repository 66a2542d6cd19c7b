import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { getCertificate } from '../../src/inventory/get-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { createScene, only, operator, type Scene, served } from './scene.js'

let scene: Scene
beforeEach(async () => {
  scene = await createScene()
})
afterEach(async () => {
  await scene.close()
})

describe('the life of a certificate', () => {
  it('goes from a request to a served certificate, with a record of each step', async () => {
    const { services } = scene
    const { id, fingerprint } = await served(scene)

    const view = await getCertificate(services, id)
    expect(view).toMatchObject({ status: 'Active', fingerprint_sha256: fingerprint, target_ids: ['target-a'] })
    const [placement] = await services.store.placements.listOfCertificate(id)
    expect(placement).toMatchObject({
      state: 'served',
      deployed_fingerprint: fingerprint,
      served_fingerprint: fingerprint,
    })
    expect(scene.ca.signed).toHaveLength(1)
  })

  it('is renewed when its time has come, under a new key, and the new one is deployed', async () => {
    const { services } = scene
    const { id, agent, fingerprint } = await served(scene)
    await renewCertificate(services, { certificateId: id, actor: operator, force: false })

    const asked = only(await agent.claim(), 'Renewal')
    await agent.submit(asked, await agent.csr(asked))
    await scene.work()
    const deployment = only(await agent.claim(), 'Deployment')
    expect(deployment.previous_fingerprint).toBe(fingerprint)
    await agent.deployed(deployment)

    const [placement] = await services.store.placements.listOfCertificate(id)
    expect(placement?.served_fingerprint).not.toBe(fingerprint)
    expect(placement?.state).toBe('served')
  })
})
