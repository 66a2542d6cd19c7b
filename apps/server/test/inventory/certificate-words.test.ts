import { CertctlError } from '@certctl/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { getCertificate } from '../../src/inventory/get-certificate.js'
import { listCertificates } from '../../src/inventory/list-certificates.js'
import { readStatus } from '../../src/inventory/status.js'
import { jobStatusFilter, jobStatusOf, jobTypeFilter, jobTypeOf } from '../../src/inventory/status-view.js'
import { archiveCertificate } from '../../src/lifecycle/asking/archive-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { revokeVersion } from '../../src/lifecycle/revocation/revoke-version.js'
import { createScene, only, operator, type Scene, served, withScene } from '../lifecycle/scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

const statusOf = async (id: string) => (await getCertificate(scene.services, id)).status
const listed = async (status: Parameters<typeof listCertificates>[1]['filter']['status']): Promise<string[]> => {
  const { items } = await listCertificates(scene.services, {
    filter: { status },
    request: { limit: 100, count: false },
  })
  return (JSON.parse(`[${items}]`) as { id: string }[]).map(({ id }) => id)
}

describe('the word for a certificate', () => {
  it('follows its life: Pending, Active, Expiring, RenewalInProgress, Active', async () => {
    const agent = await scene.agent('agent-a')
    await scene.target('target-a', agent.id)
    const { id } = await scene.request({ commonName: 'a.example.test', targetIds: ['target-a'] })
    expect(await statusOf(id)).toBe('Pending')
    expect(await listed('Pending')).toContain(id)
    const asked = only(await agent.claim())
    await agent.submit(asked, await agent.csr(asked))
    await scene.work()
    expect(await statusOf(id)).toBe('Active')
    scene.services.clock.advance(59 * 86_400)
    expect(await statusOf(id)).toBe('Active')
    scene.services.clock.advance(2 * 86_400)
    expect(await statusOf(id)).toBe('Expiring')
    expect(await listed('Expiring')).toEqual([id])
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    expect(await statusOf(id)).toBe('RenewalInProgress')
    const again = only(await agent.claim(), 'Renewal')
    await agent.submit(again, await agent.csr(again))
    await scene.work()
    expect(await statusOf(id)).toBe('Active')
  })

  it('is Expired by comparison with now, without anybody writing it', async () => {
    const { id } = await served(scene, { name: 'b.example.test', agentId: 'agent-b', targetId: 'target-b' })
    scene.services.clock.advance(91 * 86_400)
    expect(await statusOf(id)).toBe('Expired')
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    expect(await statusOf(id)).toBe('Expired')
    expect(await listed('Expired')).toContain(id)
  })

  it('is not Expiring for most of a short life', async () => {
    await withScene({ lifeDays: 6 }, async (short) => {
      const { id } = await served(short)
      const status = async () => (await getCertificate(short.services, id)).status
      expect(await status()).toBe('Active')
      short.services.clock.advance(3.9 * 86_400)
      expect(await status()).toBe('Active')
      short.services.clock.advance(0.2 * 86_400)
      expect(await status()).toBe('Expiring')
    })
  })

  it('is Revoked, Archived and Failed where that is so, and archived ones are listed only where asked for', async () => {
    const revoked = await served(scene, { name: 'c.example.test', agentId: 'agent-c', targetId: 'target-c' })
    const [current] = await scene.services.store.versions.listCurrent(revoked.id)
    await revokeVersion(scene.services, {
      versionId: current?.id ?? '',
      reason: 'cessationOfOperation',
      reasonText: 'x',
      actor: operator,
    })
    expect(await getCertificate(scene.services, revoked.id)).toMatchObject({
      status: 'Revoked',
      revocation_reason: 'cessationOfOperation',
    })

    const archived = await served(scene, { name: 'd.example.test', agentId: 'agent-d', targetId: 'target-d' })
    await archiveCertificate(scene.services, { certificateId: archived.id, actor: operator })
    expect(await statusOf(archived.id)).toBe('Archived')
    expect(await listed(undefined)).not.toContain(archived.id)
    expect(await listed('Archived')).toEqual([archived.id])

    const agent = await scene.agent('agent-e')
    await scene.target('target-e', agent.id)
    const { id } = await scene.request({ commonName: 'e.example.test', targetIds: ['target-e'] })
    const asked = only(await agent.claim())
    await agent.submit(asked, await agent.csr(asked))
    const { answer } = scene.ca
    scene.ca.answer = async () => {
      throw new CertctlError('policy_denied', 'no')
    }
    await scene.work()
    scene.ca.answer = answer
    expect(await getCertificate(scene.services, id)).toMatchObject({
      status: 'Failed',
      notices: [expect.stringContaining('no')],
    })
  })
})

describe('what is said of a revoked certificate', () => {
  it('is not when it would have been renewed', async () => {
    const { id } = await served(scene, { name: 'rv.example.test', agentId: 'agent-rv', targetId: 'target-rv' })
    const [current] = await scene.services.store.versions.listCurrent(id)
    await revokeVersion(scene.services, {
      versionId: current?.id ?? '',
      reason: 'cessationOfOperation',
      reasonText: '',
      actor: operator,
    })
    const { notices, holders } = await getCertificate(scene.services, id)
    expect(notices ?? []).not.toContainEqual(expect.stringContaining('by itself: '))
    expect(holders?.[0]).not.toHaveProperty('renew_at_reason')
  })
})

describe('the summary', () => {
  it('counts what is served and names what is not, those first that end first', async () => {
    const { id, agent } = await served(scene, { name: 'f.example.test', agentId: 'agent-f', targetId: 'target-f' })
    const { deployCertificate } = await import('../../src/lifecycle/placement/deploy-certificate.js')
    await deployCertificate(scene.services, { certificateId: id, actor: operator })
    await agent.report(only(await agent.claim(), 'Deployment'), {
      outcome: 'failed',
      code: 'deploy_failed',
      message: 'no',
    })
    const status = await readStatus(scene.services)
    expect(status.failing).toMatchObject([
      { certificate_id: id, state: 'failed', cause: { code: 'deploy_failed', message: 'no' } },
    ])
    expect(status.placements.failed).toBe(1)
    expect(status.placements.served).toBeGreaterThan(0)
    expect(status.renewals.overdue).toBeGreaterThan(0)
    expect(status.certificates.total).toBeGreaterThan(status.certificates.active)
  })
})

describe('the words for jobs', () => {
  it('are told apart by the filters that ask for them', () => {
    const states = ['waiting_csr', 'waiting_approval', 'ready', 'active', 'done', 'cancelled'] as const
    const outcomes = [null, 'done', 'failed', 'superseded', 'refused'] as const
    for (const state of states)
      for (const outcome of state === 'done' ? outcomes : ([null] as const)) {
        const { states: wanted = [], outcomes: among } = jobStatusFilter[jobStatusOf({ state, outcome })]
        expect(wanted).toContain(state)
        if (among !== undefined && outcome !== null) expect(among).toContain(outcome)
      }
    for (const kind of ['issue', 'deploy', 'verify', 'test', 'scan', 'challenge', 'bulk'] as const)
      for (const renewal of [true, false]) {
        const { kinds = [], renewal: only } = jobTypeFilter[jobTypeOf({ kind, renewal })]
        expect(kinds).toEqual([kind])
        if (only !== undefined) expect(only).toBe(renewal)
      }
  })
})
