import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { CertctlError, type FileSystem, messageOf, z } from '@certctl/core'
import { createFileSystem } from '../src/file-system.js'
import type { JournalEntry } from '../src/journaled-file-system.js'
import { type FileJournal, hashOf } from '../src/journaled-file-system.js'

const entrySchema = z.strictObject({
  path: z.string(),
  previous: z
    .strictObject({ content: z.base64(), mode: z.int(), uid: z.int(), gid: z.int() })
    .transform(({ content, ...stat }) => ({ content: Uint8Array.from(Buffer.from(content, 'base64')), ...stat }))
    .optional(),
  written: z.array(z.string()),
})

/** A journal in a directory of its own, made when first needed: one file per path, of mode 0600, synced. */
export function createJsonJournal(directory: string): FileJournal {
  const files = createFileSystem()
  const names = async () => ((await files.stat(directory)) ? (await files.list(directory)).filter(isEntryName) : [])
  return {
    async record({ path, previous, written }) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const content = previous && { ...previous, content: Buffer.from(previous.content).toString('base64') }
      const text = JSON.stringify({ path, previous: content, written })
      await files.replace(join(directory, `${hashOf(path)}.json`), text, { mode: 0o600, secret: true })
    },
    async entries() {
      const paths = (await names()).map((name) => join(directory, name))
      return await Promise.all(paths.map((path) => readEntry(files, path)))
    },
    async clear() {
      for (const name of await names()) await files.remove(join(directory, name))
    },
  }
}

function isEntryName(name: string): boolean {
  return /^[0-9a-f]{64}\.json$/.test(name)
}

async function readEntry(files: FileSystem, path: string): Promise<JournalEntry> {
  try {
    const { previous, ...entry } = entrySchema.parse(JSON.parse(Buffer.from(await files.read(path)).toString('utf8')))
    return { ...entry, previous }
  } catch (cause) {
    throw new CertctlError('internal', `The journal entry ${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
}
