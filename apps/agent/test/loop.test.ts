import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from './eventually.js'
import { createServedFiles, type ServedFiles, writePolicy } from './served-files.js'
import { createScene, issueFirst, type Scene } from './start-agent.js'

let scene: Scene
let site: ServedFiles

beforeEach(async () => {
  scene = await createScene()
  site = await createServedFiles(scene.directory)
  scene.environment.CERTCTL_AGENT_POLICY_FILE = await writePolicy(scene.directory, { commands: [site.reloadCommand] })
  scene.server.state.targets.set('t-web', { id: 't-web', type: 'Files', config: site.config(), generation: 1 })
})
afterEach(async () => {
  await scene.close()
  await site.close()
})

const calls = (operationId: string) => scene.server.state.calls.filter((call) => call === operationId).length

describe('work', () => {
  it('is asked for only after the connectors were described', async () => {
    await scene.start()
    await eventually('a poll', () => calls('getAgentWork') > 0)
    const { calls: all, connectors } = scene.server.state
    expect(all.indexOf('describeAgentConnectors')).toBeLessThan(all.indexOf('getAgentWork'))
    const files = connectors[0]?.find((connector) => connector.type === 'Files')
    expect(JSON.stringify(files?.schema)).toContain('"x-certctl":"file"')
  })

  it('is asked for in one parked request, not in many', async () => {
    await scene.start()
    await eventually('heartbeats pass', () => calls('agentHeartbeat') >= 3)
    expect(calls('getAgentWork')).toBeLessThanOrEqual(2)
  })

  it('that takes long does not keep other work waiting, and its lease is named with every poll', async () => {
    await scene.start()
    await issueFirst(scene)
    await site.reloads('waits')
    const slow = scene.server.state.queue({ kind: 'deploy', targetId: 't-web' })
    await eventually('the slow one has begun', async () => (await site.reloadCount()) > 0)
    await issueFirst(scene, 'mc-other')
    expect(slow).toMatchObject({ state: 'active', attempt: 1 })
    await site.reloads('works')
  })

  it('for one target is done one after the other', async () => {
    await scene.start()
    await issueFirst(scene)
    const jobs = [1, 2, 3].map(() => scene.server.state.queue({ kind: 'deploy', targetId: 't-web' }))
    await eventually('all reports', () => jobs.every((job) => job.report !== undefined))
    expect(jobs.map((job) => job.report?.outcome)).toEqual(['done', 'done', 'done'])
    expect(jobs.filter((job) => job.report?.receipt?.changed === true)).toHaveLength(1)
    expect(await site.reloadCount()).toBe(1)
  })

  it('of a kind this agent does not know is refused as such, not dropped', async () => {
    await scene.start()
    const job = scene.server.state.queue({ kind: 'scan' })
    const { itemOf } = scene.server.state
    Object.assign(scene.server.state, { itemOf: (one: typeof job) => ({ ...itemOf(one), type: 'Bulk' }) })
    expect(await eventually('a report', () => job.report)).toMatchObject({ outcome: 'refused', code: 'unsupported' })
  })

  it('without a target is answered as a fault of the server', async () => {
    await scene.start()
    await issueFirst(scene)
    const job = scene.server.state.queue({ kind: 'deploy', targetId: 't-none' })
    expect(await eventually('a report', () => job.report)).toMatchObject({
      outcome: 'failed',
      code: 'upstream_protocol',
    })
  })
})

describe('while the server is away', () => {
  it('the agent goes on asking, and works as soon as it is back', async () => {
    const running = await scene.start()
    await issueFirst(scene)
    await scene.server.down()
    await eventually('it noticed', () => running.agent.contact.isAway())
    await scene.server.up()
    const job = scene.server.state.queue({ kind: 'deploy', targetId: 't-web' })
    expect(await eventually('a report', () => job.report)).toMatchObject({ outcome: 'done' })
    expect(running.agent.contact.isAway()).toBe(false)
  })

  it('signs of life go on although polls fail', async () => {
    scene.server.meddle((operationId) => (operationId === 'getAgentWork' ? 'lose' : undefined))
    await scene.start()
    await eventually('heartbeats', () => calls('agentHeartbeat') >= 4)
  })

  it('it starts, and repairs what it can, without being let in first', async () => {
    const first = await scene.start()
    await first.stop()
    await scene.server.down()
    const before = calls('getAgentWork')
    const again = await scene.start()
    expect(again.agent.id).toBe(first.agent.id)
    await scene.server.up()
    await eventually('a poll', () => calls('getAgentWork') > before)
  })
})

describe('the end', () => {
  it('comes when the server has retired the agent, told by a parked poll', async () => {
    const running = await scene.start()
    await eventually('a parked poll', () => calls('getAgentWork') > 0)
    scene.server.state.retire(running.agent.id)
    expect(await running.ended).toBe('retired')
  })

  it('comes when the heartbeat says so although polls do not get through', async () => {
    scene.server.meddle((operationId) => (operationId === 'getAgentWork' ? 'lose' : undefined))
    const running = await scene.start()
    scene.server.state.retire(running.agent.id)
    expect(await running.ended).toBe('retired')
  })

  it('lets a job finish and reports it', async () => {
    const running = await scene.start()
    await issueFirst(scene)
    await site.reloads('does nothing')
    const job = scene.server.state.queue({ kind: 'deploy', targetId: 't-web' })
    await eventually('it has begun', async () => (await site.reloadCount()) > 0)
    await site.reloads('works')
    await running.stop()
    expect(job.report).toBeDefined()
  })

  it('interrupts a job that takes too long: it is undone, and left to its lease', async () => {
    const running = await scene.start({ CERTCTL_STOP_TIMEOUT: '1s' })
    await issueFirst(scene)
    const first = scene.server.state.queue({ kind: 'deploy', targetId: 't-web' })
    await eventually('it is deployed', () => first.report)
    const before = await readFile(site.certPath, 'utf8')
    await issueFirst(scene)
    await site.reloads('hangs')
    const job = scene.server.state.queue({ kind: 'deploy', targetId: 't-web' })
    await eventually('it has begun', async () => (await site.reloadCount()) === 2)
    await site.reloads('works')
    await running.stop()
    expect(job).toMatchObject({ state: 'active', attempt: 1 })
    expect(job.report).toBeUndefined()
    expect(await readFile(site.certPath, 'utf8')).toBe(before)
    await scene.start()
    expect(await eventually('a report', () => job.report)).toMatchObject({ outcome: 'done' })
    expect(job.attempt).toBe(2)
  })

  it('does not come from a key that is refused: that is told, and asked again', async () => {
    const running = await scene.start()
    await eventually('a poll', () => calls('getAgentWork') > 0)
    const [row] = scene.server.state.agents
    const hash = row?.keyHash ?? ''
    Object.assign(row ?? {}, { keyHash: 'changed' })
    scene.server.state.wakeAll()
    await eventually('an error', () =>
      running.log.find((line) => line.level === 'error' && line.message === 'the server gave no work'),
    )
    Object.assign(row ?? {}, { keyHash: hash })
    await issueFirst(scene)
  })
})
