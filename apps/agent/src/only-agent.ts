import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { CertctlError } from '@certctl/core'
import type { Installation } from './owned-files.js'

/** Holds the state directory for this process until it ends, however it ends. Throws `conflict` while another agent holds it. */
export async function becomeOnlyAgent(installation: Installation): Promise<{ release(): Promise<void> }> {
  const server = createServer((socket) => socket.destroy())
  await listen(server, lockName(installation)).catch((cause) => {
    throw new CertctlError(
      'conflict',
      `Another agent already runs with the state directory ${installation.stateDirectory}; stop it, or give this one a directory of its own (CERTCTL_STATE_DIR)`,
      { cause },
    )
  })
  server.unref()
  return { release: () => new Promise((resolve) => server.close(() => resolve())) }
}

/** Names that the system itself forgets when the process ends, where it has such; nothing is left behind to be stale. */
function lockName({ id, stateDirectory }: Installation): string {
  if (process.platform === 'linux') return `\0certctl-agent-${id}`
  if (process.platform === 'win32') return `\\\\.\\pipe\\certctl-agent-${id}`
  return join(stateDirectory, 'agent.sock')
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => resolve())
  })
}
