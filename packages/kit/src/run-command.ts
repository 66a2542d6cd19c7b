import { constants, homedir } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { CertctlError, type CommandResult, type RunOptions } from '@certctl/core'
import type { execa } from 'execa'
import { errnoOf } from './errno.js'

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const defaultLimitSeconds = 120
const largestOutputBytes = 1024 * 1024
/** How long a group may take to end by itself before it is killed. */
const graceMilliseconds = 2000
/** A daemon that a command started may keep its output open for ever; nobody waits for that. */
const outputMilliseconds = 300

/** Runs a program without a shell, in a process group and a minimal environment of its own. The group is ended as one (TERM, then KILL) at the time limit, which
 * gives `timedOut`, or when the signal fires, which rejects `aborted`. Of each output the last MiB is kept. Any exit is a result, as in a shell: 127 a program that
 * does not exist, 126 one that may not be run, 128 + n an end by signal n. */
export async function runCommand(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  if (argv.length === 0) throw new CertctlError('config_invalid', 'A command must name a program')
  const { execa } = await import('execa') // takes a moment, in which the signal may fire
  if (options.signal?.aborted) throw interrupted(argv, options.signal)
  const child = start(execa, argv, options)
  const encoding = options.outputEncoding ?? 'utf8'
  const outputs = { stdout: keepTail(child.stdout, encoding), stderr: keepTail(child.stderr, encoding) }
  const ended = new Promise<Ended>((settle) => {
    child.once('exit', (exitCode, signal) => settle({ exitCode, signal }))
    child.once('error', (error) => settle({ exitCode: errnoOf(error) === 'ENOENT' ? 127 : 126, signal: null, error }))
  })
  const stopped = await endOrStop(ended, child.pid, options)
  const { exitCode, signal, error } = await ended
  if (options.endGroup && child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
  await Promise.race([Promise.allSettled([child]), pause(outputMilliseconds, undefined, { ref: false })])
  for (const output of [child.stdout, child.stderr]) output.destroy()
  if (stopped === 'aborted' && options.signal !== undefined) throw interrupted(argv, options.signal)
  return {
    exitCode: exitCode ?? 128 + (signal === null ? 0 : constants.signals[signal]),
    stdout: outputs.stdout(),
    stderr: error === undefined ? outputs.stderr() : `${argv[0]}: ${error.message}`,
    timedOut: stopped === 'timed out',
  }
}

type Ended = { exitCode: number | null; signal: NodeJS.Signals | null; error?: Error }

function start(run: typeof execa, [program = '', ...rest]: readonly string[], { stdin, environment, cwd }: RunOptions) {
  return run(program, rest, {
    detached: process.platform !== 'win32',
    reject: false,
    buffer: false,
    extendEnv: process.platform === 'win32', // whose programs do not start without the system's own variables
    env: { PATH: searchPath, HOME: homedir(), LANG: 'C.UTF-8', ...environment },
    ...(stdin === undefined ? { stdin: 'ignore' } : { input: stdin }),
    ...(cwd === undefined ? {} : { cwd }),
  })
}

async function endOrStop(
  ended: Promise<Ended>,
  pid: number | undefined,
  { timeLimitSeconds = defaultLimitSeconds, signal }: RunOptions,
): Promise<'ended' | 'timed out' | 'aborted'> {
  const over = new AbortController()
  const limit = pause(timeLimitSeconds * 1000, 'timed out' as const, { signal: over.signal })
  const abort = new Promise<'aborted'>((settle) => {
    signal?.addEventListener('abort', () => settle('aborted'), { once: true, signal: over.signal })
  })
  const outcome = await Promise.race([ended.then(() => 'ended' as const), limit, abort])
  limit.catch(() => undefined) // ends with our own abort below
  over.abort()
  if (outcome !== 'ended' && pid !== undefined) await stopGroup(pid)
  return outcome
}

async function stopGroup(pid: number): Promise<void> {
  signalGroup(pid, 'SIGTERM')
  for (let waited = 0; waited < graceMilliseconds && signalGroup(pid, 0); waited += 20) await pause(20)
  signalGroup(pid, 'SIGKILL')
}

/** Resolves to whether anybody was there to hear it. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(process.platform === 'win32' ? pid : -pid, signal)
  } catch {
    return false // ESRCH: the group has ended, which is what was wanted
  }
}

function keepTail(stream: NodeJS.ReadableStream, encoding: 'utf8' | 'latin1'): () => string {
  let kept: Buffer[] = []
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    kept.push(chunk)
    bytes += chunk.length
    if (bytes <= 2 * largestOutputBytes) return
    kept = [Buffer.concat(kept).subarray(-largestOutputBytes)]
    bytes = largestOutputBytes
  })
  stream.on('error', () => undefined) // what was read until then is the output
  return () => Buffer.concat(kept).subarray(-largestOutputBytes).toString(encoding)
}

function interrupted(argv: readonly string[], signal: AbortSignal): CertctlError {
  return new CertctlError('aborted', `${argv[0]} was interrupted`, { cause: signal.reason })
}
