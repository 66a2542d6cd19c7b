import { hash } from 'node:crypto'
import type { FileSystem } from '@certctl/core'
import { largestMaterialBytes, requireReplaceable } from './certificate-material.js'

/** What one file was before a deployment first wrote it, and what that deployment wrote over it. */
export interface JournalEntry {
  path: string
  /** `undefined`: there was no file. May be a private key. */
  previous: { content: Uint8Array; mode: number; uid: number; gid: number } | undefined
  /** SHA-256 (hex) of each content that was about to be written. */
  written: readonly string[]
}

/** Remembers the entries of one deployment. */
export interface FileJournal {
  /** Durable when it resolves; replaces an entry of the same path. */
  record(entry: JournalEntry): Promise<void>
  entries(): Promise<readonly JournalEntry[]>
  clear(): Promise<void>
}

/** A file system for one deployment. Before it first replaces or removes a file it records in the journal what was there, so that `repairFiles` can put it back when the
 * process dies between two files. Over anything but certificate material it refuses to write (`deploy_failed`), whatever the connector does.
 * `settle` forgets the record: called when the deployment has succeeded, or was undone. */
export function createJournaledFileSystem(
  inner: FileSystem,
  journal: FileJournal,
): FileSystem & { settle(): Promise<void> } {
  const known = new Map<string, JournalEntry>()

  const remember = async (path: string, content: Uint8Array | string): Promise<void> => {
    const entry = known.get(path) ?? (await entryOf(inner, path))
    const written = hashOf(content)
    if (known.has(path) && entry.written.includes(written)) return
    const extended = { ...entry, written: [...entry.written, written] }
    await journal.record(extended)
    known.set(path, extended)
  }

  return {
    read: (path, options) => inner.read(path, options),
    stat: (path) => inner.stat(path),
    list: (path) => inner.list(path),
    async replace(path, content, options) {
      await remember(path, content)
      await inner.replace(path, content, options)
    },
    async remove(path) {
      if ((await inner.stat(path)) === undefined) return
      await remember(path, '')
      await inner.remove(path)
    },
    async settle() {
      await journal.clear()
      known.clear()
    },
  }
}

/** Paths that hold again what they held before the interrupted deployment, and those that somebody else has changed since. */
export type Repair = { restored: readonly string[]; foreign: readonly string[] }

/** Puts back what a journal says an interrupted deployment had begun to replace, and clears the journal. What holds neither its old content nor one that the deployment
 * wrote was changed by somebody since and stays. Rejects, with the journal kept, when a file cannot be written. Repeating it is harmless. */
export async function repairFiles(inner: FileSystem, journal: FileJournal): Promise<Repair> {
  const restored: string[] = []
  const foreign: string[] = []
  for (const entry of await journal.entries()) {
    const outcome = await repair(inner, entry)
    if (outcome === 'restored') restored.push(entry.path)
    if (outcome === 'foreign') foreign.push(entry.path)
  }
  await journal.clear()
  return { restored, foreign }
}

type Outcome = 'restored' | 'foreign' | 'untouched'

async function repair(inner: FileSystem, { path, previous, written }: JournalEntry): Promise<Outcome> {
  const stat = await inner.stat(path)
  const now = stat === undefined ? undefined : await inner.read(path)
  const held = now === undefined ? undefined : hashOf(now)
  if (held === (previous && hashOf(previous.content))) return 'untouched'
  // A file that is gone was removed by the deployment only where it meant to remove it, which it wrote down as empty.
  if (!written.includes(held ?? hashOf(''))) return 'foreign'
  if (previous !== undefined) {
    const { content, mode, uid, gid } = previous
    await inner.replace(path, content, { mode, owner: String(uid), group: String(gid), secret: true })
  } else if (stat !== undefined) await inner.remove(stat.realPath)
  return 'restored'
}

async function entryOf(inner: FileSystem, path: string): Promise<JournalEntry> {
  const stat = await inner.stat(path)
  if (stat === undefined) return { path, previous: undefined, written: [] }
  const content = stat.kind === 'file' && stat.size <= largestMaterialBytes ? await inner.read(path) : Buffer.from('?')
  requireReplaceable(path, stat, content)
  return { path, previous: { content, mode: stat.mode, uid: stat.uid, gid: stat.gid }, written: [] }
}

/** SHA-256 in hex. */
export function hashOf(content: Uint8Array | string): string {
  return hash('sha256', content, 'hex')
}
