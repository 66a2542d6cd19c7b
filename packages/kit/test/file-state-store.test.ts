import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StateStore, Stored } from '@certctl/core'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createFileStateStore } from '../src/file-state-store.js'

let directory: string
let time: Date
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certctl-state-'))
  time = new Date('2030-01-01')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const keyFile = () => join(directory, 'keys/state.key')
const storeOf = (instance = 'tgt-one') =>
  createFileStateStore(join(directory, instance), keyFile(), { instance, now: () => time })
const sealedFiles = async (instance = 'tgt-one') => {
  const names = await readdir(join(directory, instance))
  return names.map((name) => join(directory, instance, name))
}
const listed = async (store: StateStore, prefix: string): Promise<Stored[]> => {
  const found: Stored[] = []
  for await (const entry of store.list(prefix)) found.push(entry)
  return found.sort((a, b) => a.key.localeCompare(b.key))
}

describe('the state store', () => {
  it.each([['text'], [5], [null], [true], [['a', 1]], [{ a: { b: [null] } }]])('gives back %j', async (value) => {
    await storeOf().put('k', value)
    expect(await storeOf().get('k')).toEqual({ key: 'k', value, version: 1 })
  })

  it('knows nothing of what was never put, or was deleted', async () => {
    const store = storeOf()
    expect(await store.get('k')).toBeUndefined()
    await store.put('k', 1)
    await store.delete('k')
    await store.delete('k')
    expect(await store.get('k')).toBeUndefined()
  })

  it('counts versions, and writes only over the one that was seen', async () => {
    const store = storeOf()
    expect(await store.put('k', 'a', { expect: 'absent' })).toMatchObject({ version: 1 })
    expect(await store.put('k', 'b', { expect: 1 })).toMatchObject({ version: 2 })
    await expect(store.put('k', 'c', { expect: 1 })).rejects.toMatchObject({ code: 'conflict' })
    await expect(store.put('k', 'c', { expect: 'absent' })).rejects.toMatchObject({ code: 'conflict' })
    await expect(store.put('new', 'c', { expect: 1 })).rejects.toMatchObject({ code: 'conflict' })
    expect(await store.put('k', 'c')).toMatchObject({ version: 3 })
  })

  it('lets one of many who saw the same version win', async () => {
    const store = storeOf()
    await store.put('k', 0)
    const attempts = Array.from({ length: 10 }, (_, index) => store.put('k', index, { expect: 1 }))
    const outcomes = await Promise.allSettled(attempts)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await store.get('k')).toMatchObject({ version: 2 })
  })

  it('forgets what has expired', async () => {
    const store = storeOf()
    await store.put('k', 1, { expiresAt: new Date('2030-01-02') })
    expect(await store.get('k')).toBeDefined()
    time = new Date('2030-01-02')
    expect(await store.get('k')).toBeUndefined()
    expect(await listed(store, '')).toEqual([])
    expect(await store.put('k', 2, { expect: 'absent' })).toMatchObject({ version: 1 })
  })

  it('lists by the beginning of a key', async () => {
    const store = storeOf()
    for (const key of ['a/1', 'a/2', 'b/1']) await store.put(key, key)
    expect(await listed(store, 'a/')).toEqual([
      { key: 'a/1', value: 'a/1', version: 1 },
      { key: 'a/2', value: 'a/2', version: 1 },
    ])
    expect(await listed(storeOf('tgt-empty'), '')).toEqual([])
  })

  it.each(['../../etc/passwd', 'a/b\0c', '', ' ', 'ü'.repeat(500), '.', 'CON'])('takes any key: %j', async (key) => {
    const store = storeOf()
    await store.put(key, 'x')
    expect(await store.get(key)).toMatchObject({ key })
    const [path = ''] = await sealedFiles()
    expect(path).toMatch(/\/tgt-one\/[0-9a-f]{64}\.sealed$/)
  })
})

describe('at rest', () => {
  it('everything is sealed, and for its owner only', async () => {
    await storeOf().put('canary-key', 'canary-value')
    const [path = ''] = await sealedFiles()
    expect((await readFile(path)).toString('latin1')).not.toContain('canary')
    expect(path).not.toContain('canary')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(directory, 'tgt-one'))).mode & 0o777).toBe(0o700)
    expect((await stat(keyFile())).mode & 0o777).toBe(0o600)
    expect(await readdir(join(directory, 'keys'))).toEqual(['state.key'])
  })

  it('the same value twice looks different', async () => {
    await storeOf().put('k', 'v')
    const [path = ''] = await sealedFiles()
    const first = await readFile(path)
    await storeOf().delete('k')
    await storeOf().put('k', 'v')
    expect(await readFile(path)).not.toEqual(first)
  })

  it('one key is made, also when many need it at once', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, index) => storeOf(`tgt-${index}`).put('k', index)))
    for (let index = 0; index < 8; index += 1)
      expect(await storeOf(`tgt-${index}`).get('k')).toMatchObject({ value: index })
  })

  it('an entry that was changed is not believed', async () => {
    await storeOf().put('k', 'v')
    const [path = ''] = await sealedFiles()
    const bytes = await readFile(path)
    for (const position of [0, 15, bytes.length - 1]) {
      const changed = Buffer.from(bytes)
      changed[position] = (changed[position] ?? 0) ^ 1
      await writeFile(path, changed)
      await expect(storeOf().get('k')).rejects.toMatchObject({ code: 'config_invalid' })
    }
    await writeFile(path, '')
    await expect(storeOf().get('k')).rejects.toThrow('cannot be opened')
  })

  it('an entry that was moved to another instance, or another key, is not believed', async () => {
    await storeOf('tgt-one').put('k', 'v')
    await storeOf('tgt-two').put('k', 'w')
    const [[one = ''], [two = '']] = [await sealedFiles('tgt-one'), await sealedFiles('tgt-two')]
    await rename(one, two)
    await expect(storeOf('tgt-two').get('k')).rejects.toThrow('cannot be opened')
    await storeOf('tgt-one').put('a', 1)
    await storeOf('tgt-one').put('b', 2)
    const [a = '', b = ''] = await sealedFiles('tgt-one')
    await rename(a, b)
    await expect(Promise.all(['a', 'b'].map((key) => storeOf('tgt-one').get(key)))).rejects.toThrow('cannot be opened')
  })

  it('an entry that cannot be opened is set aside where somebody is told', async () => {
    await storeOf().put('k', 'v')
    const [path = ''] = await sealedFiles()
    await writeFile(path, 'damaged')
    const told: string[] = []
    const onDamaged = (movedTo: string) => void told.push(movedTo)
    const store = createFileStateStore(join(directory, 'tgt-one'), keyFile(), { onDamaged })
    expect(await store.get('k')).toBeUndefined()
    expect(told).toEqual([`${path}.damaged`])
    expect(await readFile(`${path}.damaged`, 'utf8')).toBe('damaged')
    expect(await store.put('k', 'new', { expect: 'absent' })).toMatchObject({ version: 1 })
    expect(await listed(store, '')).toHaveLength(1)
  })

  it('another key opens nothing, and the message names the file', async () => {
    await storeOf().put('k', 'v')
    await writeFile(keyFile(), Buffer.alloc(32))
    await expect(storeOf().get('k')).rejects.toThrow(keyFile())
  })

  it.each([0, 31, 33, 1000])('a key of %d bytes is damaged, and never replaced', async (size) => {
    await storeOf().put('k', 'v')
    await chmod(keyFile(), 0o600)
    await writeFile(keyFile(), Buffer.alloc(size))
    await expect(storeOf().get('k')).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('damaged'),
    })
    expect((await readFile(keyFile())).length).toBe(size)
  })

  it('temporaries of a process that died are not taken for entries', async () => {
    await storeOf().put('k', 'v')
    await writeFile(join(directory, 'tgt-one', `.${'0'.repeat(64)}.sealed.certctl-0123456789ab`), 'half')
    expect(await listed(storeOf(), '')).toHaveLength(1)
  })

  it('is told apart by the name of the directory where no instance is given', async () => {
    const store = createFileStateStore(join(directory, 'tgt-one'), keyFile())
    await store.put('k', 'v')
    expect(await storeOf('tgt-one').get('k')).toMatchObject({ value: 'v' })
  })
})
