import { CertctlError } from '@certctl/core'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createAgentEnd } from '../src/agent-end.js'
import { failureOf } from '../src/job-result.js'
import { repeatReports } from '../src/report.js'
import { eventually } from './eventually.js'
import { createServedFiles, type ServedFiles, writePolicy } from './served-files.js'
import { createScene, issueFirst, type RunningAgent, type Scene } from './start-agent.js'

let scene: Scene
let site: ServedFiles
let running: RunningAgent

beforeEach(async () => {
  scene = await createScene()
  site = await createServedFiles(scene.directory)
  scene.environment.CERTCTL_AGENT_POLICY_FILE = await writePolicy(scene.directory, { commands: [site.reloadCommand] })
  scene.server.state.targets.set('t-web', { id: 't-web', type: 'Files', config: site.config(), generation: 1 })
  running = await scene.start()
  await issueFirst(scene)
})
afterEach(async () => {
  await scene.close()
  await site.close()
})

const deploy = () => scene.server.state.queue({ kind: 'deploy', targetId: 't-web' })
const kept = () => running.agent.journal.reports.all()

describe('a report', () => {
  it('whose answer was lost is sent again, and settles once', async () => {
    let lost = 0
    scene.server.meddle((operationId, when) => {
      if (operationId !== 'reportJob' || when !== 'after' || lost > 0) return undefined
      lost += 1
      return 'lose'
    })
    const job = deploy()
    await eventually('two of it', () => scene.server.state.reports.length === 2)
    const [first, second] = scene.server.state.reports
    expect(second).toEqual(first)
    expect(job.report).toMatchObject({ outcome: 'done' })
    await eventually('it is settled', async () => (await kept()).length === 0)
    expect(await site.reloadCount()).toBe(1)
  })

  it('survives the end of the agent', async () => {
    scene.server.meddle((operationId) => (operationId === 'reportJob' ? 'lose' : undefined))
    const job = deploy()
    await eventually('it waits', async () => (await kept()).length === 1)
    await running.stop()
    scene.server.meddle(undefined)
    running = await scene.start()
    expect(await eventually('it arrives', () => job.report)).toMatchObject({ outcome: 'done' })
    expect(job.attempt).toBe(1)
    expect(await site.reloadCount()).toBe(1)
  })

  it('is sent again also after the journal could not be written for a moment', async () => {
    const delay = async () => await new Promise<void>((resolve) => setImmediate(resolve))
    const agent = { ...running.agent, host: { ...running.agent.host, delay } }
    const end = createAgentEnd()
    let flushes = 0
    const flush = async () => {
      flushes += 1
      if (flushes === 2) end.stop()
      throw new Error('EIO')
    }
    await repeatReports(agent, { report: async () => undefined, waiting: () => ['job-1'], flush }, end)
    expect(flushes).toBe(2)
  })

  it('of a lost lease is final: it is not sent for ever', async () => {
    scene.server.meddle((operationId, when) => {
      if (operationId === 'reportJob' && when === 'before' && scene.server.state.reports.length === 0)
        job.lease = 'taken by another'
      return undefined
    })
    const job = deploy()
    await eventually('it was refused', () => scene.server.state.reports.length === 1)
    await eventually('it is dropped', async () => (await kept()).length === 0)
    expect(scene.server.state.reports[0]).toMatchObject({ taken: false })
  })

  it('says how long it took, in whole milliseconds', async () => {
    const job = deploy()
    const report = await eventually('a report', () => job.report)
    expect(Number.isInteger(report.duration_ms)).toBe(true)
  })
})

describe('the outcome of a failure', () => {
  it.each([
    ['deploy_torn', 'torn'],
    ['policy_denied', 'refused'],
    ['config_invalid', 'refused'],
    ['unsupported', 'refused'],
    ['conflict', 'refused'],
    ['deploy_failed', 'failed'],
    ['not_found', 'failed'],
    ['upstream_unavailable', 'failed'],
  ] as const)('with the code %s is %s', (code, outcome) => {
    expect(failureOf(new CertctlError(code, 'because'))).toEqual({ outcome, code, message: 'because' })
  })

  it('that nobody foresaw keeps its text to itself', () => {
    expect(failureOf(new TypeError('password hunter2 is undefined'))).toMatchObject({
      outcome: 'failed',
      code: 'internal',
    })
    expect(JSON.stringify(failureOf(new TypeError('password hunter2')))).not.toContain('hunter2')
  })

  it('is cut to what the wire takes', () => {
    expect(failureOf(new CertctlError('deploy_failed', 'x'.repeat(10_000))).message?.length).toBeLessThanOrEqual(4096)
  })
})
