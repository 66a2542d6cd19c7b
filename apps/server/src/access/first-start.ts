import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isCertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import { createApiKey } from './api-keys.js'
import { systemActor } from './principal.js'

export interface FirstStartOptions {
  stateDirectory: string
  /** The terminal, where a person looks at it. */
  terminal?: { write(text: string): unknown } | undefined
}

/**
 * Where nobody can administrate yet, makes one key: written to `admin.key` (0600) and synced before its row, so that a crash in
 * between leaves a file that opens nothing and the next start writes a new one. Returns the file's path, or `undefined` when an
 * administrator's key exists.
 */
export async function createFirstAdminKey(services: Services, options: FirstStartOptions): Promise<string | undefined> {
  const { stateDirectory, terminal } = options
  if (await services.store.apiKeys.hasLive('admin', services.clock.now())) return undefined
  const path = join(stateDirectory, 'admin.key')
  const taken = await services.store.apiKeys.findLiveByName('first-admin')
  const name = taken === undefined ? 'first-admin' : `first-admin ${services.clock.now().toISOString()}`
  const key = await createWritten(services, { name, path })
  if (key === undefined) return undefined
  services.log.info({ path }, 'first start: the administrator key is in this file; keep it and remove the file')
  terminal?.write(`\nFirst start. Administrator key (also in ${path}, shown this once):\n\n  ${key}\n\n`)
  return path
}

/** `undefined` when another copy of the server was faster. */
async function createWritten(
  services: Services,
  { name, path }: { name: string; path: string },
): Promise<string | undefined> {
  const write = async (value: string): Promise<void> => await writeSecretly(path, `${value}\n`)
  try {
    return (await createApiKey(services, { name, role: 'admin', actor: systemActor }, write)).key
  } catch (error) {
    if (!isCertctlError(error) || error.code !== 'conflict') throw error
    await rm(path, { force: true })
    return undefined
  }
}

async function writeSecretly(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = join(dirname(path), '.admin.key.new')
  await rm(temporary, { force: true })
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32' || !(await stat(path)).isDirectory()) return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
