import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir, readlink, realpath, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { CertctlError, type ErrorCode, type FileOptions, type FileStat, type FileSystem } from '@certctl/core'
import { accountId } from './account-id.js'
import { runCommand } from './run-command.js'

/**
 * The files of this machine. `replace` writes a temporary beside the file (beside what a link points to), gives it owner and mode before
 * content, syncs file and directory, and renames: readers see the old or the new, also after a power cut. Temporaries are dot-named
 * `.<name>.certctl-<random>` and are removed on failure; `removeLeftovers` removes those of a process that died.
 */
export function createFileSystem(): FileSystem {
  return { read: readFileAt, stat: statOf, list: listOf, replace: replaceFile, remove: removeFile }
}

/** Removes temporaries that a process left in these directories when it died; resolves to their paths. Never while a deployment runs there. */
export async function removeLeftovers(directories: readonly string[]): Promise<readonly string[]> {
  const removed: string[] = []
  for (const directory of new Set(directories)) {
    const names = await listOf(directory).catch(emptyWhereMissing)
    for (const name of names.filter((entry) => temporaryName.test(entry))) {
      await unlink(join(directory, name))
      removed.push(join(directory, name))
    }
  }
  return removed
}

const temporaryName = /^\..+\.certctl-[0-9a-f]{12}$/

function emptyWhereMissing(error: unknown): readonly string[] {
  if (error instanceof CertctlError && error.code === 'not_found') return []
  throw error
}

async function readFileAt(path: string, { maxBytes }: { maxBytes?: number | undefined } = {}): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      if (maxBytes !== undefined && size > maxBytes)
        throw new CertctlError('too_large', `${path} has ${size} bytes; no more than ${maxBytes} are read`)
      return await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    throw faultOf(error, path, 'read')
  }
}

async function statOf(path: string): Promise<FileStat | undefined> {
  try {
    const found = await stat(path)
    return {
      kind: found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other',
      size: found.size,
      mode: found.mode & 0o7777,
      uid: found.uid,
      gid: found.gid,
      realPath: await realpath(path),
      modifiedAt: found.mtime,
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
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
    const existing = await statOf(target)
    const attributes = await attributesOf(options, existing)
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
    if (codeOf(error) !== 'ENOENT') throw faultOf(error, path, 'remove')
  }
}

interface Attributes {
  mode: number
  uid: number | undefined
  gid: number | undefined
}

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

async function attributesOf(options: FileOptions, existing: FileStat | undefined): Promise<Attributes> {
  return {
    mode:
      options.mode ?? (existing === undefined ? undefined : existing.mode & 0o777) ?? (options.secret ? 0o600 : 0o644),
    uid: options.owner === undefined ? existing?.uid : await requireAccount('passwd', options.owner),
    gid: options.group === undefined ? existing?.gid : await requireAccount('group', options.group),
  }
}

async function requireAccount(table: 'passwd' | 'group', name: string): Promise<number> {
  const readText = async (path: string) => ((await statOf(path)) ? Buffer.from(await readFileAt(path)).toString() : '')
  const listed = await accountId(table, name, readText)
  if (listed !== undefined) return listed
  // Directory services know accounts that no file lists.
  const { stdout } = await runCommand(['getent', table, name])
  const found = await accountId(table, name, async () => stdout)
  if (found !== undefined) return found
  const what = table === 'passwd' ? 'user' : 'group'
  throw new CertctlError(
    'deploy_failed',
    `There is no ${what} "${name}" on this machine; create it or change the setting`,
  )
}

/** Where a write has to go: what a chain of links ends at, also when that does not exist yet. */
async function targetOf(path: string, depth = 0): Promise<string> {
  const found = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (found?.isSymbolicLink() !== true) return path
  if (depth === 40) throw new CertctlError('deploy_failed', `${path} is a symbolic link that leads nowhere; remove it`)
  return await targetOf(resolve(dirname(path), await readlink(path)), depth + 1)
}

async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories.
  if (process.platform === 'win32') return
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

type Deed = 'read' | 'write' | 'remove'

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

function faultOf(error: unknown, path: string, deed: Deed): CertctlError {
  if (error instanceof CertctlError) return error
  const errno = codeOf(error) ?? 'unknown fault'
  const text = `Cannot ${deed} ${path}: ${remedies[errno] ?? 'the system refused'} (${errno})`
  return new CertctlError(deed === 'read' ? (readCodes[errno] ?? 'internal') : 'deploy_failed', text, { cause: error })
}

const readCodes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'not_found',
  ENOTDIR: 'not_found',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  EISDIR: 'not_found',
}

function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined
}
