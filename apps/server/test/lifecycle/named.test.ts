import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createNoun } from '../../src/inventory/nouns/create-noun.js'
import { deleteNoun } from '../../src/inventory/nouns/delete-noun.js'
import { ownerNoun } from '../../src/inventory/nouns/owner-noun.js'
import type { PlainNoun } from '../../src/inventory/nouns/plain-noun.js'
import { profileNoun } from '../../src/inventory/nouns/profile-noun.js'
import { renewalPolicyNoun } from '../../src/inventory/nouns/renewal-policy-noun.js'
import { teamNoun } from '../../src/inventory/nouns/team-noun.js'
import { archiveCertificate } from '../../src/lifecycle/asking/archive-certificate.js'
import { type CertificateChanges, changeCertificate } from '../../src/lifecycle/asking/change-certificate.js'
import type { NounRow } from '../../src/store/noun-table.js'
import { holdTransaction, isPending, untilBlocked } from '../races/steps.js'
import { createScene, operator, type Scene } from './scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
  await make(teamNoun, 't-web')
  await make(teamNoun, 't-mail')
  await make(ownerNoun, 'o-web', { team_id: 't-web' })
  await make(ownerNoun, 'o-mail', { team_id: 't-mail' })
  await make(ownerNoun, 'o-alone')
  await make(renewalPolicyNoun, 'rp-web')
  await make(profileNoun, 'prof-web')
})
afterAll(async () => await scene.close())

async function make<Row extends NounRow>(noun: PlainNoun<Row>, id: string, fields = {}): Promise<void> {
  await createNoun(scene.services, noun, { id, name: id, fields, actor: operator })
}

const remove = async <Row extends NounRow>(noun: PlainNoun<Row>, id: string) =>
  await deleteNoun(scene.services, noun, { id, actor: operator })

const change = async (certificateId: string, changes: Partial<CertificateChanges>) =>
  await changeCertificate(scene.services, { certificateId, actor: operator, check: async () => undefined, ...changes })

const rowOf = async (id: string) => await scene.services.store.certificates.get(id)

describe('what a certificate names', () => {
  it.each([
    ['ownerId', 'owner_id', 'o-none'],
    ['teamId', 'team_id', 't-none'],
    ['renewalPolicyId', 'renewal_policy_id', 'rp-none'],
    ['certificateProfileId', 'certificate_profile_id', 'prof-none'],
  ])('must be there: %s', async (key, field, missing) => {
    const fault = { code: 'request_malformed', errors: [{ field, message: expect.stringContaining(`"${missing}"`) }] }
    const { certificates } = scene.services.store
    await expect(
      scene.request({ id: `c-${key}`, commonName: 'none.example.test', [key]: missing }),
    ).rejects.toMatchObject(fault)
    expect(await certificates.get(`c-${key}`)).toBeUndefined()
    const { id } = await scene.request({ commonName: `${key}.example.test` })
    await expect(change(id, { [key]: missing })).rejects.toMatchObject(fault)
  })

  it('is kept as it was given', async () => {
    const given = { renewalPolicyId: 'rp-web', certificateProfileId: 'prof-web', ownerId: 'o-web', teamId: 't-mail' }
    const { id } = await scene.request({ commonName: 'given.example.test', ...given })
    const wanted = {
      renewal_policy_id: 'rp-web',
      certificate_profile_id: 'prof-web',
      owner_id: 'o-web',
      team_id: 't-mail',
    }
    expect(await rowOf(id)).toMatchObject(wanted)
    await change(id, given)
    expect(await rowOf(id)).toMatchObject(wanted)
  })

  it("takes the owner's team where none is given, when it is made and when it changes hands", async () => {
    const { id } = await scene.request({ commonName: 'team.example.test', ownerId: 'o-web' })
    expect(await rowOf(id)).toMatchObject({ owner_id: 'o-web', team_id: 't-web' })
    await change(id, { ownerId: 'o-mail' })
    expect(await rowOf(id)).toMatchObject({ owner_id: 'o-mail', team_id: 't-mail' })
    await change(id, { ownerId: 'o-web', teamId: null })
    expect(await rowOf(id)).toMatchObject({ owner_id: 'o-web', team_id: null })
    await change(id, { ownerId: 'o-web', environment: 'production' })
    expect(await rowOf(id)).toMatchObject({ owner_id: 'o-web', team_id: null })
    await change(id, { ownerId: 'o-mail' })
    await change(id, { ownerId: 'o-alone' })
    expect(await rowOf(id)).toMatchObject({ owner_id: 'o-alone', team_id: 't-mail' })
  })

  it("takes its renewal policy's profile where none is given, once and for all", async () => {
    await make(profileNoun, 'prof-of-policy', { max_ttl_seconds: 86_400 })
    await make(renewalPolicyNoun, 'rp-with-profile', { certificate_profile_id: 'prof-of-policy' })
    const { id } = await scene.request({ commonName: 'policy.example.test', renewalPolicyId: 'rp-with-profile' })
    expect((await rowOf(id))?.certificate_profile_id).toBe('prof-of-policy')
    const own = { renewalPolicyId: 'rp-with-profile', certificateProfileId: 'prof-web' }
    const other = await scene.request({ commonName: 'own.example.test', ...own })
    expect((await rowOf(other.id))?.certificate_profile_id).toBe('prof-web')
    await scene.services.store.transaction(
      async (tx) => await tx.renewalPolicies.updateFields('rp-with-profile', { certificate_profile_id: null }),
    )
    expect((await rowOf(id))?.certificate_profile_id).toBe('prof-of-policy')
  })

  it('may be sent back as it was read, though it is gone since', async () => {
    const { id } = await scene.request({ commonName: 'dangling.example.test' })
    await scene.services.store.certificates.update(id, { owner_id: 'from before' })
    await change(id, { ownerId: 'from before', environment: 'production' })
    expect(await rowOf(id)).toMatchObject({ owner_id: 'from before', environment: 'production' })
  })
})

describe('what certificates name', () => {
  it('is not removed while a living one names it', async () => {
    await make(ownerNoun, 'o-used')
    const made = [1, 2, 3, 4, 5, 6].map((n) => ({ id: `used-${n}`, commonName: `used-${n}.example.test` }))
    for (const request of made) await scene.request({ ...request, ownerId: 'o-used' })
    await expect(remove(ownerNoun, 'o-used')).rejects.toMatchObject({
      code: 'conflict',
      errors: [{ field: 'certificates', message: '6: used-1, used-2, used-3, used-4, used-5, …' }],
    })
    for (const { id } of made.slice(1)) await change(id, { ownerId: null })
    await expect(remove(ownerNoun, 'o-used')).rejects.toThrow('used-1')
    await archiveCertificate(scene.services, { certificateId: 'used-1', actor: operator })
    await remove(ownerNoun, 'o-used')
    expect(await scene.services.store.owners.get('o-used')).toBeUndefined()
  })

  it('is not removed while a certificate that names it is being written', async () => {
    await make(profileNoun, 'prof-raced')
    const { id } = await scene.request({ commonName: 'raced.example.test' })
    const held = await holdTransaction(scene.services, async (tx) => {
      await tx.profiles.lockForShare('prof-raced')
      await tx.certificates.update(id, { certificate_profile_id: 'prof-raced' })
    })
    const removal = remove(profileNoun, 'prof-raced')
    await untilBlocked(scene.services)
    expect(await isPending(removal)).toBe(true)
    await held.commit()
    await expect(removal).rejects.toMatchObject({ code: 'conflict' })
  })

  it('is gone for a certificate that comes while it is being removed', async () => {
    await make(renewalPolicyNoun, 'rp-raced')
    const held = await holdTransaction(scene.services, async (tx) => {
      await tx.renewalPolicies.lockToRemove('rp-raced')
      await tx.renewalPolicies.remove('rp-raced')
    })
    const request = scene.request({ commonName: 'late.example.test', renewalPolicyId: 'rp-raced' })
    request.catch(() => undefined)
    await untilBlocked(scene.services)
    await held.commit()
    await expect(request).rejects.toMatchObject({ errors: [{ field: 'renewal_policy_id' }] })
  })

  it('in many removals and requests at once never leaves a certificate that names what is not there', async () => {
    for (let round = 0; round < 5; round += 1) {
      const id = `o-round-${round}`
      await make(ownerNoun, id)
      const requests = [1, 2, 3].map(
        async (n) => await scene.request({ commonName: `r${round}-${n}.example.test`, ownerId: id }),
      )
      await Promise.allSettled([...requests, remove(ownerNoun, id)])
      const used = await scene.services.store.referrers.of({ table: 'certificates', column: 'owner_id' }, id)
      const owner = await scene.services.store.owners.get(id)
      expect([id, owner === undefined ? used.count : 'there']).toEqual([id, owner === undefined ? 0 : 'there'])
    }
  })
})
