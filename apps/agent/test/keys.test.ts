import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createKeyStore, type KeyStore, removeHalfWrittenKeys } from '../src/keys.js'

let directory: string
let keys: KeyStore

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certctl-keys-'))
  keys = createKeyStore(directory)
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const spkiOf = (pem: string) =>
  createHash('sha256')
    .update(createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' }))
    .digest('hex')

describe('a new key', () => {
  it('lies under its certificate and its own hash, readable by its owner only', async () => {
    const made = await keys.make('mc-www', 'EC-P256')
    const path = join(directory, 'mc-www', `${made.spkiSha256}.key`)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(directory, 'mc-www'))).mode & 0o777).toBe(0o700)
    expect(spkiOf(await readFile(path, 'utf8'))).toBe(made.spkiSha256)
    expect(await readdir(join(directory, 'mc-www'))).toEqual([`${made.spkiSha256}.key`])
  })

  it('never replaces an earlier one of the same certificate', async () => {
    const first = await keys.make('mc-www', 'EC-P256')
    const second = await keys.make('mc-www', 'EC-P384')
    expect((await keys.find(first))?.reveal()).toBe(first.privateKeyPem.reveal())
    expect((await keys.find(second))?.reveal()).toBe(second.privateKeyPem.reveal())
    expect((await keys.list()).map((key) => key.spkiSha256).sort()).toEqual(
      [first.spkiSha256, second.spkiSha256].sort(),
    )
  })

  it('is of the algorithm asked for', async () => {
    const { privateKeyPem } = await keys.make('mc-www', 'Ed25519')
    expect(createPrivateKey(privateKeyPem.reveal()).asymmetricKeyType).toBe('ed25519')
  })

  it.each(['../evil', '.hidden', 'a/b', '', 'x'.repeat(65), 'a\0b'])('is not made under the id %j', async (id) => {
    await expect(keys.make(id, 'EC-P256')).rejects.toMatchObject({ code: 'request_malformed' })
    expect(await readdir(directory)).toEqual([])
  })
})

describe('keys of earlier agents', () => {
  it('are found where they lie, when they are the one asked for', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const sec1 = privateKey.export({ type: 'sec1', format: 'pem' }).toString()
    await writeFile(join(directory, 'mc-old.key'), sec1, { mode: 0o600 })
    expect((await keys.find({ certificateId: 'mc-old', spkiSha256: spkiOf(sec1) }))?.reveal()).toBe(sec1)
    expect(await keys.find({ certificateId: 'mc-old', spkiSha256: 'a'.repeat(64) })).toBeUndefined()
  })
})

describe('the store', () => {
  it('says that a key is not here instead of failing', async () => {
    expect(await keys.find({ certificateId: 'mc-none', spkiSha256: 'a'.repeat(64) })).toBeUndefined()
    expect(await createKeyStore(join(directory, 'absent')).list()).toEqual([])
  })

  it('refuses hashes that could be paths', async () => {
    await expect(keys.find({ certificateId: 'mc', spkiSha256: '../../etc/shadow' })).rejects.toMatchObject({
      code: 'request_malformed',
    })
  })

  it('removes one key and leaves the others', async () => {
    const first = await keys.make('mc-www', 'EC-P256')
    const second = await keys.make('mc-www', 'EC-P256')
    await keys.remove(first)
    expect((await keys.list()).map((key) => key.spkiSha256)).toEqual([second.spkiSha256])
    await keys.remove(second)
    await keys.remove(second)
    expect(await readdir(directory)).toEqual([])
  })

  it('forgets what a killed start had half written', async () => {
    const made = await keys.make('mc-www', 'EC-P256')
    await writeFile(join(directory, 'mc-www', `.${'b'.repeat(64)}.half`), 'half a k')
    await removeHalfWrittenKeys(directory)
    expect(await readdir(join(directory, 'mc-www'))).toEqual([`${made.spkiSha256}.key`])
    await removeHalfWrittenKeys(join(directory, 'absent'))
  })
})
