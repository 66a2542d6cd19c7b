/**
 * Somebody is killed at every step of a certificate's life, then left alone: all of it must come right by itself.
 * `CERTCTL_KILL_SEED` repeats a run; `CERTCTL_KILL_SWEEP=all` takes every step instead of a choice by the seed.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fingerprintOf, keyMatches, splitCertificates } from '@certctl/pki'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { armGate, buildGates, type Gate, gates } from './gates.js'
import { type ControlPlane, startControlPlane } from './harness/control-plane.js'
import { startPostgres, type TestPostgres } from './harness/postgres.js'
import { randomFrom } from './harness/random.js'
import { startSniServer } from './harness/sni-server.js'
import { filesBelow, startAgent, type TestAgent } from './harness/test-agent.js'
import { until } from './harness/until.js'
import { shakeHands } from './harness/watch-endpoint.js'

type Victim = 'server' | 'agent' | 'postgresql'
const victims: readonly Victim[] = ['server', 'agent', 'postgresql']
const stepsPerVictim = process.env.CERTCTL_KILL_SWEEP === 'all' ? gates.length : 16
const seed = Number(process.env.CERTCTL_KILL_SEED ?? Math.floor(Math.random() * 1e6))

function chosen(random: () => number): Gate[] {
  const order = gates.map((gate) => ({ gate, at: random() })).sort((one, other) => one.at - other.at)
  return order.slice(0, stepsPerVictim).map(({ gate }) => gate)
}

interface Scene {
  folder: string
  postgres: TestPostgres
  plane: ControlPlane
  agent: TestAgent
  web: { port: number; close(): void }
  rounds: { name: string; id: string }[]
}

/** A suite for so many copies; those of different numbers are files of their own, which run beside each other. */
export function sweep(copies: 1 | 2): void {
  let scene: Scene
  const hits: string[] = []

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'certctl-kill-'))
    const postgres = await startPostgres()
    const plane = await startControlPlane({ folder, databaseUrl: postgres.url, copies })
    await buildGates(postgres)
    const agent = await startAgent({ folder: join(folder, 'agent'), name: 'edge', plane })
    mkdirSync(join(folder, 'web'))
    const web = await startSniServer(join(folder, 'web'))
    scene = { folder, postgres, plane, agent, web, rounds: [] }
  }, 600_000)

  afterAll(async () => {
    process.stdout.write(`\nkill sweep, seed ${seed}, ${copies} copies:\n${hits.join('\n')}\n`)
    scene.web.close()
    await scene.agent.running.stop()
    await scene.plane.stop()
    await scene.postgres.stop()
    rmSync(scene.folder, { recursive: true, force: true })
  }, 600_000)

  const random = randomFrom(seed + copies)
  const cases = victims.flatMap((victim) => chosen(random).map((gate) => ({ victim, ...gate })))

  it.each(cases)(
    '$victim killed at "$name" of $phase comes right',
    async (gate) => {
      const round = await newRound(scene, `k${scene.rounds.length}-${copies}.kill.test`)
      if (gate.phase === 'renew') {
        await request(scene, round)
        await isServed(scene, round, 0)
      }
      const before = gate.phase === 'renew' ? 1 : 0
      const armed = await armGate(scene.postgres, gate.name)
      const asked = gate.phase === 'issue' ? request(scene, round) : renew(scene, round)
      const copy = await armed.hit(180)
      await armed.disarm()
      await kill(scene, gate.victim, copy, () => armed.open())
      await asked
      await isServed(scene, round, before)
      if (gate.phase === 'issue') {
        await renew(scene, round)
        await isServed(scene, round, 1)
      }
      process.stderr.write(`${gate.victim} killed at "${gate.name}" of ${gate.phase} (${copy})\n`)
      hits.push(`${gate.victim.padEnd(10)} ${gate.phase.padEnd(5)} ${gate.name} (${copy})`)
    },
    900_000,
  )

  it('what the CA signed is what was recorded, nothing is stuck, half written or left over', async () => {
    const { postgres, plane, folder, agent } = scene
    await until('every job is settled', 480, async () => {
      const [open] = await postgres.query<{ count: string }>(
        "select count(*) from jobs where state not in ('done', 'cancelled') and kind <> 'verify'",
      )
      return open?.count === '0' ? true : undefined
    })
    const signed = await postgres.query<{ key: string }>(
      "select key from connector_state where instance = 'iss-local' and key like 'issued/%' order by key",
    )
    const recorded = await postgres.query<{ key: string }>(
      "select 'issued/' || order_id as key from versions where issuer_id = 'iss-local' order by 1",
    )
    expect(recorded.map(({ key }) => key)).toEqual(signed.map(({ key }) => key))
    const strays = await postgres.query(
      "select id from versions where standing = 'lost' and id not in (select version_id from revocations)",
    )
    expect(strays).toEqual([])
    const { body: verdict } = await plane.api.verifyAudit({ body: {} })
    expect(verdict).toMatchObject({ ok: true })
    expect(verdict.entries).toBeGreaterThan(scene.rounds.length)
    // What an agent writes and removes while it runs says nothing; it removes what is left over when it starts.
    expect(await agent.running.stop()).toBe(0)
    const leftOvers = [...filesBelow(join(folder, 'web')), ...filesBelow(join(folder, 'agent'))].filter((path) =>
      /\.certctl-[0-9a-f]{12}$|\.tmp$|\.new$/.test(path),
    )
    expect(leftOvers).toEqual([])
    for (const { name } of scene.rounds) {
      const place = join(folder, 'web', name)
      expect(
        keyMatches(readFileSync(join(place, 'fullchain.pem'), 'utf8'), readFileSync(join(place, 'key.pem'), 'utf8')),
      ).toBe(true)
    }
  }, 900_000)
}

async function newRound(scene: Scene, name: string): Promise<{ name: string; id: string }> {
  const place = join(scene.folder, 'web', name)
  mkdirSync(place)
  const round = { name, id: name.replaceAll('.', '-') }
  await persistently(() =>
    scene.plane.api.createTarget({
      body: {
        id: `target-${round.id}`,
        name,
        type: 'Files',
        agent_id: scene.agent.id,
        config: {
          files: [
            { path: join(place, 'fullchain.pem'), content: 'fullchain' },
            { path: join(place, 'key.pem'), content: 'key' },
          ],
          endpoints: [{ host: '127.0.0.1', port: scene.web.port, serverName: name }],
        },
      },
    }),
  )
  scene.rounds.push(round)
  return round
}

/** As an operator would: an answer that was lost is asked again, and "already there" means that it was heard. */
async function persistently<T>(call: () => Promise<T>): Promise<T | undefined> {
  return await until('the control plane takes it', 300, async () => {
    try {
      return (await call()) ?? undefined
    } catch (error) {
      if ((error as { code?: string }).code === 'conflict') return null as never
      throw error
    }
  })
}

async function request(scene: Scene, { name, id }: { name: string; id: string }): Promise<void> {
  await persistently(() =>
    scene.plane.api.createCertificate({
      body: { id, name, sans: [name], issuer_id: 'iss-local', target_ids: [`target-${id}`] },
    }),
  )
}

async function renew(scene: Scene, { id }: { id: string }): Promise<void> {
  await persistently(() => scene.plane.api.renewCertificate({ params: { id }, query: {}, body: {} }))
}

/** Served, by handshake, with a version newer than so many. */
async function isServed(
  scene: Scene,
  { name, id }: { name: string; id: string },
  olderVersions: number,
): Promise<void> {
  await until(`${name} is served with version ${olderVersions + 1} or newer`, 300, async () => {
    const { body: versions } = await scene.plane.api.listCertificateVersions({ params: { id }, query: {} })
    const current = versions.data.find((version) => version.current === true)
    if (versions.data.length <= olderVersions || current === undefined) return undefined
    const { body: placements } = await scene.plane.api.listCertificatePlacements({ params: { id } })
    const [placement] = placements.data
    if (placement?.state !== 'served' || placement.served_fingerprint !== current.fingerprint_sha256) return undefined
    const [leaf = ''] = splitCertificates(current.pem_chain)
    expect(await shakeHands(scene.web.port, name)).toBe(fingerprintOf(leaf))
    return true
  })
}

async function kill(scene: Scene, victim: Victim, copyName: string, open: () => Promise<void>): Promise<void> {
  if (victim === 'agent') {
    await scene.agent.running.kill9()
    await open()
    await scene.agent.restart()
  } else if (victim === 'postgresql') {
    await scene.postgres.kill9()
    await open()
    await scene.postgres.start()
  } else {
    const copy = scene.plane.copies.find(({ name }) => name === copyName)
    if (copy === undefined) throw new Error(`the gate was reached by ${copyName}, which is not a server copy`)
    await copy.running.kill9()
    await open()
    await copy.restart()
  }
}
