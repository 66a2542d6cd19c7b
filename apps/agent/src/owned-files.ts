import { randomBytes } from 'node:crypto'
import { link, open, readFile, realpath, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CertctlError, type FileSystem, z } from '@certctl/core'
import { errnoOf, isAbsence } from './errno.js'

/** One installed agent, whatever it is called at its control plane: what an owner marker names. */
export interface Installation {
  id: string
  hostname: string
  stateDirectory: string
}

const markerSchema = z.object({ installation: z.string(), hostname: z.string(), state_directory: z.string() })
type Marker = z.output<typeof markerSchema>

/**
 * A file system that writes only what belongs to this agent: beside each file it writes lies a marker that names the installation, and a file that carries
 * another's marker is refused (`conflict`). Two agents on one host, or two containers on one volume, thus never fight over a file.
 */
export function createOwnedFiles(inner: FileSystem, own: Installation): FileSystem {
  return {
    read: (path, options) => inner.read(path, options),
    stat: (path) => inner.stat(path),
    list: (path) => inner.list(path),
    async replace(path, content, options) {
      await claim(path, own)
      await inner.replace(path, content, options)
    },
    async remove(path) {
      const marker = await markerPath(path)
      await requireOwn(path, marker, own)
      await inner.remove(path)
      await unlink(marker).catch(ignoreAbsence)
    },
  }
}

/** Throws `conflict` where the file carries another installation's marker. */
export async function requireNotForeign(path: string, own: Installation): Promise<void> {
  await requireOwn(path, await markerPath(path), own)
}

/** Beside the file itself, not beside a link to it. */
async function markerPath(path: string): Promise<string> {
  const real = await realpath(path).catch(async () =>
    join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path)),
  )
  return join(dirname(real), `.${basename(real)}.certctl-owner`)
}

async function claim(path: string, own: Installation): Promise<void> {
  const marker = await markerPath(path)
  if (await requireOwn(path, marker, own)) return
  const text = `${JSON.stringify({ installation: own.id, hostname: own.hostname, state_directory: own.stateDirectory } satisfies Marker)}\n`
  const half = join(dirname(marker), `${basename(marker)}.certctl-${randomBytes(6).toString('hex')}`)
  try {
    await writeSynced(half, text)
    await link(half, marker)
  } catch (cause) {
    // Another agent was faster: its marker is there now, and speaks.
    if (!(await requireOwn(path, marker, own))) throw cannotMark(path, marker, cause)
  } finally {
    await unlink(half).catch(ignoreAbsence)
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o644)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Resolves to whether there is a marker, which is then ours. */
async function requireOwn(path: string, marker: string, own: Installation): Promise<boolean> {
  const text = await readFile(marker, 'utf8').catch((error) => {
    if (isAbsence(error)) return undefined
    throw markerFault(`The owner marker ${marker} cannot be read`, error)
  })
  if (text === undefined) return false
  const owner = readMarker(text)
  if (owner === undefined || isOurs(owner, own)) return await renewed(marker, owner, own)
  throw new CertctlError(
    'conflict',
    `${path} is written by another agent (host ${owner.hostname}, state in ${owner.state_directory}). Give this target another path, or, where that agent is to write it no more, remove ${marker}: retiring an agent leaves it there`,
  )
}

/** A marker of an earlier installation in this very state directory is ours: a state directory has one agent at a time. */
function isOurs(owner: Marker, own: Installation): boolean {
  return (
    owner.installation === own.id || (owner.hostname === own.hostname && owner.state_directory === own.stateDirectory)
  )
}

async function renewed(marker: string, owner: Marker | undefined, own: Installation): Promise<boolean> {
  if (owner?.installation === own.id) return true
  await unlink(marker).catch(ignoreAbsence)
  return false
}

function readMarker(text: string): Marker | undefined {
  try {
    return markerSchema.parse(JSON.parse(text))
  } catch {
    return undefined // Nobody can be named by it, so nobody's claim is lost.
  }
}

function cannotMark(path: string, marker: string, cause: unknown): CertctlError {
  if (!isAbsence(cause)) return markerFault(`The owner marker ${marker} cannot be written`, cause)
  const folder = dirname(marker)
  const fault = errnoOf(cause) === 'ENOENT' ? 'is not there' : 'is not a folder'
  return new CertctlError(
    'deploy_failed',
    `The folder ${folder} for ${basename(path)} ${fault} on this host; create it, or correct the path in the target: certctl targets update`,
    { cause },
  )
}

function markerFault(what: string, cause: unknown): CertctlError {
  return new CertctlError('deploy_failed', `${what} (${errnoOf(cause) ?? 'unknown fault'})`, { cause })
}

function ignoreAbsence(error: unknown): void {
  if (!isAbsence(error)) throw error
}
