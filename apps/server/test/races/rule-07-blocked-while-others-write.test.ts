import { createCsr, generateKey } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { importCertificate } from '../../src/lifecycle/asking/import-certificate.js'
import { beginBulk } from '../../src/lifecycle/bulk/begin-bulk.js'
import { runBulk } from '../../src/lifecycle/bulk/run-bulk.js'
import { revokeVersion } from '../../src/lifecycle/revocation/revoke-version.js'
import { revokeVersions } from '../../src/lifecycle/revocation/revoke-versions.js'
import { createGate } from '../lifecycle/fake-ca.js'
import { createScene, operator, type Scene } from '../lifecycle/scene.js'
import { holdTransaction, until, untilBlocked } from './steps.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal
const compromised = { reason: 'keyCompromise' as const, reasonText: 'found in a log', actor: operator }
/** As many as write side by side, however long they take. */
const writers = 8

async function issuedWithKey(name: string) {
  const { privateKeyPem } = await generateKey('EC-P256')
  const csrPem = await createCsr({ privateKeyPem, commonName: name, names: [{ type: 'dns', value: name }] })
  const { id } = await scene.request({ csrPem })
  await scene.work()
  const [version] = await scene.services.store.versions.listCurrent(id)
  if (version === undefined) throw new Error('nothing is current')
  return { id, version, privateKeyPem }
}

/** Every writer of `together` is busy until it is let go, so that what comes next waits and goes in one transaction. */
async function occupyWriters() {
  const gates = Array.from({ length: writers }, () => createGate())
  const done: Promise<void>[] = []
  for (const [index, gate] of gates.entries()) {
    done.push(scene.services.store.together(`writer-${index}`, async () => await gate.pass()))
    await gate.reached
  }
  return {
    release() {
      for (const gate of gates) gate.release()
    },
    done: Promise.all(done),
  }
}

describe('rule 7: a key is blocked under its own lock, whoever else writes', () => {
  it('waits in a bulk revocation for whoever records something of the key, also where both wait to be written together', async () => {
    const { services } = scene
    const { id, version } = await issuedWithKey('bulk.example.test')
    const { jobId } = await beginBulk(services, {
      action: 'revoke',
      filter: { ids: [id] },
      criteria: {},
      arguments: { reason: 'keyCompromise' },
      actor: operator,
    })
    const now = services.clock.now()
    const claiming = { kinds: ['bulk' as const], server: 'a', now, until: new Date(now.getTime() + 60_000), limit: 1 }
    const [job] = await services.store.jobs.claimForServer(claiming)
    const writing = await occupyWriters()
    const recorder = createGate()
    const seen: boolean[] = []
    const recording = services.store.together('another certificate', async (tx) => {
      await tx.blockedKeys.lock(version.spki_sha256)
      seen.push(await tx.blockedKeys.has(version.spki_sha256))
      await recorder.pass()
      seen.push(await tx.blockedKeys.has(version.spki_sha256))
    })
    const bulk = runBulk(services, { ...job, lease: job?.lease ?? '' } as never, never)
    await new Promise((resolve) => setTimeout(resolve, 500))
    writing.release()
    await recorder.reached
    await new Promise((resolve) => setTimeout(resolve, 500))
    recorder.release()
    await Promise.all([recording, bulk, writing.done])
    // Blocked before, or only once the lock is given back.
    expect(seen[1]).toBe(seen[0])
    expect(await services.store.bulkOperations.get(jobId)).toMatchObject({ done: 1, failed: 0 })
    await until(async () => await services.store.blockedKeys.has(version.spki_sha256))
  })

  it('does not take into care what has a key that is being blocked', async () => {
    const { services, ca, issuerId } = scene
    const { id, version, privateKeyPem } = await issuedWithKey('blocked.example.test')
    const names = [{ type: 'dns' as const, value: 'imported.example.test' }]
    const csrPem = await createCsr({ privateKeyPem, commonName: 'imported.example.test', names })
    const certificatePem = await ca.ca.sign(csrPem, { names, notAfter: version.not_after })
    // The key is blocked already, and not committed, when the import looks.
    const held = await holdTransaction(services, async (tx) => void (await tx.certificates.lock(id)))
    const revoked = revokeVersion(services, { versionId: version.id, ...compromised })
    await untilBlocked(services)
    const imported = importCertificate(services, { actor: operator, issuerId, certificatePem })
    const outcome = Promise.allSettled([imported])
    await Promise.race([outcome, untilBlocked(services, 2)])
    await held.commit()
    await revoked
    expect(await outcome).toMatchObject([{ status: 'rejected', reason: { code: 'conflict' } }])
  })

  it('revokes nothing that came in between and is not locked: it would be in no record', async () => {
    const { services } = scene
    const { id } = await issuedWithKey('between.example.test')
    const cause = { reason: 'unspecified' as const, reasonText: 'not wanted', actor: operator }
    const revoked = await services.store.transaction(async (tx) => {
      const answers = [[], await tx.versions.listRevocable(id, tx.now)]
      return await revokeVersions(services, tx, {
        cause,
        read: async () => answers.shift() ?? [],
        wholeCertificate: true,
      })
    })
    expect(revoked).toEqual([])
    expect(await services.store.versions.listCurrent(id)).toMatchObject([{ revoked_at: null }])
  })
})
