import type { WorkItem } from '@certctl/api'
import { CertctlError, isCertctlError } from '@certctl/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { pendingOrders } from '../../src/schedule/pending-orders.js'
import { reconcilePlacements } from '../../src/schedule/reconcile-placements.js'
import { unconfirmedRevocations } from '../../src/schedule/unconfirmed-revocations.js'
import { createScene, operator, type Scene, type SceneAgent } from './scene.js'

/** How a transaction goes wrong: it never happened, or it did and nobody heard. */
type Fault = 'did not happen' | 'happened, and the answer was lost'

let scene: Scene
let transact: Scene['services']['store']['transaction']
let together: Scene['services']['store']['together']
beforeAll(async () => {
  scene = await createScene()
  transact = scene.services.store.transaction
  together = scene.services.store.together
})
afterAll(async () => {
  await scene.close()
})

const never = new AbortController().signal
const lost = () => new CertctlError('upstream_unavailable', 'The connection to the database was lost')

/** From now on the step-th transaction fails, once. Returns how many there have been. */
function failAt(step: number, fault: Fault): () => number {
  let count = 0
  const faulty = async <T>(work: (tx: never) => Promise<T>): Promise<T> => {
    count += 1
    if (count !== step) return await transact(work as never)
    if (fault === 'happened, and the answer was lost') await transact(work as never)
    throw lost()
  }
  const faultyTogether = async <T>(_key: string, work: (tx: never) => Promise<T>): Promise<T> => await faulty(work)
  Object.assign(scene.services.store, { transaction: faulty, together: faultyTogether })
  return () => count
}

/** An agent that lost its memory before every round, and keeps what a disk keeps: its CSRs by job. */
async function agentRound(agent: SceneAgent, disk: Map<string, string>): Promise<void> {
  for (const item of await agent.claim([])) {
    if (item.status === 'AwaitingCSR') await answerCsr(agent, item, disk)
    else if (item.type === 'Deployment') await agent.deployed(item)
  }
}

async function answerCsr(agent: SceneAgent, item: WorkItem, disk: Map<string, string>): Promise<void> {
  const csr = disk.get(item.id) ?? (await agent.csr(item))
  disk.set(item.id, csr)
  await agent.submit(item, csr)
}

/** Whatever fails in a round is met again in the next. Anything but a lost database is a fault of ours. */
async function carryOn(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isCertctlError(error) || !['upstream_unavailable', 'conflict'].includes(error.code)) throw error
  }
}

async function isSettled(id: string, versions: number): Promise<boolean> {
  const { store } = scene.services
  const [current] = await store.versions.listCurrent(id)
  const [placement] = await store.placements.listOfCertificate(id)
  const { rows } = await store.versions.page(id, { limit: 20, count: false })
  const open = [
    ...(await store.jobs.listOpenOfCertificate(id, 'issue')),
    ...(await store.jobs.listOpenOfCertificate(id, 'deploy')),
  ]
  const isServed = placement?.state === 'served' && placement.served_fingerprint === current?.fingerprint
  return isServed && open.length === 0 && rows.filter(({ standing }) => standing !== 'lost').length >= versions
}

async function until(
  id: string,
  agent: SceneAgent,
  { versions, disk }: { versions: number; disk: Map<string, string> },
): Promise<void> {
  for (let round = 0; round < 30; round += 1) {
    await carryOn(async () => await agentRound(agent, disk))
    await carryOn(async () => await scene.work())
    for (const loop of [dueRenewals, pendingOrders, reconcilePlacements])
      await carryOn(async () => await loop.run(scene.services, never))
    if (await isSettled(id, versions)) return
    scene.services.clock.advance(301)
  }
  const jobs = (await scene.services.store.jobs.page({ certificateId: id }, { limit: 20, count: false })).rows
  throw new Error(`it did not come to an end: ${JSON.stringify(jobs)}`)
}

let story = 0

/** Issue, deploy, renew, deploy again, with one transaction going wrong on the way. Returns how many there were. */
async function tell(step: number, fault: Fault): Promise<number> {
  story += 1
  Object.assign(scene.services.store, { transaction: transact, together })
  const agent = await scene.agent(`agent-${story}`)
  await scene.target(`target-${story}`, agent.id)
  const { id } = await scene.request({ commonName: `n${story}.example.test`, targetIds: [`target-${story}`] })
  const signed = scene.ca.signed.length
  const disk = new Map<string, string>()
  const count = failAt(step, fault)
  await until(id, agent, { versions: 1, disk })
  await carryOn(async () => await renewCertificate(scene.services, { certificateId: id, actor: operator, force: true }))
  if ((await scene.services.store.holders.listOfCertificate(id))[0]?.renewal_requested_at === null)
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: true })
  await until(id, agent, { versions: 2, disk })
  await carryOn(async () => await unconfirmedRevocations.run(scene.services, never))

  // What the CA signed is what is recorded; exactly one is current, and that is the one that is served.
  const { rows } = await scene.services.store.versions.page(id, { limit: 20, count: false })
  expect(rows).toHaveLength(scene.ca.signed.length - signed)
  expect(rows.filter(({ standing }) => standing === 'current')).toHaveLength(1)
  return count()
}

describe('a database that fails at any step', () => {
  it.each<Fault>(['did not happen', 'happened, and the answer was lost'])(
    'leaves nothing lost, doubled or stuck, when a transaction %s',
    async (fault) => {
      const steps = await tell(0, fault)
      expect(steps).toBeGreaterThan(12)
      for (let step = 1; step <= steps; step += 1) await tell(step, fault)
    },
    300_000,
  )
})
