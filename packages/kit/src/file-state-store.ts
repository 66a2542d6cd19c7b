import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { link, mkdir, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CertctlError, type JsonValue, type StateStore, type Stored, z } from '@certctl/core'
import { systemClock } from './clock.js'
import { errnoOf } from './errno.js'
import { createFileSystem } from './file-system.js'
import { hashOf } from './journaled-file-system.js'

export interface FileStateOptions {
  /** The instance whose state it is; default: the directory's name. An entry moved to another instance cannot be opened. */
  instance?: string | undefined
  now?: (() => Date) | undefined
  /** Told where an entry that cannot be opened was moved; it then counts as absent. Default: opening it throws `config_invalid`. */
  onDamaged?: ((movedTo: string) => void) | undefined
}

/** An entry as it is sealed. */
const expiresAt = z.coerce.date().optional()
const entrySchema = z.object({ key: z.string(), value: z.json(), version: z.int(), expiresAt })
type Entry = z.output<typeof entrySchema>

/** State in files of mode 0600, one per entry, each sealed with AES-256-GCM under the key in `keyFile` (made on first use, 0600). For one process: calls of this store
 * follow each other, so that `expect` holds. */
export function createFileStateStore(directory: string, keyFile: string, options: FileStateOptions = {}): StateStore {
  const { instance = basename(directory), now = systemClock.now, onDamaged } = options
  const files = createFileSystem()
  let opening: Promise<Buffer> | undefined
  const key = () => (opening ??= readOrMakeKey(keyFile))
  const pathOf = (name: string) => join(directory, `${name}.sealed`)

  const read = async (name: string): Promise<Entry | undefined> => {
    if ((await files.stat(pathOf(name))) === undefined) return undefined
    const [sealed, sealingKey] = [await files.read(pathOf(name)), await key()]
    try {
      const entry = opened(sealed, sealingKey, `${instance}\0${name}`)
      return entry.expiresAt !== undefined && entry.expiresAt <= now() ? undefined : entry
    } catch (cause) {
      const text = `A state entry cannot be opened: it was changed, or sealed with another key than ${keyFile}; restore the key file`
      if (onDamaged === undefined) throw new CertctlError('config_invalid', text, { cause })
      await rename(pathOf(name), `${pathOf(name)}.damaged`)
      onDamaged(`${pathOf(name)}.damaged`)
      return undefined
    }
  }
  const write = async (entry: Entry): Promise<void> => {
    const name = hashOf(entry.key)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const sealed = sealedOf(JSON.stringify(entry), await key(), `${instance}\0${name}`)
    await files.replace(pathOf(name), sealed, { mode: 0o600, secret: true })
  }
  const inTurn = createTurns()

  return {
    get: (name) => inTurn(async () => storedOf(await read(hashOf(name)))),
    put: (name, value, { expect, expiresAt } = {}) =>
      inTurn(async () => {
        const before = await read(hashOf(name))
        requireVersion(name, before, expect)
        const entry = { key: name, value: value as Entry['value'], version: (before?.version ?? 0) + 1, expiresAt }
        await write(entry)
        return { key: name, value, version: entry.version }
      }),
    delete: (name) => inTurn(() => files.remove(pathOf(hashOf(name)))),
    async *list(prefix) {
      const names = (await files.stat(directory)) ? await files.list(directory) : []
      for (const name of names.flatMap((file) => /^([0-9a-f]{64})\.sealed$/.exec(file)?.[1] ?? [])) {
        const stored = await inTurn(async () => storedOf(await read(name)))
        if (stored?.key.startsWith(prefix)) yield stored
      }
    },
  }
}

function storedOf(entry: Entry | undefined): Stored | undefined {
  return entry && { key: entry.key, value: entry.value as JsonValue, version: entry.version }
}

function requireVersion(name: string, before: Entry | undefined, expect: number | 'absent' | undefined): void {
  const found = before?.version ?? 'absent'
  if (expect !== undefined && expect !== found)
    throw new CertctlError('conflict', `State "${name}" is ${found}, not ${expect}: somebody else was faster`)
}

/** Runs what it is given one after the other, whatever becomes of each. */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const turn = last.then(work, work)
    last = turn
    return turn
  }
}

function sealedOf(text: string, key: Buffer, context: string): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), body])
}

function opened(sealed: Uint8Array, key: Buffer, context: string): Entry {
  const bytes = Buffer.from(sealed)
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(context))
  decipher.setAuthTag(bytes.subarray(12, 28))
  const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
  return entrySchema.parse(JSON.parse(text))
}

/** A key that appears whole or not at all, also when two processes make it at once. */
async function readOrMakeKey(keyFile: string): Promise<Buffer> {
  const files = createFileSystem()
  if ((await files.stat(keyFile)) === undefined) {
    await mkdir(dirname(keyFile), { recursive: true, mode: 0o700 })
    const fresh = `${keyFile}.${randomBytes(6).toString('hex')}`
    await files.replace(fresh, randomBytes(32), { mode: 0o600, secret: true })
    await link(fresh, keyFile).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error
    })
    await unlink(fresh)
  }
  const { size } = (await files.stat(keyFile)) ?? { size: 0 }
  if (size === 32) return Buffer.from(await files.read(keyFile))
  throw new CertctlError('config_invalid', `${keyFile} is damaged: a key has 32 bytes; restore it`)
}
