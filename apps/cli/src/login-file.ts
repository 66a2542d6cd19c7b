import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { CertctlError, z } from '@certctl/core'
import { fileFault } from './file-fault.js'

const storedLoginSchema = z.strictObject({
  server: z.string(),
  api_key: z.string(),
  ca_pem: z.string().optional(),
  pin_spki_sha256: z.string().optional(),
})
/** What login keeps: a key, and how to know the server it is for. */
export type StoredLogin = z.output<typeof storedLoginSchema>

export function loginFileOf(configFolder: string): string {
  return join(configFolder, 'certctl', 'config.json')
}

/** `undefined`: nobody has logged in. A file that others may read, or that cannot be understood, is refused. */
export function readLogin(path: string): StoredLogin | undefined {
  const text = readText(path)
  if (text === undefined) return undefined
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)
    throw new CertctlError(
      'config_invalid',
      `${path} holds an API key and may be read by others; close it with: chmod 600 ${path}`,
    )
  try {
    return storedLoginSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new CertctlError('config_invalid', `${path} is not what certctl login writes; remove it and log in again`, {
      cause,
    })
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (fileFault(cause) === 'ENOENT') return undefined
    throw new CertctlError('config_invalid', `${path} cannot be read: ${fileFault(cause)}`, { cause })
  }
}

/** For its owner only, and whole or not at all. */
export function writeLogin(path: string, login: StoredLogin): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = join(dirname(path), `.config.json.${process.pid}`)
  rmSync(temporary, { force: true })
  const file = openSync(temporary, 'wx', 0o600)
  try {
    writeSync(file, `${JSON.stringify(login, undefined, 2)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  chmodSync(temporary, 0o600)
  renameSync(temporary, path)
}

export function removeLogin(path: string): boolean {
  const existed = readText(path) !== undefined
  rmSync(path, { force: true })
  return existed
}
