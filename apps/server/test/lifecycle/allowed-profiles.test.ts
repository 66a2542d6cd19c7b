import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { createNoun } from '../../src/inventory/nouns/create-noun.js'
import { policyNoun } from '../../src/inventory/nouns/policy-noun.js'
import { updateNoun } from '../../src/inventory/nouns/update-noun.js'
import { changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { operator, type Scene } from './scene.js'
import { addProfile, alice, approve, bob, csrFor, pendingOf, profileId, twoPersonScene, workOff } from './two-people.js'

let scene: Scene
let counter = 0
beforeAll(async () => {
  scene = await twoPersonScene()
  await addProfile(scene, { id: 'prof-one' })
})
afterAll(async () => await scene.close())

const matches = () => undefined

/** Approvals are not to be avoided: every certificate is under the profile that wants two people. */
async function enforce(enabled = true): Promise<void> {
  const fields = { enabled }
  await updateNoun(scene.services, policyNoun, { id: 'pr-two', fields, actor: operator, match: matches })
}

beforeAll(async () => {
  const config = { allowed_profile_ids: [profileId] }
  const fields = { type: 'AllowedProfiles', config, mode: 'enforce', enabled: false }
  await createNoun(scene.services, policyNoun, { id: 'pr-two', name: 'Two people', fields, actor: operator })
})
beforeEach(async () => await enforce(false))

const request = async (certificateProfileId: string | undefined): Promise<string> => {
  counter += 1
  const asked = { actor: alice, commonName: 'www.example.test', name: `n${counter}`, csrPem: await csrFor() }
  return (await scene.request({ ...asked, certificateProfileId })).id
}
const change = async (id: string, certificateProfileId: string | null): Promise<void> =>
  await changeCertificate(scene.services, {
    certificateId: id,
    actor: alice,
    check: async () => undefined,
    certificateProfileId,
  })

describe('a rule that names the allowed profiles', () => {
  it('lets nobody make a certificate without a profile, or under another one', async () => {
    await enforce()
    for (const profile of [undefined, 'prof-one'])
      await expect(request(profile)).rejects.toMatchObject({
        code: 'policy_denied',
        errors: [{ field: 'certificate_profile_id', message: expect.stringContaining(profileId) }],
      })
    const asked = scene.ca.asked.length
    const id = await request(profileId)
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked)
    await approve(scene, (await pendingOf(scene, id)).id, bob)
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked + 1)
  })

  it('lets nobody move a certificate to none or to another, though two people would have to agree there too', async () => {
    await addProfile(scene, { id: 'prof-also-two', requires_approval: true })
    const id = await request(profileId)
    await enforce()
    for (const profile of [null, 'prof-one', 'prof-also-two'])
      await expect(change(id, profile)).rejects.toMatchObject({ code: 'policy_denied' })
    await enforce(false)
    await change(id, 'prof-also-two')
  })

  it('stops what was asked for before it was there, and the renewal of what was issued before', async () => {
    const issued = await request(undefined)
    await scene.work()
    const asked = scene.ca.asked.length
    const waiting = await request('prof-one')
    await enforce()
    await renewCertificate(scene.services, { certificateId: issued, actor: alice, force: false })
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked)
    for (const id of [issued, waiting]) {
      const [holder] = await scene.services.store.holders.listOfCertificate(id)
      expect(holder).toMatchObject({ blocked_code: 'policy_denied', last_error: expect.stringContaining('pr-two') })
    }
    await change(issued, profileId)
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked)
    expect((await pendingOf(scene, issued)).profile_id).toBe(profileId)
  })

  it('names profiles that are there', async () => {
    const fields = { config: { allowed_profile_ids: [profileId, 'prof-nowhere'] } }
    await expect(
      updateNoun(scene.services, policyNoun, { id: 'pr-two', fields, actor: operator, match: matches }),
    ).rejects.toMatchObject({
      code: 'request_malformed',
      errors: [expect.objectContaining({ field: 'config.allowed_profile_ids.1' })],
    })
  })
})
