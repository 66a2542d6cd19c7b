import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { StateStore } from '@certctl/core'
import { z } from '@certctl/core'
import { createFileStateStore, removeLeftovers } from '@certctl/kit'
import type { AgentLog } from './log.js'
import type { Installation } from './owned-files.js'

/** The sealed files below the state directory, all under one key. */
export interface SealedState {
  /** Who this installation and this agent are. Damage here stops the start: nothing can bring it back. */
  identity: StateStore
  /** What one agent id remembers. A damaged entry is set aside with a loud line: the server's answers bring back what matters. */
  journalOf(agentId: string): StateStore
  connectorOf(agentId: string, instanceId: string): StateStore
}

export function createSealedState(directory: string, log: AgentLog): SealedState {
  const keyFile = join(directory, 'state.key')
  const onDamaged = (path: string) => {
    log.error("a damaged entry of the agent's state was set aside", { path })
  }
  return {
    identity: createFileStateStore(join(directory, 'identity'), keyFile),
    journalOf: (agentId) =>
      createFileStateStore(join(directory, 'agents', agentId, 'journal'), keyFile, {
        instance: `journal ${agentId}`,
        onDamaged,
      }),
    connectorOf: (agentId, instanceId) =>
      createFileStateStore(join(directory, 'agents', agentId, 'connectors', instanceId), keyFile, {
        instance: `connector ${agentId} ${instanceId}`,
      }),
  }
}

/** Entries that were being written when the agent was killed: the ones before them stand, and nobody looks at these again. */
export async function removeHalfWrittenState(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true })
  const folders = entries.filter((entry) => entry.isDirectory())
  await removeLeftovers([directory, ...folders.map(({ parentPath, name }) => join(parentPath, name))])
}

const installationSchema = z.object({ id: z.string() })

/** Made at the first start, and kept over joins and retirements. */
export async function readInstallation(identity: StateStore, stateDirectory: string): Promise<Installation> {
  const stored = await identity.get('installation')
  const id = stored === undefined ? randomUUID() : installationSchema.parse(stored.value).id
  if (stored === undefined) await identity.put('installation', { id })
  return { id, hostname: hostname(), stateDirectory }
}
