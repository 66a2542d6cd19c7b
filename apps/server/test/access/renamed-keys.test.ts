import { afterEach, describe, expect, it } from '@jest/globals'
import { environmentKeys, keepEnvironmentKeys } from '../../src/access/environment-keys.js'
import { actorOf } from '../../src/access/principal.js'
import { hashToken } from '../../src/access/token.js'
import { readConfig } from '../../src/config.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { supplyCsr } from '../../src/lifecycle/csr/supply-csr.js'
import type { Actor } from '../../src/store/audit-entry.js'
import type { Scene } from '../lifecycle/scene.js'
import { approve, bob, csrFor, pendingOf, profileId, twoPersonScene, workOff } from '../lifecycle/two-people.js'

const one = 'the-first-key-that-is-long-enough'
const two = 'the-second-key-that-is-long-enough'
const three = 'the-third-key-that-is-long-enough'

let scene: Scene | undefined
afterEach(async () => await scene?.close())

async function sceneWith(environment: Record<string, string>): Promise<Scene> {
  scene = await twoPersonScene()
  await start(scene, environment)
  return scene
}

/** What a server that starts with this environment makes of its keys. */
async function start({ services }: Scene, environment: Record<string, string>): Promise<void> {
  const keys = environmentKeys({ ...services, config: readConfig(environment) })
  await services.store.transaction(async (tx) => await keepEnvironmentKeys(tx, keys))
}

/** Whoever comes with this key. */
async function holderOf({ services }: Scene, key: string): Promise<Actor> {
  const row = await services.store.apiKeys.findByHash(hashToken(key))
  if (row === undefined) throw new Error('there is no such key')
  const { id, name, role, owner } = row
  return actorOf({ kind: 'key', id, name, role, owner: owner ?? undefined })
}

async function requestedWith(asking: Scene, key: string): Promise<string> {
  const request = { commonName: 'www.example.test', certificateProfileId: profileId, csrPem: await csrFor() }
  const { id } = await asking.request({ ...request, actor: await holderOf(asking, key) })
  await workOff(asking)
  return id
}

async function refused(asked: Scene, certificateId: string, key: string): Promise<void> {
  const { id } = await pendingOf(asked, certificateId)
  await expect(approve(asked, id, await holderOf(asked, key))).rejects.toMatchObject({ code: 'forbidden' })
}

const lists: [string, Record<string, string>, Record<string, string>][] = [
  [
    'another place in CERTCTL_AUTH_SECRET',
    { CERTCTL_AUTH_SECRET: `${one},${two}` },
    { CERTCTL_AUTH_SECRET: `${three},${one},${two}` },
  ],
  [
    'another name in CERTCTL_API_KEYS_NAMED',
    { CERTCTL_API_KEYS_NAMED: `ci:${one},ops:${two}` },
    { CERTCTL_API_KEYS_NAMED: `build:${one},ops:${two}` },
  ],
  [
    'a name instead of a place',
    { CERTCTL_AUTH_SECRET: `${one},${two}` },
    { CERTCTL_API_KEYS_NAMED: `build:${one},ops:${two}` },
  ],
]

describe.each(lists)('a key of the environment that asked and has %s since', (_what, before, after) => {
  it('does not approve what it asked for; another one does', async () => {
    const asked = await sceneWith(before)
    const id = await requestedWith(asked, one)
    await refused(asked, id, one)
    await start(asked, after)
    await refused(asked, id, one)
    await approve(asked, (await pendingOf(asked, id)).id, await holderOf(asked, two))
  })

  it('does not approve the renewal it asked for', async () => {
    const asked = await sceneWith(before)
    const id = await requestedWith(asked, two)
    await approve(asked, (await pendingOf(asked, id)).id, bob)
    await workOff(asked)
    asked.services.clock.advance(60)
    await renewCertificate(asked.services, { certificateId: id, actor: await holderOf(asked, one), force: false })
    await start(asked, after)
    await workOff(asked)
    await refused(asked, id, one)
  })

  it('does not approve the CSR it sent', async () => {
    const asked = await sceneWith(before)
    const id = await requestedWith(asked, two)
    const actor = await holderOf(asked, one)
    await supplyCsr(asked.services, { certificateId: id, csrPem: await csrFor(), actor })
    await start(asked, after)
    await workOff(asked)
    await refused(asked, id, one)
  })
})

describe('what an older version wrote of a key that asked', () => {
  it('holds as before: by its name', async () => {
    const asked = await sceneWith({ CERTCTL_AUTH_SECRET: `${one},${two}` })
    const id = await requestedWith(asked, one)
    const { id: approvalId, job_id: jobId } = await pendingOf(asked, id)
    const { store } = asked.services
    await store.jobs.update(jobId, { requested_by_person: ['legacy-key-0'] })
    await store.certificates.update(id, {
      requested_by_people: JSON.stringify([{ known_as: ['legacy-key-0'], at: asked.services.clock.now() }]),
    })
    expect((await pendingOf(asked, id)).barred_persons).toContain('legacy-key-0')
    await refused(asked, id, one)
    await approve(asked, approvalId, await holderOf(asked, two))
  })
})
