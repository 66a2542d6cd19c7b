import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ApprovalRow } from '../../src/store/approvals.js'
import type { Scene } from './scene.js'
import {
  alice,
  approvalsOf,
  approve,
  bob,
  csrFor,
  pendingOf,
  profileId,
  twoPersonScene,
  workOff,
} from './two-people.js'

const daySeconds = 86_400

let scene: Scene
let counter = 0
beforeAll(async () => {
  scene = await twoPersonScene()
})
afterAll(async () => await scene.close())

async function waiting(): Promise<{ id: string; approval: ApprovalRow }> {
  counter += 1
  await changeProfile({ must_staple: true, max_ttl_seconds: 30 * daySeconds })
  const request = { actor: alice, commonName: 'www.example.test', certificateProfileId: profileId }
  const { id } = await scene.request({ ...request, name: `n${counter}`, csrPem: await csrFor() })
  await workOff(scene)
  return { id, approval: await pendingOf(scene, id) }
}

async function changeProfile(changes: { must_staple?: boolean; max_ttl_seconds?: number | null }): Promise<void> {
  await scene.services.store.transaction(async (tx) => await tx.profiles.update(profileId, changes))
}

async function enforceLifetime(days: number): Promise<void> {
  await scene.services.store.transaction(
    async (tx) =>
      await tx.policyRules.insert({
        id: 'rule-life',
        name: 'rule-life',
        type: 'CertificateLifetime',
        config: JSON.stringify({ max_days: days }),
        mode: 'enforce',
        created_at: tx.now,
        updated_at: tx.now,
      }),
  )
}

describe('an approval', () => {
  it('shows what the CA will be asked for by the profile: must-staple and the validity', async () => {
    const { approval } = await waiting()
    expect(approval.shown).toMatchObject({ must_staple: true, validity_seconds: 30 * daySeconds })
    const asked = scene.ca.asked.length
    await approve(scene, approval.id, bob)
    await workOff(scene)
    const request = scene.ca.asked[asked]
    const end = scene.services.clock.now().getTime() + 30 * daySeconds * 1000
    expect([request?.mustStaple, request?.notAfter?.getTime()]).toEqual([true, end])
  })

  it('shows no validity where the CA is not asked for one', async () => {
    const { id, approval } = await waiting()
    await changeProfile({ max_ttl_seconds: null, must_staple: false })
    await expect(approve(scene, approval.id, bob)).rejects.toMatchObject({ code: 'conflict' })
    const { shown } = await pendingOf(scene, id)
    expect(shown).toMatchObject({ must_staple: false })
    expect(shown).not.toHaveProperty('validity_seconds')
  })

  it('shows the validity that an enforced rule leaves', async () => {
    await enforceLifetime(10)
    const { approval } = await waiting()
    await scene.services.store.transaction(async (tx) => await tx.policyRules.remove('rule-life'))
    const { validity_seconds: seconds = 0 } = approval.shown as { validity_seconds?: number }
    expect([seconds > 9 * daySeconds, seconds <= 10 * daySeconds]).toEqual([true, true])
  })

  it.each([
    ['a longer life', { max_ttl_seconds: 90 * daySeconds }],
    ['no must-staple', { must_staple: false }],
  ])('does not hold for %s, if the profile is changed after the decision', async (_, changes) => {
    const { id, approval } = await waiting()
    const asked = scene.ca.asked.length
    await approve(scene, approval.id, bob)
    await changeProfile(changes)
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked)
    expect((await pendingOf(scene, id)).id).not.toBe(approval.id)
  })

  it('that an older version asked for holds, though it showed what the certificate says and not the profile', async () => {
    const { id, approval } = await waiting()
    const asked = scene.ca.asked.length
    const { issuer_config_sha256: _, validity_seconds: __, ...shown } = approval.shown as Record<string, unknown>
    await scene.services.store.approvals.settle(approval.id, {
      shown: JSON.stringify({ ...shown, must_staple: false }),
    })
    await approve(scene, approval.id, bob)
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked + 1)
    expect(await approvalsOf(scene, id)).toHaveLength(1)
  })
})
