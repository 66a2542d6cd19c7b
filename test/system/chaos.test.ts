/**
 * Three copies of the server and their PostgreSQL are killed at random, under work that does not end: afterwards nothing was issued twice,
 * nothing is lost, nothing stuck, and the record holds. `CERTCTL_CHAOS_SEED` repeats a run, `CERTCTL_CHAOS_MINUTES=10` makes it long,
 * and `CERTCTL_CHAOS_FROM=<checkout>` has them begin with the server that was built there, so that the rolling restart is the upgrade to this one.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type ControlPlane, type ServerCopy, startControlPlane } from './harness/control-plane.js'
import { bundleOf } from './harness/paths.js'
import { startPostgres, type TestPostgres } from './harness/postgres.js'
import { randomFrom } from './harness/random.js'
import { until } from './harness/until.js'
import { startWireAgent, type WireAgent } from './harness/wire-agent.js'

const minutes = Number(process.env.CERTCTL_CHAOS_MINUTES ?? 3)
const seed = Number(process.env.CERTCTL_CHAOS_SEED ?? Math.floor(Math.random() * 1e6))
const older = process.env.CERTCTL_CHAOS_FROM
const agentCount = 20
const certificateCount = 200
/** Every tenth certificate has two holders. */
const targetsOf = (index: number): number[] => (index % 10 === 0 ? [index, index + 7] : [index])

interface Scene {
  folder: string
  postgres: TestPostgres
  plane: ControlPlane
  agents: WireAgent[]
  /** Renewals asked for, by certificate: also those whose answer was lost. */
  asked: Map<string, number>
  kills: string[]
}

describe('three copies of the server on one PostgreSQL', () => {
  let scene: Scene
  const random = randomFrom(seed)

  beforeAll(async () => {
    process.stderr.write(`chaos: seed ${seed}, ${minutes} minutes\n`)
    const folder = mkdtempSync(join(tmpdir(), 'certctl-chaos-'))
    const postgres = await startPostgres()
    const plane = await startControlPlane({
      folder,
      databaseUrl: postgres.url,
      copies: 3,
      ...(older === undefined ? {} : { bundle: join(older, 'apps', 'server', 'dist', 'main.js') }),
      env: { CERTCTL_SCHEDULER_RETRY_INTERVAL: '2s' },
    })
    const agents: WireAgent[] = []
    for (let index = 0; index < agentCount; index += 1)
      agents.push(await startWireAgent(plane, `edge-${String(index).padStart(2, '0')}`))
    scene = { folder, postgres, plane, agents, asked: new Map(), kills: [] }
  }, 600_000)

  afterAll(async () => {
    await Promise.all(scene.agents.map((agent) => agent.stop()))
    await scene.plane.stop()
    await scene.postgres.stop()
    rmSync(scene.folder, { recursive: true, force: true })
  }, 600_000)

  it(
    'come right whoever is killed when',
    async () => {
      const ending = new AbortController()
      const work = [createAll(scene, ending.signal), renewSome(scene, random, ending.signal)]
      await killSome(scene, random, performance.now() + minutes * 60_000)
      ending.abort()
      await Promise.all(work)
      await comesRight(scene)
    },
    minutes * 60_000 + 1_800_000,
  )

  it('are restarted one after the other without a request of an agent that fails when it is asked again', async () => {
    const before = scene.agents.map(({ seen }) => ({ failedTwice: seen.failedTwice.length, requests: seen.requests }))
    const shapes = await shapesOf(scene)
    const ending = new AbortController()
    const renewing = renewSome(scene, random, ending.signal)
    for (const [index, copy] of scene.plane.copies.entries()) {
      expect(await copy.running.stop()).toBe(0)
      if (older !== undefined && index > 0) await comesBackAsItWas(copy)
      copy.bundle = bundleOf('server')
      await copy.restart()
      await everybodyIsHeard(scene)
    }
    ending.abort()
    await renewing
    if (older !== undefined) process.stderr.write(`chaos: from ${shapes} migrations to ${await shapesOf(scene)}\n`)
    await comesRight(scene)
    const seen = scene.agents.map((agent, index) => ({
      requests: agent.seen.requests - (before[index]?.requests ?? 0),
      failedTwice: agent.seen.failedTwice.slice(before[index]?.failedTwice),
    }))
    expect(seen.flatMap(({ failedTwice }) => failedTwice)).toEqual([])
    expect(seen.every(({ requests }) => requests > 0)).toBe(true)
  }, 1_800_000)
})

/** What a copy left without an answer when it went has been asked again before the next one goes. */
async function everybodyIsHeard({ agents }: Scene): Promise<void> {
  const before = agents.map(({ seen }) => seen.answered)
  await until('every agent has two answers more', 300, () =>
    agents.every(({ seen }, index) => seen.answered > (before[index] ?? 0) + 1) ? true : undefined,
  )
}

async function shapesOf({ postgres }: Scene): Promise<number> {
  return (await postgres.query('select name from certctl_migrations')).length
}

/** An older copy beside newer ones, on the database that they have shaped: it may be restarted, too, and works on for a while. */
async function comesBackAsItWas(copy: ServerCopy): Promise<void> {
  await copy.restart()
  await delay(20_000)
  expect(await copy.running.stop()).toBe(0)
}

const nameOf = (index: number): string => `c${String(index).padStart(3, '0')}.chaos.test`
const idOf = (index: number): string => `chaos-${index}`
const targetOf = (index: number, place: number): string => `target-${index}-${place}`

/** Targets and certificates are made while everybody is being killed, too. */
async function createAll(scene: Scene, ending: AbortSignal): Promise<void> {
  await Promise.all(Array.from({ length: lanes }, async (_, lane) => await createSome(scene, ending, lane)))
}

/** Several at once: one that waits for a dead copy does not keep the others. */
const lanes = 6

async function createSome(scene: Scene, ending: AbortSignal, lane: number): Promise<void> {
  for (let index = lane; index < certificateCount; index += lanes) {
    const target_ids = targetsOf(index).map((place) => targetOf(index, place))
    for (const place of targetsOf(index)) {
      const agent_id = scene.agents[place % agentCount]?.id ?? ''
      const body = { id: targetOf(index, place), name: targetOf(index, place), type: 'Memory', agent_id, config: {} }
      await persistently(() => scene.plane.api.createTarget({ body }))
    }
    const body = { id: idOf(index), name: nameOf(index), sans: [nameOf(index)], issuer_id: 'iss-local', target_ids }
    await persistently(() => scene.plane.api.createCertificate({ body }))
    scene.asked.set(idOf(index), 0)
    if (!ending.aborted) await delay(100)
  }
}

/** As an operator would: asked again until there is an answer; "already there" is one. */
async function persistently(call: () => Promise<unknown>): Promise<void> {
  await until('the control plane takes it', 300, async () => {
    try {
      await call()
    } catch (error) {
      if ((error as { code?: string }).code !== 'conflict') throw error
    }
    return true
  })
}

async function renewSome({ plane, asked }: Scene, random: () => number, ending: AbortSignal): Promise<void> {
  while (!ending.aborted) {
    const known = [...asked.keys()]
    const id = known[Math.floor(random() * known.length)]
    if (id !== undefined) {
      asked.set(id, (asked.get(id) ?? 0) + 1)
      // One that is under way is refused, one that meets a dying copy has no answer: both are as good as any.
      await plane.api.renewCertificate({ params: { id }, query: {}, body: {} }).catch(() => undefined)
    }
    await delay(150)
  }
}

async function killSome(scene: Scene, random: () => number, end: number): Promise<void> {
  const restarts: Promise<void>[] = []
  const down = new Set<ServerCopy>()
  while (performance.now() < end) {
    await delay(1500 + 4000 * random())
    const victim = random() < 0.15 ? 'postgresql' : 'server'
    if (victim === 'postgresql') {
      await scene.postgres.kill9()
      await delay(2000 * random())
      await scene.postgres.start()
      scene.kills.push('postgresql')
      continue
    }
    const alive = scene.plane.copies.filter((copy) => !down.has(copy))
    const copy = alive[Math.floor(random() * alive.length)]
    if (copy === undefined) continue
    down.add(copy)
    await copy.running.kill9()
    scene.kills.push(copy.name)
    restarts.push(delay(500 + 6000 * random()).then(() => startAgain(copy, down)))
  }
  await Promise.all(restarts)
}

/** A copy that starts while its database is being killed may give up: whoever supervises it starts it again. */
async function startAgain(copy: ServerCopy, down: Set<ServerCopy>): Promise<void> {
  await until(`${copy.name} runs again`, 400, async () => {
    if (copy.running.isAlive()) await copy.running.kill9()
    await copy.restart()
    return true
  })
  down.delete(copy)
}

async function comesRight(scene: Scene): Promise<void> {
  await nothingIsStuck(scene)
  await nothingIsLost(scene)
  await nothingWasIssuedTwice(scene)
  await theRecordHolds(scene)
  const seen = scene.agents.map((agent) => agent.seen)
  expect(seen.flatMap(({ wrong }) => wrong)).toEqual([])
  const requests = seen.reduce((sum, one) => sum + one.requests, 0)
  const failed = seen.reduce((sum, one) => sum + one.failed.length, 0)
  const [versions] = await scene.postgres.query<{ count: string }>('select count(*) from versions')
  process.stderr.write(
    `chaos, seed ${seed}: ${scene.kills.length} killed (postgresql ${scene.kills.filter((name) => name === 'postgresql').length}), ${versions?.count} versions, ${requests} requests of agents, ${failed} without an answer\n`,
  )
}

async function nothingIsStuck({ postgres, agents }: Scene): Promise<void> {
  await until('every job is settled', 600, async () => {
    const open = await postgres.query<{ id: string }>(
      "select id, kind, state, last_error from jobs where state not in ('done', 'cancelled') and kind <> 'verify' limit 5",
    )
    if (open.length === 0) return true
    throw new Error(`open: ${JSON.stringify(open)}`)
  })
  const unserved = async () =>
    await postgres.query<{ id: string; target_id: string; certificate_id: string; fingerprint: string }>(
      `select p.target_id, p.certificate_id, p.state, p.deployed_fingerprint, v.fingerprint
       from placements p left join versions v on v.id = p.desired_version_id
       where v.fingerprint is null or p.deployed_fingerprint is distinct from v.fingerprint or p.state not in ('served', 'deployed', 'unverifiable')`,
    )
  await until('every placement has what it should have', 300, async () => {
    const rows = await unserved()
    if (rows.length > 0) throw new Error(JSON.stringify(rows.slice(0, 5)))
    return true
  })
  const desired = await postgres.query<{ place: string; fingerprint: string }>(
    "select p.target_id || ' ' || p.certificate_id as place, v.fingerprint from placements p join versions v on v.id = p.desired_version_id",
  )
  const served = new Map(agents.flatMap(({ seen }) => [...seen.served]))
  expect(desired.filter(({ place, fingerprint }) => served.get(place) !== fingerprint)).toEqual([])
}

async function nothingIsLost({ postgres, asked }: Scene): Promise<void> {
  const certificates = await postgres.query<{ id: string; holders: string; current: string }>(
    `select c.id, count(h.id) as holders, count(v.id) as current from certificates c
     left join holders h on h.certificate_id = c.id and h.closed_at is null
     left join versions v on v.id = h.current_version_id and v.standing = 'current' group by c.id`,
  )
  expect(certificates.map(({ id }) => id).sort()).toEqual([...asked.keys()].sort())
  expect(certificates).toHaveLength(certificateCount)
  const expected = (id: string) => String(targetsOf(Number(id.slice('chaos-'.length))).length)
  expect(
    certificates.filter(({ id, holders, current }) => holders !== expected(id) || current !== expected(id)),
  ).toEqual([])
}

/** What the CA signed is what is recorded, one version an order, and no more of them than were asked for. */
async function nothingWasIssuedTwice({ postgres, asked }: Scene): Promise<void> {
  const signed = await postgres.query<{ key: string }>(
    "select key from connector_state where instance = 'iss-local' and key like 'issued/%' order by key",
  )
  const recorded = await postgres.query<{ key: string }>(
    "select 'issued/' || order_id as key from versions where issuer_id = 'iss-local' order by 1",
  )
  expect(recorded.map(({ key }) => key)).toEqual(signed.map(({ key }) => key))
  const perHolder = await postgres.query<{ certificate_id: string; versions: string }>(
    'select certificate_id, count(*) as versions from versions group by certificate_id, holder_id',
  )
  const tooMany = perHolder.filter(({ certificate_id: id, versions }) => Number(versions) > 1 + (asked.get(id) ?? 0))
  expect(tooMany).toEqual([])
  expect(await postgres.query("select id, certificate_id from versions where standing = 'lost'")).toEqual([])
}

async function theRecordHolds({ plane, postgres }: Scene): Promise<void> {
  const { body: verdict } = await plane.api.verifyAudit({ body: {} })
  expect(verdict).toMatchObject({ ok: true })
  const missing = await postgres.query(
    `select v.id from versions v where not exists (
       select from audit_events e where e.resource_id = v.certificate_id and e.action in ('certificate.issued', 'certificate.renewed')
         and e.canonical like '%' || v.fingerprint || '%')`,
  )
  expect(missing).toEqual([])
}
