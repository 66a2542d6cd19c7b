import type { RenewalInfo } from '@certctl/core'
import { createCsr, generateKey } from '@certctl/pki'
import { describe, expect, it } from '@jest/globals'
import { importCertificate } from '../../src/lifecycle/asking/import-certificate.js'
import { movedRenewal } from '../../src/lifecycle/renewal/renewal-of.js'
import { builtInPolicy } from '../../src/lifecycle/renewal/renewal-policy-of.js'
import { revokeVersion } from '../../src/lifecycle/revocation/revoke-version.js'
import { changedRenewalPolicies } from '../../src/schedule/changed-renewal-policies.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { renewalInfo } from '../../src/schedule/renewal-info.js'
import { operator, type Scene, served, withScene } from './scene.js'

const never = new AbortController().signal
const hourMs = 3_600_000
const day = 86_400

async function holderOf(scene: Scene, certificateId: string) {
  const [holder] = await scene.services.store.holders.listOfCertificate(certificateId)
  if (holder === undefined) throw new Error(`nobody holds ${certificateId}`)
  return holder
}

async function giveDefaultPolicy(scene: Scene, columns: Record<string, unknown> = {}): Promise<void> {
  const at = scene.services.clock.now()
  const named = { id: 'rp-default', name: 'rp-default', created_at: at, updated_at: at }
  await scene.services.store.renewalPolicies.insert({ ...named, ...columns })
  await changedRenewalPolicies.run(scene.services, never)
}

async function revokeForGood(scene: Scene, id: string): Promise<void> {
  const [version] = await scene.services.store.versions.listCurrent(id)
  const cause = { reason: 'cessationOfOperation' as const, reasonText: 'switched off', actor: operator }
  await revokeVersion(scene.services, { versionId: version?.id ?? '', ...cause })
}

function windowAt(scene: Scene, from: number, to: number): RenewalInfo {
  const now = scene.services.clock.now().getTime()
  return { windowStart: new Date(now + from * hourMs), windowEnd: new Date(now + to * hourMs), retryAfterSeconds: 60 }
}

describe('what is not renewed by itself', () => {
  it('because it was revoked for good is not after its policy was changed either', async () => {
    await withScene({ lifeDays: 90 }, async (scene) => {
      const { id, agent } = await served(scene)
      await revokeForGood(scene, id)
      await giveDefaultPolicy(scene, { renewal_window_days: 20 })
      expect((await holderOf(scene, id)).renew_at).toBeNull()
      scene.services.clock.advance(80 * day)
      await dueRenewals.run(scene.services, never)
      expect(await agent.claim()).toEqual([])
    })
  })

  it('because it was revoked while its CA was asked when it wants it renewed, is not', async () => {
    await withScene({ opinions: true }, async (scene) => {
      const { id, agent } = await served(scene)
      scene.ca.renewalInfo = async () => {
        await revokeForGood(scene, id)
        return windowAt(scene, -2, -1)
      }
      await renewalInfo.run(scene.services, never)
      expect(await holderOf(scene, id)).toMatchObject({ renew_at: null, renewal_info_at: null })
      scene.services.clock.advance(2 * day)
      await dueRenewals.run(scene.services, never)
      expect(await agent.claim()).toEqual([])
    })
  })

  it('because it was imported without a CSR goes on saying so', async () => {
    await withScene({}, async (scene) => {
      const { privateKeyPem } = await generateKey('EC-P256')
      const names = [{ type: 'dns' as const, value: 'i.example.test' }]
      const csrPem = await createCsr({ privateKeyPem, commonName: 'i.example.test', names })
      const certificatePem = await scene.ca.ca.sign(csrPem)
      const chainPem = scene.ca.ca.intermediatePem
      const imported = { actor: operator, issuerId: scene.issuerId, certificatePem, chainPem }
      const { id } = await importCertificate(scene.services, imported)
      const before = await holderOf(scene, id)
      await giveDefaultPolicy(scene)
      const { renew_at, renew_at_reason } = await holderOf(scene, id)
      expect(renew_at_reason).toContain('without a CSR')
      expect({ renew_at, renew_at_reason }).toEqual({ renew_at: null, renew_at_reason: before.renew_at_reason })
    })
  })
})

describe('a window of a CA', () => {
  it('that has begun is heard where it is moved to later', async () => {
    await withScene({ lifeDays: 90, opinions: true }, async (scene) => {
      const { id } = await served(scene)
      scene.ca.renewalInfo = async () => windowAt(scene, -1, 30)
      await renewalInfo.run(scene.services, never)
      scene.services.clock.advance(70)
      const later = windowAt(scene, 100, 120)
      scene.ca.renewalInfo = async () => later
      await renewalInfo.run(scene.services, never)
      const at = (await holderOf(scene, id)).renew_at?.getTime()
      expect(at).toBeGreaterThanOrEqual(later.windowStart.getTime())
      expect(at).toBeLessThanOrEqual(later.windowEnd.getTime())
    })
  })

  it('is told of when it begins, where renewals are left to people', async () => {
    await withScene({ lifeDays: 90, opinions: true }, async (scene) => {
      const window = windowAt(scene, 50 * 24, 52 * 24)
      scene.ca.renewalInfo = async () => window
      await giveDefaultPolicy(scene, { auto_renew: false })
      const { id } = await served(scene)
      const key = `ca-asks:${(await holderOf(scene, id)).id}:warning`
      const told: boolean[] = []
      for (const days of [0, 48, 4]) {
        scene.services.clock.advance(days * day)
        await renewalInfo.run(scene.services, never)
        told.push(await scene.services.store.events.isOpen(key))
      }
      expect(told).toEqual([false, false, true])
    })
  })
})

describe('a window of a CA that has passed', () => {
  const now = new Date('2026-06-01T12:00:00Z')
  const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000)
  const version = { received_at: ago(30 * day), not_after: new Date(now.getTime() + 60 * day * 1000), revoked_at: null }
  const window = { renewal_window_start: ago(7200), renewal_window_end: ago(3600), renewal_draw: 999_999 }

  it.each([
    ['sooner, is left as it was said, with its reason', { renew_at: ago(60), renew_at_reason: 'said before' }, true],
    ['later, is brought forward', { renew_at: version.not_after, renew_at_reason: 'said before' }, false],
    ['never, is set', { renew_at: null, renew_at_reason: 'said before' }, false],
  ])('and a renewal that was due %s', (_, said, isLeft) => {
    const parts = { version, policy: builtInPolicy, now, pastSpreadSeconds: 3600 }
    const moved = movedRenewal({ ...parts, holder: { ...window, ...said } })
    expect(moved).toEqual(
      isLeft ? said : { renew_at: expect.any(Date), renew_at_reason: expect.not.stringContaining('said before') },
    )
  })
})
