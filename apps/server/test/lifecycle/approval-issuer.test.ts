import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { placeOfConnection } from '../../src/connectors/connections.js'
import { sealConfig } from '../../src/connectors/sealed-config.js'
import type { ApprovalRow } from '../../src/store/approvals.js'
import type { ConnectionRow } from '../../src/store/connections.js'
import { addIssuer, type Scene, withScene } from './scene.js'
import {
  addProfile,
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

let scene: Scene
let counter = 0
beforeAll(async () => {
  scene = await twoPersonScene()
})
afterAll(async () => await scene.close())

async function waiting(on = scene): Promise<{ id: string; approval: ApprovalRow }> {
  counter += 1
  const request = { actor: alice, commonName: 'www.example.test', certificateProfileId: profileId }
  const { id } = await on.request({ ...request, name: `n${counter}`, csrPem: await csrFor() })
  await workOff(on)
  return { id, approval: await pendingOf(on, id) }
}

/** As whoever may write issuers changes it: each change counts its generation up. */
async function changeIssuer(
  changes: Partial<Omit<ConnectionRow, 'config'>> & { config?: string },
  on = scene,
): Promise<void> {
  const { connections } = on.services.store
  const row = await connections.get('issuer', on.issuerId)
  await connections.update(on.issuerId, { ...changes, generation: (row?.generation ?? 0) + 1 })
}

/** As copies of an older version wrote it. */
async function forgetSettings(approval: ApprovalRow): Promise<void> {
  const { issuer_config_sha256: kept, ...shown } = approval.shown as Record<string, unknown>
  expect(kept).toBeDefined()
  await scene.services.store.approvals.settle(approval.id, { shown: JSON.stringify(shown) })
}

describe('an approval', () => {
  it('is not given for an issuer whose settings are others than when it was asked for', async () => {
    const { id, approval } = await waiting()
    await changeIssuer({ config: JSON.stringify({ url: 'https://evil.test' }) })
    await expect(approve(scene, approval.id, bob)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('has changed since'),
    })
    const asked = scene.ca.asked.length
    await approve(scene, (await pendingOf(scene, id)).id, bob)
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked + 1)
  })

  it('does not hold for settings that were written between the decision and the CA, and is asked for anew', async () => {
    const { id, approval } = await waiting()
    const asked = scene.ca.asked.length
    await approve(scene, approval.id, bob)
    await changeIssuer({ config: JSON.stringify({ url: 'https://other.test' }) })
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked)
    expect((await pendingOf(scene, id)).id).not.toBe(approval.id)
  })

  it('does not hold after any change of an issuer whose settings are all secret', async () => {
    const sealed = (url: string) => {
      const place = placeOfConnection(scene.issuerId)
      const stored = sealConfig(scene.services.sealing, { schema: undefined, config: { url } }, place)
      return { config: JSON.stringify(stored.config), secrets: stored.secrets }
    }
    await changeIssuer(sealed('https://ca.test'))
    const { id, approval } = await waiting()
    await changeIssuer(sealed('https://evil.test'))
    await expect(approve(scene, approval.id, bob)).rejects.toMatchObject({ code: 'conflict' })
    await approve(scene, (await pendingOf(scene, id)).id, bob)
    await changeIssuer({ config: '{}', secrets: null })
  })

  it('does not hold for another issuer of the same type and settings', async () => {
    const { approval } = await waiting()
    const asked = scene.ca.asked.length
    const config = (await scene.services.store.connections.get('issuer', scene.issuerId))?.config ?? {}
    await addIssuer(scene.services, 'iss-twin', scene.ca.definition.type)
    await scene.services.store.connections.update('iss-twin', { config: JSON.stringify(config) })
    await approve(scene, approval.id, bob)
    await scene.services.store.orders.update(approval.order_id, { issuer_id: 'iss-twin' })
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked)
  })

  it('is asked of the issuer as it was agreed to, though another one was open when the job began', async () => {
    await withScene({ metered: true }, async (other) => {
      await addProfile(other, { id: profileId, requires_approval: true })
      const { approval } = await waiting(other)
      await approve(other, approval.id, bob)
      // Its limits are asked for after it was opened, and before the gate.
      let changes = 0
      other.ca.budget = async () => {
        changes += 1
        if (changes === 1) await changeIssuer({}, other)
        return { fits: true, detail: 'room' }
      }
      expect(await other.work()).toBe(1)
      expect([changes, other.ca.asked.length]).toEqual([1, 0])
      await workOff(other)
      expect(other.ca.asked).toHaveLength(1)
    })
  })

  it('holds when the issuer gets another name, is tested, or is written again as it was', async () => {
    const { id, approval } = await waiting()
    const asked = scene.ca.asked.length
    await changeIssuer({ config: JSON.stringify({ url: 'https://a.test', root: 'r' }) })
    await expect(approve(scene, approval.id, bob)).rejects.toMatchObject({ code: 'conflict' })
    await changeIssuer({ config: JSON.stringify({ root: 'r', url: 'https://a.test' }), name: 'another name' })
    await approve(scene, (await pendingOf(scene, id)).id, bob)
    await changeIssuer({ paused_until: null, last_tested_at: scene.services.clock.now() })
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked + 1)
    expect(await approvalsOf(scene, id)).toHaveLength(2)
  })

  it('that an older version asked for is given, and holds, as that version would have it', async () => {
    const { id, approval } = await waiting()
    const asked = scene.ca.asked.length
    await forgetSettings(approval)
    await approve(scene, approval.id, bob)
    await changeIssuer({ config: JSON.stringify({ url: 'https://moved.test' }) })
    await workOff(scene)
    expect(scene.ca.asked).toHaveLength(asked + 1)
    expect(await approvalsOf(scene, id)).toHaveLength(1)
  })
})
