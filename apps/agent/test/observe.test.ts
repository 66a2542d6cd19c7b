import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { generateKey } from '@certctl/pki'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createAgentEnd } from '../src/agent-end.js'
import { observe } from '../src/observe.js'
import { eventually } from './eventually.js'
import { createServedFiles, type ServedFiles, writePolicy } from './served-files.js'
import { createScene, issueFirst, type RunningAgent, type Scene } from './start-agent.js'

let scene: Scene
let site: ServedFiles
let running: RunningAgent
let fingerprint: string | undefined

beforeEach(async () => {
  scene = await createScene()
  site = await createServedFiles(scene.directory)
  scene.environment.CERTCTL_AGENT_POLICY_FILE = await writePolicy(scene.directory, { commands: [site.reloadCommand] })
  scene.server.state.targets.set('t-web', { id: 't-web', type: 'Files', config: site.config(), generation: 1 })
  running = await scene.start()
  fingerprint = (await issueFirst(scene)).version?.fingerprint
  const job = scene.server.state.queue({ kind: 'deploy', targetId: 't-web' })
  await eventually('it is deployed', () => job.report)
  // A poll that was answered lists the key that is in use.
  scene.server.state.wakeAll()
})
afterEach(async () => {
  await scene.close()
  await site.close()
})

const seen = () => scene.server.state.observations
const newest = () => seen().at(-1)

/** The files as somebody left them who is not us; resolves to what the certificate file holds since. */
async function drift(to: { notBefore?: Date } = {}): Promise<string> {
  const content = await scene.server.ca.certify((await generateKey('EC-P256')).spki, {
    names: [{ type: 'dns', value: 'localhost' }],
    ...to,
  })
  // Whole at once: the agent may look just now.
  await writeFile(`${site.certPath}.next`, content)
  await rename(`${site.certPath}.next`, site.certPath)
  return content
}

describe('observations', () => {
  it('tell what the target holds and what its endpoint serves, without a job', async () => {
    await eventually('one', () => seen().length > 0)
    expect(newest()).toEqual({
      target_id: 't-web',
      certificate_id: 'mc-www',
      file: { matches: true, location: site.certPath, found_fingerprint: fingerprint },
      served: [{ endpoint: `127.0.0.1:${site.port}`, fingerprint, chain_ok: true, at: expect.any(String) }],
    })
  })

  it('tell of drift, and leave the repair to the server while it answers', async () => {
    const content = await drift()
    await eventually('drift is told', () => newest()?.file?.matches === false)
    expect(newest()?.file?.found_fingerprint).not.toBe(fingerprint)
    await eventually('another look', () => seen().filter((one) => one.file?.matches === false).length >= 2)
    expect(await readFile(site.certPath, 'utf8')).toBe(content)
  })

  it('tell of files that are gone', async () => {
    await rm(site.certPath)
    await eventually('it is told', () => newest()?.file?.matches === false)
    expect(newest()?.file).not.toHaveProperty('found_fingerprint')
  })

  it('go on after a target that cannot be looked at', async () => {
    await writeFile(scene.environment.CERTCTL_AGENT_POLICY_FILE ?? '', 'not JSON')
    await eventually('a warning', () => running.log.find((line) => line.message === 'a target could not be looked at'))
    const before = seen().length
    await writePolicy(scene.directory, { commands: [site.reloadCommand] })
    await eventually('one again', () => seen().length > before)
  })

  it('go on after a look at the journal that failed, with everything else the agent does', async () => {
    const { agent } = running
    let looks = 0
    const all = async () => {
      looks += 1
      throw new Error('EIO')
    }
    const journal = { ...agent.journal, placements: { ...agent.journal.placements, all } }
    const end = createAgentEnd()
    const observing = observe({ ...agent, journal }, end)
    await eventually('a second look', () => looks >= 2)
    end.stop()
    await observing
    expect(running.log.find((line) => line.message === 'the targets could not be looked at')).toMatchObject({
      fields: { reason: 'EIO' },
    })
  })
})

describe('while the server is away', () => {
  const loss = async () => {
    await scene.server.down()
    await eventually('it noticed', () => running.agent.contact.isAway())
  }

  it('a target that drifts is put right from what is on this host, and told when the server is back', async () => {
    await loss()
    await drift()
    await eventually('it is repaired', () =>
      running.log.find((line) => line.message.includes('it is as deployed again')),
    )
    expect(await readFile(site.certPath, 'utf8')).toContain('BEGIN CERTIFICATE')
    await eventually('it is served again', async () => (await site.serving()) === fingerprint)
    await scene.server.up()
    const before = seen().length
    await eventually('it is told', () => seen().length > before)
    expect(newest()?.file).toMatchObject({ matches: true })
  })

  it('a newer certificate of the same names and CA is left: this journal may be an older one', async () => {
    await loss()
    const content = await drift({ notBefore: new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000) })
    await eventually('it is said', () =>
      running.log.find((line) => line.message.startsWith('a target holds a newer certificate')),
    )
    expect(await readFile(site.certPath, 'utf8')).toBe(content)
    // The key that was made for it is of no other use, and nowhere else.
    expect(running.log.find((line) => line.message.includes('it is as deployed again'))).toBeUndefined()
  })

  it('also after a restart of the agent', async () => {
    await running.stop()
    await scene.server.down()
    await drift()
    running = await scene.start()
    await eventually('it is repaired', () =>
      running.log.find((line) => line.message.includes('it is as deployed again')),
    )
    await scene.server.up()
  })

  it('a target that fails to be repaired is undone, told in the log, and tried again', async () => {
    await loss()
    await site.reloads('fails')
    const stranger = await drift()
    await eventually('an error', () => running.log.find((line) => line.message.includes('could not be repaired')))
    // The next attempt may be under way.
    await eventually('it is undone', async () => (await readFile(site.certPath, 'utf8')) === stranger)
    await site.reloads('works')
    await eventually('it is repaired', () =>
      running.log.find((line) => line.message.includes('it is as deployed again')),
    )
  })

  it('a certificate the server had stopped listing is not put back', async () => {
    scene.server.state.certificates.clear()
    const wanted = async () => {
      scene.server.state.wakeAll()
      return (await running.agent.journal.keys.all()).find((key) => key.unlisted_since !== undefined)
    }
    await eventually('the agent has heard', wanted)
    await loss()
    const stranger = await drift()
    const { observeAll } = await import('../src/observe.js')
    await observeAll(running.agent, new AbortController().signal)
    expect(await readFile(site.certPath, 'utf8')).toBe(stranger)
  })
})
