import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Insertable } from 'kysely'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { linkTarget } from '../../src/lifecycle/placement/link-target.js'
import type { JobsTable } from '../../src/store/schema.js'
import { createScene, keyOf, only, operator, type Scene, served } from '../lifecycle/scene.js'
import { holdTransaction } from '../races/steps.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

const store = () => scene.services.store
const now = () => scene.services.clock.now()
const inSeconds = (seconds: number) => new Date(now().getTime() + seconds * 1000)

async function addJob(more: Partial<Insertable<JobsTable>> = {}): Promise<string> {
  const id = randomUUID()
  await store().jobs.insert({
    id,
    kind: 'bulk',
    state: 'ready',
    run_at: now(),
    requested_by: 'test',
    created_at: now(),
    ...more,
  })
  return id
}

const claim = async (limit = 10) =>
  await store().jobs.claimForServer({ kinds: ['bulk'], server: 's', now: now(), until: inSeconds(60), limit })
const finish = async (ids: readonly string[]) => {
  for (const id of ids) await store().jobs.update(id, { state: 'done' })
}

describe('claiming for the server', () => {
  it('takes the most urgent first, no more than asked for, and nothing that is not due or not of its kinds', async () => {
    const late = await addJob({ priority: 200 })
    const urgent = await addJob({ priority: 10 })
    const usual = await addJob()
    const others = [
      await addJob({ run_at: inSeconds(1) }),
      await addJob({ kind: 'scan' }),
      await addJob({ state: 'waiting_csr' }),
    ]
    const first = await claim(2)
    expect(first.map(({ id }) => id).toSorted()).toEqual([urgent, usual].toSorted())
    expect((await claim()).map(({ id }) => id)).toEqual([late])
    expect(await claim()).toEqual([])
    await finish([late, urgent, usual, ...others])
  })

  it('gives each job a lease of its own', async () => {
    const ids = [await addJob(), await addJob(), await addJob()]
    const leases = (await claim()).map(({ lease }) => lease)
    expect(new Set(leases).size).toBe(3)
    await finish(ids)
  })

  it('passes over what another copy is claiming, instead of waiting for it', async () => {
    const ids = [await addJob(), await addJob()]
    const held = await holdTransaction(scene.services, async (tx) => {
      await tx.jobs.lock(ids[0] ?? '')
    })
    expect((await claim()).map(({ id }) => id)).toEqual([ids[1]])
    await held.commit()
    expect((await claim()).map(({ id }) => id)).toEqual([ids[0]])
    await finish(ids)
  })

  it('counts every claim as an attempt, and remembers when the first one was', async () => {
    const id = await addJob()
    const startedAt = now()
    await claim()
    scene.services.clock.advance(61)
    const [again] = await claim()
    expect(again).toMatchObject({ id, attempts: 2, started_at: startedAt })
    await finish([id])
  })
})

describe('what an agent is offered', () => {
  it('has its CSRs and looks first, however many deployments wait', async () => {
    const { id, agent } = await served(scene, {
      name: 'many.example.test',
      agentId: 'agent-many',
      targetId: 'target-many',
    })
    const of = { agent_id: agent.id, certificate_id: id, target_id: 'target-many' }
    const deployments: string[] = []
    for (let number = 0; number < 310; number += 1) deployments.push(await addJob({ ...of, kind: 'deploy' }))
    const look = await addJob({ ...of, kind: 'verify', priority: 200, run_at: now() })
    const offered = await store().jobs.listOffered(agent.id, { now: now(), holding: [] })
    expect(offered.map((job) => job.id)).toContain(look)
    expect(offered.filter(({ kind }) => kind === 'deploy').length).toBeGreaterThan(100)
    await finish([...deployments, look])
  })
})

describe('open jobs', () => {
  it('are one per placement and kind: the second is the first', async () => {
    const { id } = await served(scene, { name: 'one.example.test', agentId: 'agent-one', targetId: 'target-one' })
    const [placement] = await store().placements.listOfCertificate(id)
    const row = {
      kind: 'deploy' as const,
      state: 'ready' as const,
      placement_id: placement?.id ?? '',
      run_at: now(),
      requested_by: 'test',
      created_at: now(),
    }
    const first = await store().jobs.insert({ id: randomUUID(), ...row })
    const second = await store().jobs.insert({ id: randomUUID(), ...row })
    expect(first.created).toBe(true)
    expect(second).toEqual({ id: first.id, created: false })
    const look = await store().jobs.insert({ id: randomUUID(), ...row, kind: 'verify' })
    expect(look.created).toBe(true)
    await finish([first.id, look.id])
    expect((await store().jobs.insert({ id: randomUUID(), ...row })).created).toBe(true)
    await store().jobs.cancel({ column: 'placement_id', value: placement?.id ?? '' }, { at: now(), reason: 'test' })
  })

  it('are put forward and never back', async () => {
    const id = await addJob({ run_at: inSeconds(100) })
    expect(await store().jobs.bringForward(id, inSeconds(200))).toBe(false)
    expect(await store().jobs.bringForward(id, inSeconds(50))).toBe(true)
    expect((await store().jobs.get(id))?.run_at).toEqual(inSeconds(50))
    await finish([id])
  })

  it('end as cancelled by what they belong to, by kind and by state; what has ended stays', async () => {
    const jobs = [await addJob(), await addJob({ kind: 'scan' }), await addJob({ state: 'done' })]
    for (const id of jobs) await store().jobs.update(id, { target_id: 'target-one' })
    const of = { column: 'target_id', value: 'target-one' } as const
    const cancelled = await store().jobs.cancel(of, { at: now(), reason: 'because', kinds: ['scan'] })
    expect(cancelled.map(({ id }) => id)).toEqual([jobs[1]])
    const rest = await store().jobs.cancel(of, { at: now(), reason: 'because', states: ['ready'] })
    expect(rest.map(({ id, last_error }) => [id, last_error])).toEqual([[jobs[0], 'because']])
    expect((await store().jobs.get(jobs[2] ?? ''))?.state).toBe('done')
  })
})

describe('what the schedule asks for', () => {
  it('is holders in the order of their times, after a place and no more than a batch; those without a time come first', async () => {
    const ids: string[] = []
    for (const name of ['s1', 's2', 's3']) {
      const { id } = await served(scene, {
        name: `${name}.example.test`,
        agentId: `agent-${name}`,
        targetId: `target-${name}`,
      })
      const holder = (await store().holders.listOfCertificate(id))[0]?.id ?? ''
      await store().holders.update(holder, { renew_at: inSeconds(-10 * ids.length) })
      ids.unshift(id)
    }
    const list = async (after: string, limit: number) => await store().holders.listToIssue(now(), { after, limit })
    const certificatesOf = (rows: readonly { certificate_id: string }[]) => rows.map((row) => row.certificate_id)
    const first = await list('', 2)
    expect(certificatesOf(first)).toEqual(ids.slice(0, 2))
    expect(certificatesOf(await list(first[1]?.place ?? '', 2))).toEqual(ids.slice(2))
    const asked = (await store().holders.listOfCertificate(ids[2] ?? ''))[0]?.id ?? ''
    await store().holders.update(asked, { renewal_requested_at: now() })
    const [soonest, ...rest] = await list('', 5)
    expect(soonest?.id).toBe(asked)
    expect(certificatesOf(await list(soonest?.place ?? '', 5))).toEqual(certificatesOf(rest))

    const holders = (await Promise.all(ids.map(async (id) => await store().holders.listOfCertificate(id)))).flat()
    for (const { id } of holders) await store().holders.update(id, { renew_at: inSeconds(-5) })
    const walk = async (limit: number) => {
      const found: string[] = []
      for (let rows = await list('', limit); rows.length > 0 && found.length < 20; ) {
        expect(rows.length).toBeLessThanOrEqual(limit)
        found.push(...rows.map(({ id }) => id))
        rows = await list(rows.at(-1)?.place ?? '', limit)
      }
      return found
    }
    const atOneTime = [asked, ...holders.map(({ id }) => id).toSorted()]
    for (const limit of [1, 2, 3, 10]) expect(await walk(limit)).toEqual(atOneTime)
  })

  it('leaves out holders that wait, are blocked, have a job or have nowhere to go', async () => {
    const { id } = await served(scene, { name: 'due.example.test', agentId: 'agent-due', targetId: 'target-due' })
    const holderId = (await store().holders.listOfCertificate(id))[0]?.id ?? ''
    const isListed = async () =>
      (await store().holders.listToIssue(now(), { after: '', limit: 1000 })).some((row) => row.certificate_id === id)
    expect(await isListed()).toBe(false)
    await store().holders.update(holderId, { renew_at: now() })
    expect(await isListed()).toBe(true)

    await store().holders.update(holderId, { next_attempt_at: inSeconds(1) })
    expect(await isListed()).toBe(false)
    await store().holders.update(holderId, {
      next_attempt_at: null,
      blocked_code: 'csr_rejected',
      blocked_generation: 1,
    })
    expect(await isListed()).toBe(false)
    await store().holders.update(holderId, { blocked_generation: 0 })
    expect(await isListed()).toBe(true)
    await store().targets.update('target-due', { enabled: false })
    expect(await isListed()).toBe(false)
    await store().targets.update('target-due', { enabled: true })
    await store().certificates.update(id, { archived_at: now() })
    expect(await isListed()).toBe(false)
    await store().certificates.update(id, { archived_at: null })
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    expect(await isListed()).toBe(false)
  })

  it('is placements whose next attempt is due, not those that are frozen, blocked, or of a target that is off', async () => {
    const { id } = await served(scene, { name: 'dep.example.test', agentId: 'agent-dep', targetId: 'target-dep' })
    const placementId = (await store().placements.listOfCertificate(id))[0]?.id ?? ''
    const isListed = async () =>
      (await store().placements.listCertificatesToDeploy(now(), { after: '', limit: 1000 })).includes(id)
    const set = async (changes: Parameters<ReturnType<typeof store>['placements']['update']>[1]) =>
      await store().placements.update(placementId, changes)
    expect(await isListed()).toBe(false)
    await set({ state: 'failed', next_attempt_at: now() })
    expect(await isListed()).toBe(true)
    await set({ frozen_at: now() })
    expect(await isListed()).toBe(false)
    await set({ frozen_at: null, blocked_code: 'policy_denied', blocked_generation: 1 })
    expect(await isListed()).toBe(false)
    await set({ blocked_code: null, next_attempt_at: inSeconds(1) })
    expect(await isListed()).toBe(false)
    await set({ next_attempt_at: now() })
    await store().targets.update('target-dep', { enabled: false })
    expect(await isListed()).toBe(false)
  })

  it('is revocations, each for one copy, put off before anybody is told', async () => {
    const { id } = await served(scene, { name: 'rev.example.test', agentId: 'agent-rev', targetId: 'target-rev' })
    const [version] = await store().versions.listCurrent(id)
    await store().revocations.insert({
      id: randomUUID(),
      version_id: version?.id ?? '',
      issuer_id: scene.issuerId,
      reason: 'superseded',
      reason_text: 'test',
      state: 'here',
      next_try_at: now(),
      requested_by: 'test',
      created_at: now(),
    })
    const take = async () => await store().revocations.takeDue({ now: now(), until: inSeconds(240) })
    const taken = await Promise.all([take(), take(), take()])
    expect(taken.filter((row) => row !== undefined)).toMatchObject([{ version_id: version?.id, attempts: 1 }])
    scene.services.clock.advance(241)
    expect(await take()).toMatchObject({ attempts: 2 })
  })
})

describe('orders', () => {
  it('are one open one per holder, and found by their key, the newest first', async () => {
    const agent = await scene.agent('agent-ord')
    await scene.target('target-ord', agent.id)
    await scene.request({ commonName: 'ord.example.test', targetIds: ['target-ord'] })
    const asked = only(await agent.claim())
    const csr = await agent.csr(asked)
    const id = await agent.submit(asked, csr)
    const order = await store().orders.get(id)
    if (order === undefined) throw new Error('the order is gone')
    await expect(store().orders.insert({ ...order, id: randomUUID() })).rejects.toMatchObject({
      constraint: 'orders_open',
    })
    expect((await store().orders.findOfKey(order.holder_id, keyOf(csr)))?.id).toBe(id)
    const later = { ...order, id: randomUUID(), state: 'invalid' as const, created_at: inSeconds(1) }
    await store().orders.insert(later)
    expect((await store().orders.findOfKey(order.holder_id, keyOf(csr)))?.id).toBe(later.id)
    expect(await store().orders.findOfKey(order.holder_id, 'another')).toBeUndefined()
  })

  it('cannot bring two versions of one fingerprint, or two of one serial of one issuer', async () => {
    const { id } = await served(scene, { name: 'twin.example.test', agentId: 'agent-twin', targetId: 'target-twin' })
    const [version] = await store().versions.listCurrent(id)
    if (version === undefined) throw new Error('nothing is current')
    const twin = { ...version, id: randomUUID() }
    await expect(store().versions.insert(twin)).rejects.toMatchObject({ constraint: 'versions_fingerprint_key' })
    await expect(store().versions.insert({ ...twin, fingerprint: 'other' })).rejects.toMatchObject({
      constraint: 'versions_issuer_id_serial_number_key',
    })
  })
})

describe('placements', () => {
  it('are one live one per certificate and target, with the words people use for their ends', async () => {
    const { id, agent, fingerprint } = await served(scene, {
      name: 'plc.example.test',
      agentId: 'agent-plc',
      targetId: 'target-plc',
    })
    await scene.target('target-plc2', agent.id)
    await linkTarget(scene.services, { certificateId: id, targetId: 'target-plc2', actor: operator })
    const views = await store().placements.listOfCertificate(id)
    expect(views.find(({ target_id }) => target_id === 'target-plc')).toMatchObject({
      certificate_name: 'plc.example.test',
      target_name: 'target-plc',
      target_type: 'Probe',
      agent_id: agent.id,
      agent_name: agent.id,
      desired_fingerprint: fingerprint,
    })
    const twin = {
      id: randomUUID(),
      certificate_id: id,
      target_id: 'target-plc',
      state: 'pending' as const,
      created_at: now(),
      updated_at: now(),
    }
    await expect(store().placements.insert(twin)).rejects.toMatchObject({ constraint: 'placements_pair' })
    await store().placements.insert({ ...twin, removed_at: now() })
    expect(await store().placements.listOfCertificate(id)).toHaveLength(2)
  })
})

describe('names', () => {
  it('are found whole and by suffix, reversed, and replaced as a whole', async () => {
    const { id } = await scene.request({ commonName: 'x.names.test', sans: ['y.names.test', '192.0.2.5'] })
    const found = async (name: string) =>
      (
        await store().certificateList.page({
          filter: { now: now(), name },
          order: { by: 'name', descending: false },
          request: { limit: 10, count: true },
        })
      ).total
    expect(await found('y.names.test')).toBe(1)
    expect(await found('192.0.2.5')).toBe(1)
    await store().certificateNames.replaceAll(id, [{ type: 'dns', value: 'z.names.test' }])
    expect(await found('y.names.test')).toBe(0)
    expect(await found('Z.NAMES.test')).toBe(1)
  })
})

describe('the keys an agent must keep', () => {
  it('are of what is current, desired, deployed, served or ordered there, and of nothing that was replaced or is not its own', async () => {
    const { id, agent } = await served(scene, { name: 'kept.example.test', agentId: 'agent-kept', targetId: 'kept' })
    const other = await served(scene, { name: 'other.example.test', agentId: 'agent-other', targetId: 'other' })
    const [current] = await store().versions.listCurrent(id)
    const [foreign] = await store().versions.listCurrent(other.id)
    const [placement] = await store().placements.listOfCertificate(id)
    if (current === undefined || foreign === undefined || placement === undefined) throw new Error('nothing is served')
    for (const name of ['desired', 'deployed', 'replaced', 'served']) {
      const names = { id: name, serial_number: name, fingerprint: name, spki_sha256: name }
      await store().versions.insert({ ...current, ...names, standing: 'previous' })
    }
    const keysWhere = async (has: Parameters<ReturnType<typeof store>['placements']['update']>[1]) => {
      await store().placements.update(placement.id, has)
      const keys = (await store().versions.listLiveKeys(agent.id)).map(({ spki_sha256: key }) => key)
      return keys.filter((key) => key !== current.spki_sha256)
    }
    const fingerprints = { deployed_fingerprint: 'deployed', served_fingerprint: 'served' }
    expect(await keysWhere({ ...fingerprints, desired_version_id: 'desired' })).toEqual([
      'deployed',
      'desired',
      'served',
      null,
    ])
    const theirs = { deployed_fingerprint: null, served_fingerprint: foreign.fingerprint }
    expect(await keysWhere({ ...theirs, desired_version_id: foreign.id })).toEqual([null])
    await store().targets.update('kept', { agent_id: other.agent.id })
    expect(await keysWhere({ ...fingerprints, desired_version_id: 'desired' })).toEqual([null])
    await store().targets.update('kept', { agent_id: agent.id })
    expect(await keysWhere({ ...fingerprints, removed_at: now() })).toEqual([null])
    expect(await store().versions.listLiveKeys(agent.id)).toContainEqual({
      certificate_id: id,
      spki_sha256: current.spki_sha256,
    })
    await store().holders.update(current.holder_id, { closed_at: now() })
    expect(await store().versions.listLiveKeys(agent.id)).toEqual([])
  })
})

describe('blocked keys', () => {
  it('are blocked once, for the first reason', async () => {
    const row = { spki_sha256: 'key', reason: 'first', blocked_by: 'op', blocked_at: now() }
    expect(await store().blockedKeys.has('key')).toBe(false)
    await store().blockedKeys.insert(row)
    await store().blockedKeys.insert({ ...row, reason: 'second' })
    expect(await store().blockedKeys.has('key')).toBe(true)
  })
})
