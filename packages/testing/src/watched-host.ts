import {
  CertctlError,
  type CommandResult,
  type FileSystem,
  type Host,
  type HttpOptions,
  isSecret,
  type StateStore,
} from '@certctl/core'
import { createCapturedLog, type LogLine } from './captured-log.js'
import { createJoinedRuns } from './joined-runs.js'
import { processDied } from './process-died.js'
import { type HttpAnswer, responseOf } from './test-http.js'

export type StepKind =
  | 'read'
  | 'replace'
  | 'remove'
  | 'run'
  | 'http'
  | 'connect'
  | 'resolve'
  | 'state-read'
  | 'state-write'
  | 'confirm'
  | 'challenge'
  | 'dns'
/** One thing a connector did to or asked of the outside world. */
export interface Step {
  kind: StepKind
  /** Path, argument vector, method and path: never content. */
  detail: string
  /** Whether it may have changed the outside world. */
  changes: boolean
}

/** What becomes of a step: it does not happen; it happens and the answer is lost; it is refused; the process dies before it; it hangs until the caller's signal fires. */
export type FaultMode = 'did not happen' | 'answer lost' | 'refused' | 'died' | 'hangs'
export interface Fault {
  /** From 1. */
  step: number
  mode: FaultMode
}

export interface WatchOptions {
  fault?: Fault | undefined
  /** Answers every HTTP request from the `from`-th on (counted from 1) in place of the world. */
  http?: { from: number; answer: HttpAnswer | 'unreachable' } | undefined
  /** The host whose `shared` is used, for two connectors of one process; default: a process of its own. */
  shared?: Host | undefined
  /** Called when a step hangs, so that the test can fire the signal. */
  onHang?: (() => void) | undefined
}

/** What the watch saw. */
export interface Watch {
  readonly steps: readonly Step[]
  readonly logged: readonly LogLine[]
  /** Everything a command was given that others may read: its argument vector and environment. */
  readonly commands: readonly string[]
  /** Files that were written with something secret in them, with the mode each had right after. */
  readonly secretFiles: readonly { path: string; mode: number }[]
  readonly clockReads: number
  readonly waitedSeconds: number
  /** Whether the fault's step was reached. */
  readonly reached: boolean
  /** Steps that may take long and were not handed a signal. */
  readonly unsignalled: readonly string[]
}

export interface StepPlan<T> {
  kind: StepKind
  detail: string
  changes: boolean
  signal?: AbortSignal | undefined
  act: () => Promise<T>
  refuse: () => T
  /** Ends what came back when nobody is told of it. */
  lose?: ((result: T) => void) | undefined
}
/** Performs a step under the watch's fault. */
export type PerformStep = <T>(plan: StepPlan<T>) => Promise<T>

export interface WatchedHost {
  host: Host
  watch: Watch
  perform: PerformStep
}

interface MutableWatch {
  steps: Step[]
  logged: LogLine[]
  commands: string[]
  secretFiles: { path: string; mode: number }[]
  clockReads: number
  waitedSeconds: number
  reached: boolean
  unsignalled: string[]
  requests: number
}

/** A process of its own over the same world: counts and records every step, and makes one of them fail as told. */
export function watchHost(base: Host, options: WatchOptions = {}): WatchedHost {
  const watch = emptyWatch()
  const perform = createPerformer(watch, options)
  const keptLog = createCapturedLog(watch.logged)
  const host: Host = {
    instance: base.instance,
    files: watchedFiles(base.files, watch, perform),
    run: (argv, runOptions = {}) => {
      watch.commands.push([...argv, ...Object.values(runOptions.environment ?? {})].join('\n'))
      const act = () => base.run(argv, runOptions)
      return perform({
        kind: 'run',
        detail: argv.join(' '),
        changes: true,
        signal: runOptions.signal,
        act,
        refuse: refusedRun,
      })
    },
    http: (httpOptions) => watchedHttp({ base, httpOptions, watch, perform, answered: options.http }),
    connect: (to) => {
      const detail = 'unixSocket' in to ? to.unixSocket : `${to.host}:${to.port}`
      const refuse = () => refusedBy('upstream_unavailable', `${detail} refused the connection`)
      const plan = { kind: 'connect', detail, changes: true, signal: to.signal, refuse } as const
      return perform({ ...plan, act: () => base.connect(to), lose: (connection) => void connection.destroy() })
    },
    startTls: (stream, tls) => base.startTls(stream, tls),
    transport: (tls) => base.transport(tls),
    resolve: (question) => {
      const refuse = () => refusedBy('upstream_unavailable', `The name server refused ${question.name}`)
      const plan = { kind: 'resolve', detail: question.name, changes: false, signal: question.signal } as const
      return perform({ ...plan, act: () => base.resolve(question), refuse })
    },
    state: watchedState(base.state, perform),
    shared: options.shared?.shared ?? createJoinedRuns(),
    log: {
      debug: (...line) => both(keptLog.debug, base.log.debug, line),
      info: (...line) => both(keptLog.info, base.log.info, line),
      warn: (...line) => both(keptLog.warn, base.log.warn, line),
    },
    now: () => {
      watch.clockReads += 1
      return base.now()
    },
    delay: (seconds, signal) => {
      if (watch.reached && options.fault?.mode === 'died') return Promise.reject(processDied())
      watch.waitedSeconds += seconds
      // Time is moved, not spent: a call that waits for what never comes would never end.
      if (watch.waitedSeconds > longestWaitSeconds) return Promise.reject(new Error('The call waits for ever'))
      return base.delay(seconds, signal)
    },
    random: (bytes) => base.random(bytes),
  }
  return { host, watch, perform }
}

function both<Line extends unknown[]>(
  first: (...line: Line) => void,
  second: (...line: Line) => void,
  line: Line,
): void {
  first(...line)
  second(...line)
}

function emptyWatch(): MutableWatch {
  return {
    steps: [],
    logged: [],
    commands: [],
    secretFiles: [],
    clockReads: 0,
    waitedSeconds: 0,
    reached: false,
    unsignalled: [],
    requests: 0,
  }
}

/** More than any call may wait for. */
const longestWaitSeconds = 86_400

const long: readonly StepKind[] = ['run', 'http', 'connect', 'confirm']

function createPerformer(watch: MutableWatch, { fault, onHang }: WatchOptions): PerformStep {
  let dead = false

  const hang = async <T>({ kind, detail, signal, act }: StepPlan<T>): Promise<T> => {
    if (!long.includes(kind)) return await act()
    if (signal === undefined) watch.unsignalled.push(`${kind} ${detail}`)
    onHang?.()
    throw new CertctlError('aborted', `${kind} ${detail} was interrupted`)
  }

  const meet = async <T>(plan: StepPlan<T>, mode: FaultMode): Promise<T> => {
    watch.reached = true
    if (mode === 'died') dead = true
    if (dead) throw processDied()
    if (mode === 'hangs') return await hang(plan)
    if (mode === 'refused') return plan.refuse()
    if (mode === 'answer lost') {
      const lost = await plan.act()
      plan.lose?.(lost)
    }
    throw new CertctlError(codeOf(plan.kind), `${plan.kind} ${plan.detail}: ${mode} (a fault of the test)`)
  }

  return async (plan) => {
    if (dead) throw processDied()
    watch.steps.push({ kind: plan.kind, detail: plan.detail, changes: plan.changes })
    if (fault !== undefined && watch.steps.length === fault.step) return await meet(plan, fault.mode)
    const result = await plan.act()
    if (dead) throw processDied()
    return result
  }
}

function codeOf(kind: StepKind): 'deploy_failed' | 'upstream_unavailable' {
  return ['read', 'replace', 'remove', 'run', 'confirm'].includes(kind) ? 'deploy_failed' : 'upstream_unavailable'
}

function refusedBy(code: 'deploy_failed' | 'upstream_unavailable' | 'conflict', message: string): never {
  throw new CertctlError(code, message)
}

function refusedRun(): CommandResult {
  return { exitCode: 1, stdout: '', stderr: 'refused (a fault of the test)', timedOut: false }
}

function watchedFiles(files: FileSystem, watch: MutableWatch, perform: PerformStep): FileSystem {
  const reading = <T>(path: string, act: () => Promise<T>): Promise<T> =>
    perform({
      kind: 'read',
      detail: path,
      changes: false,
      act,
      refuse: () => refusedBy('deploy_failed', `${path}: permission denied`),
    })
  return {
    read: (path, options) => reading(path, () => files.read(path, options)),
    stat: (path) => reading(path, () => files.stat(path)),
    list: (path) => reading(path, () => files.list(path)),
    replace: (path, content, options) => {
      const act = async () => {
        await files.replace(path, content, options)
        if (options.secret !== true && !holdsKey(content)) return
        watch.secretFiles.push({ path, mode: (await files.stat(path))?.mode ?? 0 })
      }
      const refuse = () => refusedBy('deploy_failed', `${path}: no space left on device`)
      return perform({ kind: 'replace', detail: path, changes: true, act, refuse })
    },
    remove: (path) => {
      const refuse = () => refusedBy('deploy_failed', `${path}: operation not permitted`)
      return perform({ kind: 'remove', detail: path, changes: true, act: () => files.remove(path), refuse })
    },
  }
}

function holdsKey(content: string | Uint8Array): boolean {
  return Buffer.from(content).toString('latin1').includes('PRIVATE KEY-----')
}

interface HttpWatch {
  base: Host
  httpOptions: HttpOptions
  watch: MutableWatch
  perform: PerformStep
  answered: WatchOptions['http']
}

function watchedHttp({ base, httpOptions, watch, perform, answered }: HttpWatch): ReturnType<Host['http']> {
  const client = base.http(httpOptions)
  return {
    request: (request) => {
      watch.requests += 1
      const replaced = answered !== undefined && watch.requests >= answered.from
      const act = async () => {
        if (!replaced) return await client.request(request)
        if (answered.answer !== 'unreachable') return responseOf(answered.answer)
        throw new CertctlError('upstream_unavailable', 'The other side cannot be reached (a fault of the test)')
      }
      const path = isSecret(request.path) ? '[secret]' : request.path
      const refuse = () => responseOf({ status: 403, json: { detail: 'refused (a fault of the test)' } })
      const plan = { kind: 'http', detail: `${request.method} ${path}`, changes: request.method !== 'GET' } as const
      return perform({ ...plan, signal: request.signal, act, refuse })
    },
  }
}

function watchedState(state: StateStore, perform: PerformStep): StateStore {
  const reading = <T>(key: string, act: () => Promise<T>): Promise<T> =>
    perform({
      kind: 'state-read',
      detail: key,
      changes: false,
      act,
      refuse: () => refusedBy('upstream_unavailable', `State "${key}" cannot be read`),
    })
  const writing = <T>(key: string, act: () => Promise<T>): Promise<T> =>
    perform({
      kind: 'state-write',
      detail: key,
      changes: true,
      act,
      refuse: () => refusedBy('conflict', `State "${key}" was changed by somebody else`),
    })
  return {
    get: (key) => reading(key, () => state.get(key)),
    put: (key, value, options) => writing(key, () => state.put(key, value, options)),
    delete: (key) => writing(key, () => state.delete(key)),
    list: (prefix) => state.list(prefix),
  }
}
