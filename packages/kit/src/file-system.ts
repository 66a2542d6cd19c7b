import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import {
  type FileHandle,
  lstat,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  stat,
  unlink,
} from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { CertctlError, type ErrorCode, type FileOptions, type FileStat, type FileSystem } from '@certctl/core'
import { accountId } from './account-id.js'
import { errnoOf } from './errno.js'
import { runCommand } from './run-command.js'

/** The files of this machine. `replace` writes a temporary beside the file (beside what a link points to), gives it owner and mode before content, syncs file and
 * directory, and renames: readers see the old or the new, also after a power cut. Temporaries are named `.<name>.certctl-<random>` and removed on failure. */
export function createFileSystem(): FileSystem {
  return { read: readFileAt, stat: statOf, list: listOf, replace: replaceFile, remove: removeFile }
}

/** Removes temporaries that a process left in these directories when it died; resolves to their paths. Never while a deployment runs there. */
export async function removeLeftovers(directories: readonly string[]): Promise<readonly string[]> {
  const removed: string[] = []
  for (const directory of new Set(directories)) {
    const names = (await statOf(directory)) ? await listOf(directory) : []
    for (const name of names.filter((entry) => temporaryName.test(entry))) {
      await unlink(join(directory, name))
      removed.push(join(directory, name))
    }
  }
  return removed
}

const temporaryName = /^\..+\.certctl-[0-9a-f]{12}$/

async function readFileAt(path: string, { maxBytes }: { maxBytes?: number | undefined } = {}): Promise<Uint8Array> {
  try {
    const found = await stat(path)
    if (!found.isFile() && !found.isDirectory()) throw new CertctlError('not_found', `${path} is no regular file`)
    if (maxBytes === undefined || found.size <= maxBytes) return await readFile(path)
    throw new CertctlError('too_large', `${path} has ${found.size} bytes; no more than ${maxBytes} are read`)
  } catch (error) {
    throw faultOf(error, path, 'read')
  }
}

async function statOf(path: string): Promise<FileStat | undefined> {
  try {
    const found = await stat(path)
    const kind = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other'
    const { size, uid, gid, mtime: modifiedAt } = found
    return { kind, size, mode: found.mode & 0o7777, uid, gid, realPath: await realpath(path), modifiedAt }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw faultOf(error, path, 'read')
  }
}

async function listOf(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).sort()
  } catch (error) {
    throw faultOf(error, path, 'read')
  }
}

async function replaceFile(path: string, content: Uint8Array | string, options: FileOptions): Promise<void> {
  let temporary: string | undefined
  try {
    const target = await targetOf(path)
    const attributes = await attributesOf(options, await statOf(target))
    // 200 characters of the name leave room for the suffix in the 255 that file systems allow.
    const name = join(dirname(target), `.${basename(target).slice(0, 200)}.certctl-${randomBytes(6).toString('hex')}`)
    const file = await open(name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
    temporary = name
    await fill(file, content, attributes)
    await rename(name, target)
    temporary = undefined
    await syncDirectory(dirname(target))
  } catch (error) {
    if (temporary !== undefined) await unlink(temporary).catch(() => undefined) // the first failure is the one to tell
    throw faultOf(error, path, 'write')
  }
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path)
    await syncDirectory(dirname(path))
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw faultOf(error, path, 'remove')
  }
}

type Attributes = Awaited<ReturnType<typeof attributesOf>>

async function fill(file: FileHandle, content: Uint8Array | string, { mode, uid, gid }: Attributes): Promise<void> {
  try {
    const made = await file.stat()
    const owner = { uid: uid ?? made.uid, gid: gid ?? made.gid }
    if (owner.uid !== made.uid || owner.gid !== made.gid) await file.chown(owner.uid, owner.gid)
    await file.chmod(mode)
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function attributesOf({ mode, owner, group, secret }: FileOptions, existing: FileStat | undefined) {
  const usual = existing === undefined ? (secret ? 0o600 : 0o644) : existing.mode & 0o777
  const uid = owner === undefined ? existing?.uid : await requireAccount('passwd', owner)
  const gid = group === undefined ? existing?.gid : await requireAccount('group', group)
  return { mode: mode ?? usual, uid, gid }
}

async function requireAccount(table: 'passwd' | 'group', name: string): Promise<number> {
  const readText = async (path: string) => ((await statOf(path)) ? Buffer.from(await readFileAt(path)).toString() : '')
  const listed = await accountId(table, name, readText)
  if (listed !== undefined) return listed
  // Directory services know accounts that no file lists.
  const { stdout } = await runCommand(['getent', table, name])
  const found = await accountId(table, name, async () => stdout)
  if (found !== undefined) return found
  const what = `There is no ${table === 'passwd' ? 'user' : 'group'} "${name}" on this machine`
  throw new CertctlError('deploy_failed', `${what}; create it or change the setting`)
}

/** Where a write has to go: what a chain of links ends at, also when that does not exist yet. */
async function targetOf(path: string, depth = 0): Promise<string> {
  const found = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (found?.isSymbolicLink() !== true) return path
  if (depth === 40) throw new CertctlError('deploy_failed', `${path} is a symbolic link that leads nowhere; remove it`)
  return await targetOf(resolve(dirname(path), await readlink(path)), depth + 1)
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return // it opens no directories
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the quota is used up; free some space',
  EROFS: 'the file system is read-only; mount it writable or choose another path',
  EACCES: 'permission denied; run as a user that may, or change the permissions',
  EPERM: 'not permitted; run as a user that may give files to their owner',
  ENOENT: 'there is no such file or directory; create the directory or correct the path',
  ENOTDIR: 'a part of the path is not a directory; correct the path',
  EISDIR: 'it is a directory; give the path of a file',
  EBUSY: 'it is a mount point of its own; mount its directory into the container, not the file',
  EXDEV: 'it is a mount point of its own; mount its directory into the container, not the file',
  ENAMETOOLONG: 'the name is too long; choose a shorter one',
}

function faultOf(error: unknown, path: string, deed: 'read' | 'write' | 'remove'): CertctlError {
  if (error instanceof CertctlError) return error
  const errno = errnoOf(error)
  const text = `Cannot ${deed} ${path}: ${remedies[errno] ?? 'the system refused'} (${errno})`
  return new CertctlError(deed === 'read' ? readCodeOf(errno) : 'deploy_failed', text, { cause: error })
}

function readCodeOf(errno: string): ErrorCode {
  if (errno === 'EACCES' || errno === 'EPERM') return 'forbidden'
  return ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errno) ? 'not_found' : 'internal'
}
