import type { WorkItem } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { getCertificate } from '../../src/inventory/get-certificate.js'
import { archiveCertificate } from '../../src/lifecycle/asking/archive-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { cancelJob } from '../../src/lifecycle/cancel-job.js'
import { linkTarget } from '../../src/lifecycle/placement/link-target.js'
import { revokeCertificate } from '../../src/lifecycle/revocation/revoke-certificate.js'
import { revokeVersion } from '../../src/lifecycle/revocation/revoke-version.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { unconfirmedRevocations } from '../../src/schedule/unconfirmed-revocations.js'
import { createGate } from './fake-ca.js'
import { createScene, only, operator, type Scene, type SceneAgent, served } from './scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal
let count = 0

async function revoked(reason: 'superseded' | 'cessationOfOperation' = 'cessationOfOperation') {
  count += 1
  const story = await served(scene, {
    name: `n${count}.example.test`,
    agentId: `agent-${count}`,
    targetId: `target-${count}`,
  })
  const [current] = await scene.services.store.versions.listCurrent(story.id)
  const versionId = current?.id ?? ''
  await revokeVersion(scene.services, { versionId, reason, reasonText: 'asked for', actor: operator })
  return { ...story, versionId, row: async () => await scene.services.store.revocations.findOfVersion(versionId) }
}

async function runWith(revoke: Scene['ca']['revoke']): Promise<void> {
  const before = scene.ca.revoke
  scene.ca.revoke = revoke
  await unconfirmedRevocations.run(scene.services, never)
  scene.ca.revoke = before
}

/** One that its issuer has failed to confirm so often that people were told. */
async function unconfirmed() {
  const story = await revoked()
  const fail = async () => {
    throw new CertctlError('upstream_unavailable', 'not today')
  }
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await runWith(fail)
    scene.services.clock.advance(600)
  }
  const id = (await story.row())?.id
  const isTold = async () => await scene.services.store.events.isOpen(`revocation:${id}:critical`)
  expect(await isTold()).toBe(true)
  return { ...story, fail, isTold }
}

describe('a revocation', () => {
  it('holds here at once, and for good only when the issuer has confirmed it', async () => {
    const { id, row, versionId } = await revoked()
    expect((await scene.services.store.versions.get(versionId))?.revoked_at).toEqual(scene.services.clock.now())
    expect((await getCertificate(scene.services, id)).status).toBe('Revoked')
    expect(await row()).toMatchObject({ state: 'here', attempts: 0 })
    await unconfirmedRevocations.run(scene.services, never)
    expect(await row()).toMatchObject({ state: 'confirmed', attempts: 1, next_try_at: null })
    expect(scene.ca.revocations.at(-1)).toMatchObject({
      reason: 'cessationOfOperation',
      reasonText: 'asked for',
      attempt: 1,
    })
  })

  it('is told again until it is confirmed, with the same id and the first time, and people hear of it meanwhile', async () => {
    const { row } = await revoked()
    const firstAskedAt = scene.services.clock.now()
    const fail = async () => {
      throw new CertctlError('upstream_unavailable', 'not today')
    }
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await runWith(fail)
      scene.services.clock.advance(600)
    }
    const failing = await row()
    expect(failing).toMatchObject({ state: 'here', attempts: 3, last_error_code: 'upstream_unavailable' })
    expect(await scene.services.store.events.isOpen(`revocation:${failing?.id}:critical`)).toBe(true)
    await unconfirmedRevocations.run(scene.services, never)
    expect(await row()).toMatchObject({ state: 'confirmed', attempts: 4 })
    expect(scene.ca.revocations.at(-1)).toMatchObject({ id: failing?.id, attempt: 4, firstAskedAt })
    expect(await scene.services.store.events.isOpen(`revocation:${failing?.id}:critical`)).toBe(false)
  })

  it('that its issuer does not confirm is told of until it does, although its certificate is archived', async () => {
    const { row, fail, isTold, id } = await unconfirmed()
    await archiveCertificate(scene.services, { certificateId: id, actor: operator })
    expect(await isTold()).toBe(true)
    scene.services.clock.advance(3600)
    await runWith(fail)
    expect(await isTold()).toBe(true)
    scene.services.clock.advance(7200)
    await unconfirmedRevocations.run(scene.services, never)
    expect(await row()).toMatchObject({ state: 'confirmed', attempts: 5 })
    expect(await isTold()).toBe(false)
  })

  it('of what has ended since troubles nobody any more, and its issuer is told all the same', async () => {
    const { row, fail, isTold } = await unconfirmed()
    scene.services.clock.advance(91 * 86_400)
    await runWith(fail)
    expect(await row()).toMatchObject({ state: 'here', attempts: 4, last_error_code: 'upstream_unavailable' })
    expect(await isTold()).toBe(false)
    scene.services.clock.advance(2 * 86_400)
    await runWith(fail)
    expect(await isTold()).toBe(false)
    scene.services.clock.advance(2 * 86_400)
    await unconfirmedRevocations.run(scene.services, never)
    expect(await row()).toMatchObject({ state: 'confirmed', attempts: 6 })
  })

  it('of what has ended since troubles nobody either while its issuer has it in hand', async () => {
    const { isTold } = await unconfirmed()
    const inHand = async () => ({ status: 'requested', retryAfterSeconds: 120 }) as const
    await runWith(inHand)
    expect(await isTold()).toBe(true)
    scene.services.clock.advance(91 * 86_400)
    await runWith(inHand)
    expect(await isTold()).toBe(false)
  })

  it('that a person must confirm at the CA is asked for by its reference, not filed again', async () => {
    const { row } = await revoked()
    await runWith(async () => ({ status: 'requested', reference: 'R-7', retryAfterSeconds: 120 }))
    expect(await row()).toMatchObject({ state: 'requested', reference: 'R-7' })
    await unconfirmedRevocations.run(scene.services, never)
    expect(await row()).toMatchObject({ state: 'requested' })
    scene.services.clock.advance(121)
    await unconfirmedRevocations.run(scene.services, never)
    expect(scene.ca.revocations.at(-1)).toMatchObject({ reference: 'R-7', attempt: 2 })
    expect(await row()).toMatchObject({ state: 'confirmed' })
  })

  it('is asked for again within a day and not before a minute, whatever its issuer wishes, as one that failed', async () => {
    const { row } = await revoked()
    const waitOf = async (revoke: Scene['ca']['revoke']) => {
      const now = scene.services.clock.now().getTime()
      await runWith(revoke)
      const seconds = ((await row())?.next_try_at?.getTime() ?? 0) / 1000 - now / 1000
      scene.services.clock.advance(seconds)
      return seconds
    }
    const retryAfterSeconds = 2.5e11
    expect(await waitOf(async () => ({ status: 'requested', retryAfterSeconds }))).toBe(86_400)
    expect(await waitOf(async () => ({ status: 'requested', retryAfterSeconds: 0 }))).toBe(60)
    const fail = async () => {
      throw new CertctlError('rate_limited', 'not today', { retryAfterSeconds })
    }
    expect(await waitOf(fail)).toBe(86_400)
    await unconfirmedRevocations.run(scene.services, never)
    expect(await row()).toMatchObject({ state: 'confirmed', attempts: 4 })
  })

  it('is told to its issuer by one of two copies at once', async () => {
    const { row } = await revoked()
    const gate = createGate()
    const id = (await row())?.id
    let told = 0
    const both = runWith(async (request) => {
      if (request.id === id) {
        told += 1
        await gate.pass()
      }
      return { status: 'confirmed' }
    })
    await gate.reached
    await unconfirmedRevocations.run(scene.services, never)
    // A call takes 90 s at most; who has it in hand may stand still for as long again.
    scene.services.clock.advance(180)
    await unconfirmedRevocations.run(scene.services, never)
    gate.release()
    await both
    expect(told).toBe(1)
    expect(await row()).toMatchObject({ state: 'confirmed', attempts: 1 })
  })

  it('is filed once', async () => {
    const { versionId } = await revoked()
    const again = revokeVersion(scene.services, {
      versionId,
      reason: 'superseded',
      reasonText: 'again',
      actor: operator,
    })
    await expect(again).rejects.toMatchObject({ code: 'already_revoked' })
  })

  it('leaves a certificate that nobody wants any more alone, and replaces one that is superseded', async () => {
    const ended = await revoked()
    const replaced = await revoked('superseded')
    expect((await replaced.agent.claim()).map(({ type }) => type)).toEqual(['Renewal'])
    scene.services.clock.advance(80 * 86_400)
    await dueRenewals.run(scene.services, never)
    expect(await ended.agent.claim()).toEqual([])
  })
})

describe('a certificate', () => {
  const cause = { reasonText: 'asked for', actor: operator }

  it('is revoked with every version of it that could still be used, whoever holds it', async () => {
    const { id, agent } = await served(scene, { name: 'm1.example.test', agentId: 'agent-m1', targetId: 'target-m1' })
    const other = await scene.agent('agent-m2')
    await scene.target('target-m2', 'agent-m2')
    await linkTarget(scene.services, { certificateId: id, targetId: 'target-m2', actor: operator })
    await other.submit(...(await answered(other)))
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: true })
    await agent.submit(...(await answered(agent)))
    await scene.work()
    const revoked = await revokeCertificate(scene.services, {
      certificateId: id,
      reason: 'cessationOfOperation',
      ...cause,
    })
    expect(revoked.map(({ standing }) => standing).toSorted()).toEqual(['current', 'current', 'previous'])
    const { rows } = await scene.services.store.versions.page(id, { limit: 10, count: false })
    expect(rows.every(({ revoked_at }) => revoked_at !== null)).toBe(true)
  })

  it('that was revoked for good is not renewed, whatever was under way, unless a person insists', async () => {
    const { id, agent } = await served(scene, { name: 'm3.example.test', agentId: 'agent-m3', targetId: 'target-m3' })
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    await agent.submit(...(await answered(agent)))
    await revokeCertificate(scene.services, { certificateId: id, reason: 'cessationOfOperation', ...cause })
    expect(await scene.work()).toBe(0)
    scene.services.clock.advance(80 * 86_400)
    await dueRenewals.run(scene.services, never)
    expect(await agent.claim()).toEqual([])
    const again = renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    await expect(again).rejects.toMatchObject({ code: 'already_revoked' })
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: true })
    expect((await agent.claim()).map(({ type }) => type)).toEqual(['Renewal'])
  })

  it('for a compromised key is issued anew, although somebody had stopped its renewal before', async () => {
    const { id, agent } = await served(scene, { name: 'm7.example.test', agentId: 'agent-m7', targetId: 'target-m7' })
    const asked = await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    await cancelJob(scene.services, { jobId: asked.jobIds[0] ?? '', actor: operator })
    await dueRenewals.run(scene.services, never)
    expect(await agent.claim()).toEqual([])
    await revokeCertificate(scene.services, { certificateId: id, reason: 'keyCompromise', ...cause })
    expect((await agent.claim()).map(({ type }) => type)).toEqual(['Renewal'])
  })

  it('for a compromised key is ordered at once, although its renewal had failed and waits', async () => {
    const { id, agent } = await served(scene, { name: 'm9.example.test', agentId: 'agent-m9', targetId: 'target-m9' })
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    await agent.submit(...(await answered(agent)))
    const answer = scene.ca.answer
    scene.ca.answer = async () => {
      throw new CertctlError('upstream_unavailable', 'The CA is down')
    }
    await scene.work()
    scene.ca.answer = answer
    expect(await scene.work()).toBe(0)
    const [before] = await scene.services.store.versions.listCurrent(id)
    const stolen = { versionId: before?.id ?? '', reason: 'keyCompromise' as const, ...cause }
    await revokeVersion(scene.services, stolen)
    await scene.work()
    const [after] = await scene.services.store.versions.listCurrent(id)
    expect(after).toMatchObject({ standing: 'current', revoked_at: null })
    expect(after?.spki_sha256).not.toBe(before?.spki_sha256)
  })

  it('for good, and then for its key, is not issued anew', async () => {
    const { id, agent } = await served(scene, { name: 'm8.example.test', agentId: 'agent-m8', targetId: 'target-m8' })
    const { store } = scene.services
    const [version] = await store.versions.listCurrent(id)
    await revokeCertificate(scene.services, { certificateId: id, reason: 'cessationOfOperation', ...cause })
    const report = { versionId: version?.id ?? '', reason: 'keyCompromise' as const, ...cause }
    await revokeVersion(scene.services, report)
    await dueRenewals.run(scene.services, never)
    expect(await agent.claim()).toEqual([])
  })

  it('whose key turns out to be compromised later has its key blocked, once, and the record says so', async () => {
    const { id } = await served(scene, { name: 'm6.example.test', agentId: 'agent-m6', targetId: 'target-m6' })
    const { store } = scene.services
    const [version] = await revokeCertificate(scene.services, { certificateId: id, reason: 'superseded', ...cause })
    const report = { versionId: version?.id ?? '', reason: 'keyCompromise' as const, ...cause }
    expect(await store.blockedKeys.has(version?.spki_sha256 ?? '')).toBe(false)
    expect((await revokeVersion(scene.services, report)).map((one) => one.id)).toEqual([version?.id])
    expect(await store.blockedKeys.has(version?.spki_sha256 ?? '')).toBe(true)
    expect((await store.versions.get(report.versionId))?.revocation_reason).toBe('superseded')
    const entries = await store.auditEvents.list({ resource_id: id, action: 'certificate.key_blocked' }, { limit: 5 })
    expect(entries).toHaveLength(1)
    await expect(revokeVersion(scene.services, report)).rejects.toMatchObject({ code: 'already_revoked' })
    await expect(revokeVersion(scene.services, { ...report, reason: 'superseded' })).rejects.toMatchObject({
      code: 'already_revoked',
    })
  })

  it('without anything to revoke says why', async () => {
    const { id } = await scene.request({ commonName: 'm4.example.test' })
    const revocation = { certificateId: id, reason: 'superseded' as const, ...cause }
    await expect(revokeCertificate(scene.services, revocation)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('nothing was issued'),
    })
    const story = await served(scene, { name: 'm5.example.test', agentId: 'agent-m5', targetId: 'target-m5' })
    await revokeCertificate(scene.services, { ...revocation, certificateId: story.id })
    await expect(revokeCertificate(scene.services, { ...revocation, certificateId: story.id })).rejects.toMatchObject({
      code: 'already_revoked',
    })
    await expect(revokeCertificate(scene.services, { ...revocation, certificateId: 'none' })).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})

/** What an agent is asked for, with a CSR of a new key for it. */
async function answered(agent: SceneAgent): Promise<[WorkItem, string]> {
  const items = (await agent.claim()).filter(({ type }) => type === 'Renewal' || type === 'Issuance')
  const item = only(items)
  return [item, await agent.csr(item)]
}
