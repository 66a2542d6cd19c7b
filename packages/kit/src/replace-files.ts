import {
  CertctlError,
  type FileOptions,
  type FileStat,
  type FileSystem,
  isCertctlError,
  messageOf,
} from '@certctl/core'
import { accountId } from './account-id.js'
import { largestMaterialBytes, ownMarker, requireReplaceable } from './certificate-material.js'

/** One file of a set: where, what, and how it is to be kept. List the certificate first. */
export interface FileChange extends FileOptions {
  path: string
  content: string | Uint8Array
}

export type Confirmation = 'served' | 'later' | 'unverifiable'

/** What happens around the writing. Each rejects to say that it failed. */
export interface ReplaceSteps {
  signal: AbortSignal
  /** Asked before the first write, when there is something to write: whether a deployment is wise at all. */
  prepare?: ((signal: AbortSignal) => Promise<unknown>) | undefined
  /** Asks whether the new files are sound, before anything uses them. */
  validate?: ((signal: AbortSignal) => Promise<unknown>) | undefined
  /** Makes the server read the files. Called again, with another signal, after the old ones were put back. */
  activate?: ((signal: AbortSignal) => Promise<unknown>) | undefined
  /** Proves that the new certificate is served; absent: `unverifiable`. */
  confirm?: (() => Promise<Confirmation>) | undefined
}

/** `changed`: whether any file was written. */
export type Replaced = { changed: boolean; confirmed: Confirmation }

/** Undoing gets its own time: what ended the caller's signal must not end this too. */
const undoLimitMilliseconds = 60_000

/** Brings a set of files, and the server that reads them, to a new content, or leaves both as they were.
 *
 * Two files cannot be renamed as one. So the pair is written last and close together, keys before the certificate (the first change that is not secret): the certificate
 * on disk is the new one only when everything else is. Files that are right already are not touched. Where all are, an earlier attempt may have died before the reload:
 * `confirm` is asked, and unless it says `served`, the rest is done.
 *
 * Rejects `deploy_failed` (or the cause's own code, where trying again would not help) with everything as it was, or `deploy_torn` with what is left. */
export async function replaceFiles(
  files: FileSystem,
  changes: readonly FileChange[],
  steps: ReplaceSteps,
): Promise<Replaced> {
  requireSound(changes)
  requireUnaborted(steps.signal)
  const planned: Planned[] = []
  for (const change of changes) planned.push(await planOf(files, change))
  requireApart(planned)
  const different = inWritingOrder(planned.filter(({ equal }) => !equal))
  if (different.length === 0) return await confirmUnchanged(steps)
  await steps.prepare?.(steps.signal)

  const progress: Progress = { begun: [], activation: 'none' }
  try {
    for (const entry of different) {
      requireUnaborted(steps.signal)
      progress.begun.push(entry)
      const { path, content, ...options } = entry.change
      await files.replace(path, content, options)
    }
    return { changed: true, confirmed: await takeIntoUse(steps, progress) }
  } catch (cause) {
    const left = await undo(files, steps, progress)
    throw left === undefined ? failed(cause, planned) : torn(cause, left)
  }
}

interface Planned {
  change: FileChange
  realPath: string
  previous: { content: Uint8Array; stat: FileStat } | undefined
  equal: boolean
}
interface Progress {
  begun: Planned[]
  /** `refused`: the server said no, so it goes on with what it has; `begun`: it may have read the new files. */
  activation: 'none' | 'refused' | 'begun'
}

function requireSound(changes: readonly FileChange[]): void {
  const unmarked = changes.find(({ own, content }) => own && !Buffer.from(content).includes(ownMarker))
  if (unmarked === undefined) return
  throw new CertctlError('internal', `${unmarked.path}: a file of ours must carry the line "${ownMarker}"`)
}

function requireUnaborted(signal: AbortSignal): void {
  if (signal.aborted) throw new CertctlError('aborted', 'The deployment was interrupted', { cause: signal.reason })
}

function requireApart(planned: readonly Planned[]): void {
  for (const [index, { change, realPath }] of planned.entries()) {
    const twin = planned.slice(0, index).find((other) => other.realPath === realPath)
    if (twin !== undefined)
      throw new CertctlError('config_invalid', `${twin.change.path} and ${change.path} are one file; give each its own`)
  }
}

async function planOf(files: FileSystem, change: FileChange): Promise<Planned> {
  const stat = await files.stat(change.path)
  if (stat === undefined) return { change, realPath: change.path, previous: undefined, equal: false }
  const content =
    stat.kind === 'file' && stat.size <= largestMaterialBytes ? await files.read(change.path) : Buffer.from('?')
  requireReplaceable(change.path, stat, content)
  const equal = Buffer.from(change.content).equals(content) && (await isKeptAs(files, change, stat))
  return { change, realPath: stat.realPath, previous: { content, stat }, equal }
}

/** An account that cannot be looked up here is not a difference: only writing the file could tell. */
async function isKeptAs(files: FileSystem, { mode, owner, group }: FileChange, stat: FileStat): Promise<boolean> {
  const readText = async (path: string) =>
    (await files.stat(path)) === undefined ? '' : Buffer.from(await files.read(path)).toString('utf8')
  const uid = owner === undefined ? undefined : await accountId('passwd', owner, readText)
  const gid = group === undefined ? undefined : await accountId('group', group, readText)
  return (mode ?? stat.mode) === stat.mode && (uid ?? stat.uid) === stat.uid && (gid ?? stat.gid) === stat.gid
}

function inWritingOrder(planned: readonly Planned[]): Planned[] {
  const certificate = planned.find(({ change }) => change.secret !== true)
  const rank = (entry: Planned) => (entry === certificate ? 2 : entry.change.secret === true ? 1 : 0)
  return planned.toSorted((a, b) => rank(a) - rank(b))
}

async function takeIntoUse(steps: ReplaceSteps, progress: Progress): Promise<Confirmation> {
  await steps.validate?.(steps.signal)
  progress.activation = 'begun'
  await steps.activate?.(steps.signal).catch((error: unknown) => {
    if (isRefusal(error)) progress.activation = 'refused'
    throw error
  })
  return (await steps.confirm?.()) ?? 'unverifiable'
}

async function confirmUnchanged(steps: ReplaceSteps): Promise<Replaced> {
  const first = await steps.confirm?.().catch((error: unknown) => {
    if (steps.signal.aborted || (isCertctlError(error) && error.code === 'aborted')) throw error
    return 'not served' as const
  })
  if (first === 'served') return { changed: false, confirmed: first }
  return { changed: false, confirmed: await takeIntoUse(steps, { begun: [], activation: 'none' }) }
}

/** Puts back what was begun, newest first; resolves to a sentence about what could not be. */
async function undo(files: FileSystem, { activate }: ReplaceSteps, progress: Progress): Promise<string | undefined> {
  const left: string[] = []
  let restored = false
  for (const entry of progress.begun.toReversed()) {
    try {
      restored = (await putBack(files, entry)) || restored
    } catch (error) {
      left.push(`${entry.change.path} could not be put back (${messageOf(error)})`)
    }
  }
  if (restored || progress.activation !== 'none')
    await activate?.(AbortSignal.timeout(undoLimitMilliseconds)).catch((error: unknown) => {
      // A server that never read the new files, or refused both them and the old ones, serves what it served.
      if (progress.activation === 'none' || (progress.activation === 'refused' && isRefusal(error))) return
      left.push(`the server may not have read the old files again (${messageOf(error)})`)
    })
  return left.length === 0 ? undefined : left.join('; ')
}

function isRefusal(error: unknown): boolean {
  return isCertctlError(error) && error.code === 'deploy_failed'
}

/** Resolves to whether anything had to be done: a write that failed has mostly changed nothing, and a full disk takes no second copy. */
async function putBack(files: FileSystem, { change, previous }: Planned): Promise<boolean> {
  const now = await files.stat(change.path)
  if (previous === undefined) {
    if (now !== undefined) await files.remove(now.realPath)
    return now !== undefined
  }
  const { content, stat } = previous
  const sameStat = now?.mode === stat.mode && now.uid === stat.uid && now.gid === stat.gid
  if (sameStat && Buffer.from(await files.read(change.path)).equals(content)) return false
  await files.replace(change.path, content, {
    mode: stat.mode,
    secret: change.secret,
    ...(now?.uid === stat.uid ? {} : { owner: String(stat.uid) }),
    ...(now?.gid === stat.gid ? {} : { group: String(stat.gid) }),
  })
  return true
}

/** Codes that say that trying again helps nobody; they must stay visible. */
const lasting = ['aborted', 'policy_denied', 'config_invalid', 'forbidden', 'unsupported']

function failed(cause: unknown, planned: readonly Planned[]): CertctlError {
  const code = isCertctlError(cause) && lasting.includes(cause.code) ? cause.code : 'deploy_failed'
  const places = planned.map(({ change }) => change.path).join(', ')
  return new CertctlError(code, `${messageOf(cause)}. Everything is as it was before: ${places}`, { cause })
}

function torn(cause: unknown, left: string): CertctlError {
  return new CertctlError('deploy_torn', `${messageOf(cause)}. It could not be undone: ${left}`, { cause })
}
