import { createHash } from 'node:crypto'
import { Agent } from 'node:https'
import {
  CertctlError,
  type CommandResult,
  type Connection,
  type ConnectOptions,
  type DnsQuestion,
  type Host,
  type HttpClient,
  type RunOptions,
  type TlsMaterial,
} from '@certctl/core'
import { createCapturedLog, type LogLine } from './captured-log.js'
import { createJoinedRuns } from './joined-runs.js'
import { createMemoryFiles, type MemoryFiles } from './memory-files.js'
import { createMemoryState } from './memory-state.js'
import { createTestClock, type TestClock, throwIfAborted } from './test-clock.js'
import { type AnswerHttp, createTestHttp } from './test-http.js'

/** What a fake answers to a command; `output` is standard output. */
export type RunAnswer = Partial<CommandResult> & { exitCode: number; output?: string | undefined }
/** Answers a command from the files as they are now. */
export type AnswerRun = (
  argv: readonly string[],
  files: ReadonlyMap<string, string>,
  options: RunOptions,
) => RunAnswer | Promise<RunAnswer>

/** The world around a test host. What is not answered rejects, as an absent program or an unreachable server would. */
export interface TestHostOptions {
  run?: AnswerRun | undefined
  http?: AnswerHttp | undefined
  connect?: ((to: ConnectOptions) => Connection | Promise<Connection>) | undefined
  startTls?: ((stream: Connection, tls: TlsMaterial) => Connection | Promise<Connection>) | undefined
  resolve?: ((question: DnsQuestion) => readonly string[] | Promise<readonly string[]>) | undefined
  instance?: Host['instance'] | undefined
  /** Where the clock begins; default: the present, since throw-away certificates are valid from it. */
  now?: Date | undefined
}

export interface TestHost extends Host {
  readonly files: MemoryFiles
  readonly clock: TestClock
  readonly logged: readonly LogLine[]
}

/** A machine in memory: files, sealed state, clock and randomness are its own; commands and the network are answered by the world. */
export function createTestHost(world: AnswerRun | TestHostOptions = {}): TestHost {
  const options = typeof world === 'function' ? { run: world } : world
  const clock = createTestClock(options.now ?? new Date())
  const files = createMemoryFiles(clock.now)
  const logged: LogLine[] = []
  return {
    instance: options.instance ?? { id: 'test-instance', publicUrl: 'https://certctl.example.test' },
    files,
    clock,
    logged,
    run: (argv, runOptions = {}) => runIn(options.run, files, argv, runOptions),
    http: (httpOptions): HttpClient => createTestHttp(options.http, httpOptions),
    async connect(to) {
      throwIfAborted(to.signal)
      if (options.connect === undefined) throw nobodyThere('no stream answers in this world')
      return await options.connect(to)
    },
    async startTls(stream, tls) {
      if (options.startTls === undefined) throw nobodyThere('this world does not speak TLS on streams')
      return await options.startTls(stream, tls)
    },
    transport: (tls = {}) => ({
      httpsAgent: new Agent({ ca: tls.caPem }),
      caPem: tls.caPem,
      connectSeconds: 5,
      requestSeconds: 30,
    }),
    async resolve(question) {
      throwIfAborted(question.signal)
      return (await options.resolve?.(question)) ?? []
    },
    state: createMemoryState(clock.now),
    shared: createJoinedRuns(),
    log: createCapturedLog(logged),
    now: clock.now,
    delay: clock.delay,
    random: createTestRandom(),
  }
}

async function runIn(
  answer: AnswerRun | undefined,
  files: MemoryFiles,
  argv: readonly string[],
  options: RunOptions,
): Promise<CommandResult> {
  throwIfAborted(options.signal)
  const found = (await answer?.(argv, files.texts(), options)) ?? { exitCode: 127, stderr: `${argv[0]}: not found` }
  throwIfAborted(options.signal)
  return {
    exitCode: found.exitCode,
    stdout: found.stdout ?? found.output ?? '',
    stderr: found.stderr ?? '',
    timedOut: found.timedOut ?? false,
  }
}

function nobodyThere(why: string): CertctlError {
  return new CertctlError('upstream_unavailable', `Cannot connect: ${why}`)
}

/** The same bytes in every run, different ones in every call. */
function createTestRandom(): (bytes: number) => Uint8Array {
  let calls = 0
  return (bytes) => {
    calls += 1
    const blocks = Array.from({ length: Math.ceil(bytes / 32) }, (_, block) =>
      createHash('sha256').update(`${calls}:${block}`).digest(),
    )
    return new Uint8Array(Buffer.concat(blocks).subarray(0, bytes))
  }
}
