/**
 * A random word in every secret setting, and then a life in which everything goes wrong that may: nowhere does a word turn up where it
 * does not belong, in whichever form. What searches is itself made to find what was planted.
 */
import { createHash, createHmac } from 'node:crypto'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Notifier, Placement, Target } from '@certctl/api'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  behave,
  certificateId,
  configure,
  isServed,
  makeKeys,
  notifierId,
  placementThat,
  provokeRefusals,
  readEverything,
  refusedStarts,
  requestCertificate,
  targetId,
} from './canary-life.js'
import {
  anyPrivateKey,
  databaseLog,
  filesOf,
  given,
  logsOf,
  privateKeyCanaries,
  type Scene,
  startScene,
  targetSecrets,
} from './canary-scene.js'
import { type Canary, findCanaries, formsOf, type Haystack, randomCanary } from './harness/canary.js'
import { filesAsHaystacks, processesAsHaystacks, tablesAsHaystacks } from './harness/haystacks.js'
import { needs } from './harness/needs.js'
import { until } from './harness/until.js'

const whole = needs({ '/proc': existsSync('/proc/self/environ') })

describe('the search', () => {
  const value = `${randomCanary()}"\\/+ü`
  const canary = { name: 'planted', value }
  const search = (bytes: Buffer | string) => findCanaries([canary], [{ place: 'here', bytes: Buffer.from(bytes) }])

  it('finds a canary that was planted in the log of a process', () => {
    const folder = mkdtempSync(join(tmpdir(), 'certctl-planted-'))
    try {
      const log = join(folder, '.hidden.log')
      const line = (text: string) => `${JSON.stringify({ level: 'info', message: text })}\n`
      writeFileSync(log, line('all is well'))
      expect(findCanaries([canary], filesAsHaystacks(folder))).toEqual([])
      appendFileSync(log, line(`logged in as ${value}`))
      expect(findCanaries([canary], filesAsHaystacks(folder))).toEqual([
        expect.objectContaining({ canary: 'planted', form: 'JSON', place: `file ${log}` }),
      ])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each<[string, (bytes: Buffer) => string | Buffer]>([
    ['as it is', (bytes) => bytes],
    ['in JSON', (bytes) => JSON.stringify({ text: String(bytes) })],
    ['in JSON inside of JSON', (bytes) => JSON.stringify(JSON.stringify({ text: String(bytes) }))],
    ['in a URL', (bytes) => `https://host/?token=${encodeURIComponent(String(bytes))}`],
    ['in hex', (bytes) => bytes.toString('hex')],
    ['in HEX', (bytes) => bytes.toString('hex').toUpperCase()],
    ['in base64', (bytes) => bytes.toString('base64')],
    ['in base64url', (bytes) => bytes.toString('base64url')],
    ['in a bytea that holds base64', (bytes) => Buffer.from(bytes.toString('base64')).toString('hex')],
    ['in a bytea that holds JSON', (bytes) => Buffer.from(JSON.stringify(String(bytes))).toString('hex')],
  ])('finds it %s, whatever stands around it', (_, written) => {
    for (const before of ['', 'x', 'xy', 'xyz'])
      for (const after of ['', '1', '12'])
        expect(search(written(Buffer.from(`${before}${value}${after}`)))).not.toEqual([])
    expect(search(written(Buffer.from(`${value.slice(0, -1)}`)))).toEqual([])
  })

  it('finds bytes that are no text, and leaves a canary alone where it belongs', () => {
    const bytes = Buffer.from('ff00fe4711c0ffee00112233', 'hex')
    const home = { name: 'bytes', value: bytes, mayBeIn: /^home$/ }
    const haystacks = ['home', 'elsewhere'].map((place) => ({ place, bytes: Buffer.from(bytes.toString('base64')) }))
    expect(findCanaries([home], haystacks).map(({ place }) => place)).toContain('elsewhere')
    expect(findCanaries([home], haystacks).map(({ place }) => place)).not.toContain('home')
    expect([...formsOf(bytes).keys()]).not.toContain('JSON')
  })

  whole.test('finds it among the processes of this machine, by the name of its own', async () => {
    const haystacks = processesAsHaystacks(new Map([[process.pid, 'this test']]))
    const command = readFileSync('/proc/self/cmdline')
    const found = findCanaries([{ name: 'command', value: command }], haystacks)
    expect(found.map(({ place }) => place)).toContain('cmdline of this test')
  })
})

describe('a canary in every secret setting', () => {
  let scene: Scene
  let failed: Placement
  let crashed: Placement
  let ends: { name: string; exit: number | null }[] = []
  let tables: Haystack[]
  let accepted: string[]
  let shown: { target: Target; notifiers: Notifier[] }
  let processes: Haystack[]
  const statuses: Record<string, number[]> = {}

  beforeAll(async () => {
    if (whole.skip) return
    scene = await startScene()
    const { api, plane, agent, receiver } = scene
    receiver.answer(500)
    const keys = await makeKeys(scene)
    await configure(scene)
    await requestCertificate(scene)
    const first = await placementThat(scene, 'is served', isServed)
    accepted = await provokeRefusals(scene)

    behave(scene, 'fails')
    await api.renewCertificate({ params: { id: certificateId }, body: {} })
    failed = await placementThat(scene, 'fails', ({ cause }) => /^deploy_/.test(cause?.code ?? ''))
    behave(scene, 'throws')
    await api.deployCertificate({ params: { id: certificateId }, body: {} })
    crashed = await placementThat(scene, 'meets a fault of the connector', ({ cause }) => cause?.code === 'internal')

    await sendMasksBack(scene)
    receiver.answer(204)
    behave(scene, '')
    await api.deployCertificate({ params: { id: certificateId }, body: {} })
    await placementThat(
      scene,
      'is served anew',
      (placement) => isServed(placement) && placement.served_fingerprint !== first.served_fingerprint,
    )
    ends = await refusedStarts(scene)
    await agent.running.stop()
    await agent.restart()
    await plane.copies[0]?.running.stop()
    await plane.copies[0]?.restart()
    const before = scene.receiver.received.length
    const last = await placementThat(scene, 'is served by the agent that came back', isServed)
    await api.renewCertificate({ params: { id: certificateId }, body: {} })
    await until('both notifiers tell of it after the restart', 600, () => {
      const urls = receiver.received.slice(before).map(({ url }) => url.split('/')[1])
      return urls.includes('api') && urls.includes('environment') ? true : undefined
    })
    await placementThat(
      scene,
      'is served anew after the restart',
      (placement) => isServed(placement) && placement.served_fingerprint !== last.served_fingerprint,
    )
    statuses.admin = await readEverything(scene, plane.adminKey)
    statuses.operator = await readEverything(scene, keys.operator)
    statuses.stranger = await readEverything(scene, keys.stranger)
    shown = await readMasked(scene)
    const ours = plane.copies.map(({ running }) => [running.pid, 'the server'] as const)
    processes = processesAsHaystacks(new Map([[agent.running.pid, 'the agent'], ...ours]))
    // All else is searched at rest: files come and go while an agent runs, and lines are half written.
    await agent.running.stop()
    for (const copy of plane.copies) await copy.running.stop()
    tables = await tablesAsHaystacks(scene.postgres)
  }, 3_600_000)

  afterAll(async () => {
    if (!whole.skip) await scene?.stop()
  }, 600_000)

  const all = (): Canary[] => [
    ...Object.entries(given).map(([name, canary]) => ({ name, ...canary })),
    ...scene.made.values(),
    ...privateKeyCanaries(scene),
  ]

  /** What is no secret and turns up everywhere: whether a place is searched at all. */
  const control = (): Canary => ({ name: 'the name of the certificate', value: scene.site.name })

  whole.test('reached whoever has to know it', async () => {
    const hashes = targetSecrets.map((secret) => createHash('sha256').update(secret).digest('hex'))
    const told = readFileSync(scene.site.told, 'utf8').trim().split('\n')
    expect(told.length).toBeGreaterThan(3)
    for (const line of told) expect(JSON.parse(line)).toEqual(hashes)
    const { received } = scene.receiver
    expect(received.filter(({ url }) => url === `/environment/${given.environmentUrl.value}`)).not.toEqual([])
    const latest = received.findLast(({ url, method }) => url.startsWith('/api/') && method === 'POST')
    expect(latest?.url).toBe(`/api/${given.notifierUrl.value}?key=${given.notifierUrl.value}`)
    const signed = `${latest?.headers['x-certctl-timestamp']}.${latest?.body}`
    expect(latest?.headers['x-certctl-signature']).toBe(
      [given.notifierSecret, given.notifierSecondSecret]
        .map(({ value }) => `v1=${createHmac('sha256', value).update(signed).digest('hex')}`)
        .join(','),
    )
    expect(privateKeyCanaries(scene).length).toBeGreaterThanOrEqual(6)
  })

  whole.test('is masked in every answer, and [secret] in what went wrong', async () => {
    const { target, notifiers } = shown
    const masked = '********'
    expect(target.config).toMatchObject({
      ...{ literal: masked, from_file: masked, from_variable: masked },
      accounts: [{ name: 'root', password: masked }],
      command: scene.site.command,
    })
    for (const { config } of notifiers)
      expect(config).toMatchObject({ url: masked, secret: masked, second_secret: masked })
    expect(failed.cause?.message).toContain('a command that tells:')
    expect(failed.cause?.message).toContain('[secret]')
    expect(crashed.cause?.message).not.toContain('canary')
  })

  whole.test('is in no log', async () => {
    const logs = [...logsOf(scene), await databaseLog(scene)]
    expect(logs.map(({ place }) => place)).toEqual(expect.arrayContaining(['log of copy-1', 'what a command saw']))
    const ofAgent = String(logs.find(({ place }) => place === 'log of the agent')?.bytes)
    for (const said of ['deploying as [secret]', 'looking as [secret]', 'a deployment failed', 'nobody lets [secret]'])
      expect(ofAgent).toContain(said)
    expect(findCanaries([control()], logs)).not.toEqual([])
    expect(findCanaries([...all(), ...anyPrivateKey], logs)).toEqual([])
  })

  whole.test('is in no answer of the API, whoever asks', async () => {
    const { answers } = scene
    const count = (role: string) => statuses[role]?.filter((status) => status === 200).length ?? 0
    expect(count('admin')).toBeGreaterThan(30)
    expect(count('admin')).toBeGreaterThan(count('stranger'))
    expect(statuses.operator?.length).toBe(statuses.admin?.length)
    expect(answers.filter(({ place }) => /^answer 40[0134]/.test(place)).length).toBeGreaterThan(20)
    expect(answers.filter(({ place }) => /^answer 5/.test(place)).map(({ place }) => place)).toEqual([])
    expect(findCanaries([control()], answers)).not.toEqual([])
    expect(findCanaries([...all(), ...anyPrivateKey], answers)).toEqual([])
  })

  whole.test('of a wrong type, or behind a mask that hides nothing, is refused where it is sent', async () => {
    expect(accepted).toEqual([])
  })

  whole.test('is in no table, the record included', async () => {
    expect(tables.length).toBeGreaterThan(30)
    const rows = await scene.postgres.query<{ sealed: string }>(
      `select 'target' as sealed from targets where secrets is not null
       union select 'notifier' from connections where kind = 'notifier' and secrets is not null
       union select 'answer' from idempotency_keys where answer is not null
       union select 'failure' from notifications where last_error is not null
       union select 'record' from audit_events`,
    )
    expect(rows.map(({ sealed }) => sealed).sort()).toEqual(['answer', 'failure', 'notifier', 'record', 'target'])
    expect(findCanaries([control()], tables)).not.toEqual([])
    expect(findCanaries([...all(), ...anyPrivateKey], tables)).toEqual([])
  })

  whole.test('is in the environment of the process it was given to, and in no list of processes', async () => {
    for (const name of ['the agent', 'the server'])
      expect(processes.map(({ place }) => place)).toEqual(
        expect.arrayContaining([`cmdline of ${name}`, `environ of ${name}`]),
      )
    const seen = findCanaries([{ name: 'control', value: 'CERTCTL_STATE_DIR=' }], processes).map(({ place }) => place)
    expect(seen).toEqual(expect.arrayContaining(['environ of the agent', 'environ of the server']))
    expect(findCanaries(all(), processes)).toEqual([])
  })

  whole.test("is in no file but the operator's own, the keys and the target's key", async () => {
    const files = filesOf(scene)
    const places = files.map(({ place }) => place)
    expect(places.filter((place) => place.endsWith('.sealed')).length).toBeGreaterThan(3)
    expect(places.filter((place) => /\/keys\/.*\.key$/.test(place)).length).toBeGreaterThan(1)
    expect(findCanaries([control()], files)).not.toEqual([])
    expect(findCanaries(all(), files)).toEqual([])
  })

  whole.test('is in no message to people', async () => {
    const messages = scene.receiver.received.map(({ body, headers }) => ({
      place: 'message',
      bytes: Buffer.from(`${JSON.stringify(headers)}\n${body}`),
    }))
    expect(messages.some(({ bytes }) => bytes.includes('placement'))).toBe(true)
    expect(findCanaries([control()], messages)).not.toEqual([])
    expect(findCanaries([...all(), ...anyPrivateKey], messages)).toEqual([])
  })

  whole.test('is not quoted by a program that will not start with it', async () => {
    const exits = Object.fromEntries(ends.map(({ name, exit }) => [name, exit]))
    expect(exits).toMatchObject({
      ...{ 'server, short key': 2, 'server, no URL': 2, 'server, wrong webhook': 2 },
      ...{ 'agent, no token': 2, 'server, explained': 0 },
    })
    for (const [name, exit] of Object.entries(exits)) if (name.startsWith('server, w')) expect(exit).not.toBe(0)
    for (const { place, bytes } of scene.otherLogs) expect([place, bytes.length > 20]).toEqual([place, true])
    const explained = scene.otherLogs.find(({ place }) => place === 'log of server, explained')
    expect(String(explained?.bytes)).toMatch(/CERTCTL_DATABASE_URL +\*{8}/)
  })
})

async function readMasked({ api }: Scene) {
  const { body: target } = await api.getTarget({ params: { id: targetId } })
  const ids = [notifierId, 'notifier-webhook']
  const answers = await Promise.all(ids.map(async (id) => await api.getNotifier({ params: { id } })))
  return { target, notifiers: answers.map(({ body }) => body) }
}

/** As a form in a browser would: reads, and sends all of it back. */
async function sendMasksBack({ api }: Scene): Promise<void> {
  const { body: target } = await api.getTarget({ params: { id: targetId } })
  await api.updateTarget({ params: { id: targetId }, body: { name: 'Careless again', config: target.config } })
  const { body: notifier } = await api.getNotifier({ params: { id: notifierId } })
  await api.updateNotifier({ params: { id: notifierId }, body: { name: 'Hook again', config: notifier.config } })
}
