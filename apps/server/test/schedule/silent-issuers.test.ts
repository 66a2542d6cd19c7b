import { CertctlError } from '@certctl/core'
import { createCsr, generateKey } from '@certctl/pki'
import { describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { revokeVersion } from '../../src/lifecycle/revocation/revoke-version.js'
import { renewalInfo } from '../../src/schedule/renewal-info.js'
import { unconfirmedRevocations } from '../../src/schedule/unconfirmed-revocations.js'
import { widelyHeard } from '../../src/widely-heard.js'
import { addFleet } from '../bulk/fleet.js'
import { createGate } from '../lifecycle/fake-ca.js'
import { addIssuer, operator, type Scene, withScene } from '../lifecycle/scene.js'
import { until } from '../races/steps.js'

const never = new AbortController().signal

let issued = 0

/** A certificate of this issuer, and its current version. */
async function issuedBy({ services, request, work }: Scene, issuerId: string) {
  issued += 1
  const name = `i${issued}.example.test`
  const { privateKeyPem } = await generateKey('EC-P256')
  const csrPem = await createCsr({ privateKeyPem, commonName: name, names: [{ type: 'dns', value: name }] })
  const { id } = await request({ csrPem, issuerId })
  await work()
  const [version] = await services.store.versions.listCurrent(id)
  return { id, versionId: version?.id ?? '', serialNumber: version?.serial_number ?? '' }
}

/** A certificate of this issuer that was revoked; what it says of itself. */
async function revokedAt(scene: Scene, issuerId: string) {
  const { services } = scene
  const { versionId } = await issuedBy(scene, issuerId)
  await revokeVersion(services, { versionId, reason: 'keyCompromise', reasonText: 'asked for', actor: operator })
  return async () => await services.store.revocations.findOfVersion(versionId)
}

/** So many certificates of the scene's issuer that it is to be asked about now. */
async function dueFleet({ services, agent, target, issuerId }: Scene, matching: number): Promise<void> {
  await agent('agent-fleet')
  await target('target-fleet', 'agent-fleet')
  await addFleet(services, { matching, others: 0, agentId: 'agent-fleet', targetId: 'target-fleet', issuerId })
  const client = new pg.Client({ connectionString: services.database.url })
  await client.connect()
  const due = 'update holders set renewal_info_at = $1 where agent_id = $2'
  try {
    await client.query(due, [services.clock.now(), 'agent-fleet'])
  } finally {
    await client.end()
  }
}

describe('an issuer that does not answer', () => {
  const unavailable = new CertctlError('upstream_unavailable', 'There was no answer within 90 s')

  it('keeps no revocation at another one waiting, and its own others are not tried one after the other', async () => {
    await withScene({}, async (scene) => {
      await addIssuer(scene.services, 'iss-other', scene.ca.definition.type)
      const first = await revokedAt(scene, scene.issuerId)
      const second = await revokedAt(scene, scene.issuerId)
      const other = await revokedAt(scene, 'iss-other')
      const gate = createGate()
      scene.ca.revoke = async ({ id }) => {
        if (id !== (await first())?.id && id !== (await second())?.id) return { status: 'confirmed' }
        await gate.pass()
        throw unavailable
      }
      const run = unconfirmedRevocations.run(scene.services, never)
      await until(async () => (await other())?.state === 'confirmed', 'the other issuer confirms')
      const late = await revokedAt(scene, 'iss-other')
      await until(async () => (await late())?.state === 'confirmed', 'the other issuer confirms what came meanwhile')
      gate.release()
      await run
      const rows = [await first(), await second()].toSorted((a, b) => (a?.attempts ?? 0) - (b?.attempts ?? 0))
      expect(rows).toMatchObject([{ attempts: 0 }, { attempts: 1, last_error_code: 'upstream_unavailable' }])
      const times = rows.map((row) => row?.next_try_at?.getTime() ?? 0)
      expect(times[0]).toBe((times[1] ?? 0) + 1)
      scene.ca.revoke = async () => ({ status: 'confirmed' })
      scene.services.clock.advance(60)
      await unconfirmedRevocations.run(scene.services, never)
      expect([await first(), await second()]).toMatchObject([{ state: 'confirmed' }, { state: 'confirmed' }])
    })
  })

  it('is asked for its other revocations within minutes, however long the one waits that it did not answer', async () => {
    await withScene({}, async (scene) => {
      const first = await revokedAt(scene, scene.issuerId)
      scene.ca.revoke = async () => {
        throw unavailable
      }
      for (let failed = 0; failed < 6; failed += 1) {
        scene.services.clock.advance(3600)
        await unconfirmedRevocations.run(scene.services, never)
      }
      scene.services.clock.advance(3600)
      const second = await revokedAt(scene, scene.issuerId)
      await unconfirmedRevocations.run(scene.services, never)
      const now = scene.services.clock.now().getTime()
      expect(((await first())?.next_try_at?.getTime() ?? 0) - now).toBeGreaterThan(3_000_000)
      expect(await second()).toMatchObject({ attempts: 0, next_try_at: new Date(now + 300_001) })
    })
  })

  it('keeps nobody from asking another one when it wants its renewals', async () => {
    await withScene({ opinions: true }, async (scene) => {
      await addIssuer(scene.services, 'iss-other', scene.ca.definition.type)
      const silent = new Set<string>()
      for (let n = 0; n < 13; n += 1) silent.add((await issuedBy(scene, scene.issuerId)).serialNumber)
      const gate = createGate()
      const heard: string[] = []
      scene.ca.renewalInfo = async ({ serialNumber }) => {
        if (silent.has(serialNumber)) await gate.pass()
        heard.push(serialNumber)
        return undefined
      }
      const run = renewalInfo.run(scene.services, never)
      await gate.reached
      const { serialNumber } = await issuedBy(scene, 'iss-other')
      await until(async () => heard.includes(serialNumber), 'the other issuer is asked')
      gate.release()
      await run
      expect(heard).toHaveLength(14)
    })
  })

  it('keeps nobody from being asked, however many questions are due there', async () => {
    await withScene({ opinions: true }, async (scene) => {
      const { services, ca } = scene
      await addIssuer(services, 'iss-other', ca.definition.type)
      const early = await issuedBy(scene, 'iss-other')
      const [holder] = await services.store.holders.listOfCertificate(early.id)
      const askAt = async (at: Date | null) =>
        await services.store.holders.update(holder?.id ?? '', { renewal_info_at: at })
      await askAt(null)
      for (let n = 0; n < 12; n += 1) await issuedBy(scene, scene.issuerId)
      services.clock.advance(1)
      await dueFleet(scene, 5050)
      services.clock.advance(1)
      const late = await issuedBy(scene, 'iss-other')
      const others = [late.serialNumber, early.serialNumber]
      const gate = createGate()
      const heard: string[] = []
      ca.renewalInfo = async ({ serialNumber }) => {
        if (!others.includes(serialNumber)) await gate.pass()
        heard.push(serialNumber)
        return undefined
      }
      const stopping = widelyHeard()
      const run = renewalInfo.run(services, stopping.signal)
      await until(async () => heard.length === 1, 'the other issuer is asked')
      await askAt(new Date(services.clock.now().getTime() - 3_600_000))
      await until(async () => heard.length === 2, 'the other issuer is asked about what was due before all that')
      expect(heard).toEqual(others)
      stopping.abort()
      gate.release()
      await run
    })
  })
})
