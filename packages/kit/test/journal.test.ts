import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMaterial, createMemoryFiles, type MemoryFiles } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createFileSystem } from '../src/file-system.js'
import {
  createJournaledFileSystem,
  type FileJournal,
  type JournalEntry,
  repairFiles,
} from '../src/journaled-file-system.js'
import { pairFits } from '../src/pem-parts.js'
import { type FileChange, replaceFiles } from '../src/replace-files.js'
import { createJsonJournal } from './json-journal.js'

const [old, next] = (await createMaterial()).leafs
const never = new AbortController().signal
const cert = '/etc/tls/cert.pem'
const key = '/etc/tls/key.pem'

let directory: string
let inner: MemoryFiles
let journal: FileJournal
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certctl-journal-'))
  inner = createMemoryFiles(() => new Date(0))
  journal = createJsonJournal(join(directory, 'journal'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const changesOf = (leaf: typeof old): FileChange[] => [
  { path: cert, content: leaf.certificatePem, mode: 0o644 },
  { path: key, content: leaf.privateKeyPem.reveal(), mode: 0o600, secret: true },
]
const seed = (): ReadonlyMap<string, string> => {
  for (const { path, content, mode = 0 } of changesOf(old))
    inner.put(path, content, { mode, owner: '1001', group: '1002' })
  return inner.snapshot()
}

/** Replaces the first `count` files of a deployment and dies. */
const dieAfter = async (count: number): Promise<void> => {
  const files = createJournaledFileSystem(inner, journal)
  let left = count
  const dying = {
    ...files,
    async replace(...given: Parameters<typeof files.replace>) {
      if (left === 0) throw new Error('died')
      left -= 1
      await files.replace(...given)
    },
  }
  for (const change of changesOf(next).toReversed())
    await dying.replace(change.path, change.content, change).catch(() => undefined)
}

describe('a deployment that died', () => {
  it.each([0, 1, 2])('after %d files is put back as it was', async (count) => {
    const before = seed()
    await dieAfter(count)
    const { restored, foreign } = await repairFiles(inner, journal)
    expect(inner.snapshot()).toEqual(before)
    expect([[...restored].sort(), foreign]).toEqual([[key, cert].slice(0, count).sort(), []])
    expect(await journal.entries()).toEqual([])
  })

  it('where nothing was before leaves nothing', async () => {
    await dieAfter(1)
    expect(inner.texts().size).toBe(1)
    expect(await repairFiles(inner, journal)).toEqual({ restored: [key], foreign: [] })
    expect(inner.texts().size).toBe(0)
  })

  it('is repaired once: the second time there is nothing to do', async () => {
    seed()
    await dieAfter(1)
    await repairFiles(inner, journal)
    expect(await repairFiles(inner, journal)).toEqual({ restored: [], foreign: [] })
  })

  it('does not overwrite what somebody has done since', async () => {
    seed()
    await dieAfter(2)
    inner.put(key, 'by hand')
    expect(await repairFiles(inner, journal)).toEqual({ restored: [cert], foreign: [key] })
    expect(inner.texts().get(key)).toBe('by hand')
  })

  it('does not bring back what somebody has removed since', async () => {
    seed()
    await dieAfter(1)
    await inner.remove(key)
    expect(await repairFiles(inner, journal)).toEqual({ restored: [], foreign: [key] })
  })

  it('keeps its journal until everything could be written', async () => {
    const before = seed()
    await dieAfter(2)
    const broken = { ...inner, replace: async () => Promise.reject(new Error('read-only')) }
    await expect(repairFiles(broken, journal)).rejects.toThrow('read-only')
    expect(await journal.entries()).toHaveLength(2)
    await repairFiles(inner, journal)
    expect(inner.snapshot()).toEqual(before)
  })
})

describe('the journal', () => {
  it('knows what was there before anything is replaced', async () => {
    seed()
    const entries: number[] = []
    const spy = {
      ...inner,
      async replace(...given: Parameters<typeof inner.replace>) {
        entries.push((await journal.entries()).length)
        await inner.replace(...given)
      },
    }
    const files = createJournaledFileSystem(spy, journal)
    await replaceFiles(files, changesOf(next), { signal: never })
    expect(entries).toEqual([1, 2])
    await files.settle()
    expect(await journal.entries()).toEqual([])
  })

  it('remembers the first content, and every one that was written over it', async () => {
    seed()
    const files = createJournaledFileSystem(inner, journal)
    for (const content of ['', old.certificatePem, next.certificatePem, next.certificatePem])
      await files.replace(cert, content, {})
    const [entry] = await journal.entries()
    expect(Buffer.from(entry?.previous?.content ?? []).toString()).toBe(old.certificatePem)
    expect(entry?.written).toHaveLength(3)
    expect(entry?.previous).toMatchObject({ mode: 0o644, uid: 1001, gid: 1002 })
  })

  it('survives an undo: a deployment that failed leaves nothing to repair', async () => {
    const before = seed()
    const files = createJournaledFileSystem(inner, journal)
    const validate = async () => Promise.reject(new Error('no'))
    await expect(replaceFiles(files, changesOf(next), { signal: never, validate })).rejects.toThrow()
    expect(await repairFiles(inner, journal)).toEqual({ restored: [], foreign: [] })
    expect(inner.snapshot()).toEqual(before)
  })

  it('also remembers what is removed', async () => {
    const before = seed()
    const files = createJournaledFileSystem(inner, journal)
    await files.remove(cert)
    await files.remove('/etc/tls/missing.pem')
    expect(inner.texts().has(cert)).toBe(false)
    await repairFiles(inner, journal)
    expect(inner.snapshot()).toEqual(before)
  })

  it('is for its owner only, for it may hold keys', async () => {
    seed()
    await dieAfter(2)
    expect((await stat(join(directory, 'journal'))).mode & 0o777).toBe(0o700)
    for (const name of await readdir(join(directory, 'journal')))
      expect((await stat(join(directory, 'journal', name))).mode & 0o777).toBe(0o600)
    await journal.clear()
    expect(await readdir(join(directory, 'journal'))).toEqual([])
  })

  it('gives back what was put in, whatever the bytes', async () => {
    const entry: JournalEntry = {
      path: '/a b/ü',
      previous: { content: Uint8Array.from({ length: 256 }, (_, index) => index), mode: 0o640, uid: 1, gid: 2 },
      written: ['00'],
    }
    const absent: JournalEntry = { path: '/b', previous: undefined, written: [] }
    await journal.record(entry)
    await journal.record(absent)
    expect(new Set(await journal.entries())).toEqual(new Set([entry, absent]))
  })

  it('that is damaged is reported, not passed over', async () => {
    await journal.record({ path: '/a', previous: undefined, written: [] })
    const [name = ''] = await readdir(join(directory, 'journal'))
    await writeFile(join(directory, 'journal', name), '{"path":1}')
    await expect(journal.entries()).rejects.toMatchObject({ code: 'internal', message: expect.stringContaining(name) })
  })

  it('is not made where nothing is written', async () => {
    expect(await journal.entries()).toEqual([])
    await journal.clear()
    expect(await readdir(directory)).toEqual([])
  })
})

describe('a journaled file system', () => {
  it('refuses to write over or remove anything but certificate material, whatever asks it to', async () => {
    inner.put('/etc/shadow', 'root:x:1::::::\n')
    const files = createJournaledFileSystem(inner, journal)
    await expect(files.replace('/etc/shadow', old.certificatePem, {})).rejects.toMatchObject({ code: 'deploy_failed' })
    await expect(files.remove('/etc/shadow')).rejects.toMatchObject({ code: 'deploy_failed' })
    expect(inner.texts().get('/etc/shadow')).toBe('root:x:1::::::\n')
    expect(await journal.entries()).toEqual([])
  })

  it('reads like the one inside', async () => {
    seed()
    const files = createJournaledFileSystem(inner, journal)
    expect(await files.read(cert)).toEqual(await inner.read(cert))
    expect(await files.stat(cert)).toEqual(await inner.stat(cert))
    expect(await files.list('/etc/tls')).toEqual(['cert.pem', 'key.pem'])
  })
})

describe('a process that is killed between the two renames', () => {
  it('leaves a torn pair, which the next one repairs', async () => {
    const real = createFileSystem()
    const [certPath, keyPath] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
    await writeFile(certPath, old.certificatePem)
    await writeFile(keyPath, old.privateKeyPem.reveal(), { mode: 0o600 })
    const program = fileURLToPath(new URL('./die-between-renames.ts', import.meta.url))
    const argv = ['--import', 'tsx', '--conditions=@certctl/source', program, directory]
    const child = spawn(process.execPath, argv, { stdio: ['pipe', 'inherit', 'inherit'] })
    child.stdin.end(JSON.stringify({ certificate: next.certificatePem, key: next.privateKeyPem.reveal() }))
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    expect(signal).toBe('SIGKILL')
    const pair = async () => pairFits(await readFile(certPath, 'utf8'), await readFile(keyPath, 'utf8'))
    expect(await pair()).toBe(false)
    expect(await repairFiles(real, journal)).toEqual({ restored: [keyPath], foreign: [] })
    expect(await pair()).toBe(true)
    expect(await readFile(certPath, 'utf8')).toBe(old.certificatePem)
    expect((await stat(keyPath)).mode & 0o777).toBe(0o600)
  })
})
