import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { type FileSystem, type JsonValue, type StateStore, z } from '@certctl/core'
import { type FileJournal, type JournalEntry, removeLeftovers, repairFiles } from '@certctl/kit'
import { reasonOf } from './journal.js'
import type { AgentLog } from './log.js'

const prefix = 'in-flight/'

const entrySchema = z.object({
  target_id: z.string(),
  path: z.string(),
  previous: z.object({ content: z.base64(), mode: z.number(), uid: z.number(), gid: z.number() }).optional(),
  written: z.array(z.string()),
})
type StoredEntry = z.output<typeof entrySchema>

/** What the deployment under way at one target is about to replace: in the sealed state, since it may be a private key. */
export function createDeploymentJournal(state: StateStore, targetId: string): FileJournal {
  const own = `${prefix}${targetId}/`
  return {
    async record(entry) {
      await state.put(`${own}${createHash('sha256').update(entry.path).digest('hex')}`, storedOf(targetId, entry))
    },
    async entries() {
      const found: JournalEntry[] = []
      for await (const stored of state.list(own)) found.push(entryOf(entrySchema.parse(stored.value)))
      return found
    },
    async clear() {
      const keys: string[] = []
      for await (const stored of state.list(own)) keys.push(stored.key)
      for (const key of keys) await state.delete(key)
    },
  }
}

function storedOf(targetId: string, { path, previous, written }: JournalEntry): JsonValue {
  const before = previous && { ...previous, content: Buffer.from(previous.content).toString('base64') }
  return { target_id: targetId, path, written, ...(before === undefined ? {} : { previous: before }) }
}

function entryOf({ path, previous, written }: StoredEntry): JournalEntry {
  return { path, written, previous: previous && { ...previous, content: Buffer.from(previous.content, 'base64') } }
}

/** Puts back what an agent that was killed had begun to replace, and removes its temporaries. Done before any work is asked for. */
export async function repairAfterCrash(state: StateStore, files: FileSystem, log: AgentLog): Promise<void> {
  const targets = new Set<string>()
  for await (const { key } of state.list(prefix)) targets.add(key.slice(prefix.length).split('/')[0] ?? '')
  for (const targetId of targets) {
    try {
      await repairTarget(createDeploymentJournal(state, targetId), { files, log, targetId })
    } catch (error) {
      // The record stays, and the next deployment there begins with it. The other targets must not wait for a full disk.
      log.error('an interrupted deployment could not be put back', { target_id: targetId, ...reasonOf(error) })
    }
  }
}

async function repairTarget(
  journal: FileJournal,
  { files, log, targetId }: { files: FileSystem; log: AgentLog; targetId: string },
): Promise<void> {
  const paths = (await journal.entries()).map((entry) => entry.path)
  const real = await Promise.all(paths.map(async (path) => (await files.stat(path))?.realPath ?? path))
  const removed = await removeLeftovers([...paths, ...real].map((path) => dirname(path)))
  const { restored, foreign } = await repairFiles(files, journal)
  log.warn('a deployment was interrupted; its files are as they were before it', {
    target_id: targetId,
    restored,
    foreign,
    removed,
  })
}
