import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFileSystem, createJournaledFileSystem } from '@certctl/kit'
import { createMaterial } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createDeploymentJournal, repairAfterCrash } from '../src/deployment-journal.js'
import { createJournal, type PlacementRecord, placementKey } from '../src/journal.js'
import type { AgentLog } from '../src/log.js'
import { createSealedState } from '../src/sealed-state.js'

let directory: string
let lines: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[]
let log: AgentLog

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certctl-journal-'))
  lines = []
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, message, fields })
  log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const stateOf = () => createSealedState(directory, log).journalOf('agent-1')
const journalOf = () => createJournal(stateOf(), log)
const folder = () => join(directory, 'agents', 'agent-1', 'journal')

const placement: PlacementRecord = {
  target_id: 't-1',
  certificate_id: 'mc-1',
  target_type: 'Files',
  target_config: { password: 'canary', nested: { list: [1, null, 'x'] } },
  names: [{ type: 'dns', value: 'localhost' }],
  certificate_pem: 'leaf',
  chain_pem: 'chain',
  fingerprint: 'f',
  spki_sha256: 's',
  certificate_generation: 1,
  target_generation: 2,
  confirmed: 'served',
  deployed_at: '2026-01-01T00:00:00.000Z',
  cleaned_up: false,
}

describe('the journal', () => {
  it('gives back what was written, after a restart', async () => {
    await journalOf().placements.put(placementKey(placement), placement)
    expect(await journalOf().placements.get('t-1/mc-1')).toEqual(placement)
    expect(await journalOf().placements.all()).toEqual([placement])
    await journalOf().placements.drop('t-1/mc-1')
    expect(await journalOf().placements.all()).toEqual([])
  })

  it('keeps its kinds apart', async () => {
    const journal = journalOf()
    await journal.placements.put(placementKey(placement), placement)
    await journal.keys.put('s', { spki_sha256: 's', certificate_id: 'mc-1', listed: true })
    expect(await journal.keys.all()).toHaveLength(1)
    expect(await journal.csrs.all()).toEqual([])
  })

  it('shows nothing of what is in it to who reads the disk', async () => {
    await journalOf().placements.put(placementKey(placement), placement)
    for (const name of await readdir(folder()))
      expect(await readFile(join(folder(), name), 'latin1')).not.toContain('canary')
  })

  it('sets a damaged entry aside with a loud line, and goes on with the others', async () => {
    const journal = journalOf()
    await journal.placements.put('t-1/mc-1', placement)
    const [damaged = ''] = await readdir(folder())
    await journal.placements.put('t-2/mc-1', { ...placement, target_id: 't-2' })
    await writeFile(join(folder(), damaged), 'torn by a bad disk')
    expect((await journalOf().placements.all()).map((record) => record.target_id)).toEqual(['t-2'])
    expect(lines).toContainEqual({
      level: 'error',
      message: "a damaged entry of the agent's state was set aside",
      fields: { path: join(folder(), `${damaged}.damaged`) },
    })
    expect(await readFile(join(folder(), `${damaged}.damaged`), 'utf8')).toBe('torn by a bad disk')
  })

  it('drops an entry that another version wrote and this one does not understand', async () => {
    await stateOf().put('placement/t-1/mc-1', { target_id: 't-1' })
    expect(await journalOf().placements.all()).toEqual([])
    expect(lines.map((line) => line.level)).toEqual(['warn'])
    expect(await stateOf().get('placement/t-1/mc-1')).toBeUndefined()
  })
})

describe('after a crash', () => {
  const pem = async (index: 0 | 1) => (await createMaterial()).leafs[index].certificatePem

  it('between two files both are as they were, and no temporary is left', async () => {
    const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
    const [old, fresh] = [await pem(0), await pem(1)]
    await writeFile(cert, old)
    const files = createJournaledFileSystem(createFileSystem(), createDeploymentJournal(stateOf(), 't-1'))
    await files.replace(key, fresh, {})
    await files.replace(cert, fresh, {})
    await writeFile(join(directory, '.cert.pem.certctl-0123456789ab'), 'half')
    await repairAfterCrash(stateOf(), createFileSystem(), log)
    expect(await readFile(cert, 'utf8')).toBe(old)
    expect((await readdir(directory)).filter((name) => name.includes('pem'))).toEqual(['cert.pem'])
    expect(lines.at(-1)).toMatchObject({ level: 'warn', fields: { target_id: 't-1' } })
    lines.length = 0
    await repairAfterCrash(stateOf(), createFileSystem(), log)
    expect(lines).toEqual([])
  })

  it('what somebody else has written since stays', async () => {
    const cert = join(directory, 'cert.pem')
    await writeFile(cert, await pem(0))
    const files = createJournaledFileSystem(createFileSystem(), createDeploymentJournal(stateOf(), 't-1'))
    await files.replace(cert, await pem(1), {})
    await writeFile(cert, 'written by hand')
    await repairAfterCrash(stateOf(), createFileSystem(), log)
    expect(await readFile(cert, 'utf8')).toBe('written by hand')
  })

  it('one target that cannot be put back does not keep the others from it', async () => {
    const old = await pem(0)
    for (const target of ['t-1', 't-2']) {
      const path = join(directory, `${target}.pem`)
      await writeFile(path, old)
      const files = createJournaledFileSystem(createFileSystem(), createDeploymentJournal(stateOf(), target))
      await files.replace(path, await pem(1), {})
    }
    const real = createFileSystem()
    const full = {
      ...real,
      replace: async (path: string, content: string | Uint8Array, options: object) => {
        if (path.endsWith('t-1.pem')) throw new Error('the disk is full')
        await real.replace(path, content, options)
      },
    }
    await repairAfterCrash(stateOf(), full, log)
    expect(await readFile(join(directory, 't-2.pem'), 'utf8')).toBe(old)
    expect(lines.find((line) => line.level === 'error')).toMatchObject({
      fields: { target_id: 't-1', reason: 'the disk is full' },
    })
    await repairAfterCrash(stateOf(), real, log)
    expect(await readFile(join(directory, 't-1.pem'), 'utf8')).toBe(old)
  })
})
