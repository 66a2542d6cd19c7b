import type { Io } from '../src/io.js'
import { runCommandLine } from '../src/run.js'

export interface Run {
  exitCode: number
  stdout: string
  stderr: string
  /** Both, line by line in the order they were written; lines of stderr begin with `! `. */
  lines: string[]
}

export interface RunOptions {
  environment: Readonly<Record<string, string | undefined>>
  home: string
  clock: { now: number }
  stdin?: string | undefined
  /** What a person types, question by question; present: there is a terminal. */
  answers?: readonly string[] | undefined
  signal?: AbortSignal | undefined
  onDelay?: (() => void) | undefined
}

/** One command line in this process, with a clock that only waiting moves. */
export async function runInTerminal(argv: readonly string[], options: RunOptions): Promise<Run> {
  const written: { stream: 'out' | 'error'; text: string }[] = []
  const answers = [...(options.answers ?? [])]
  const isTerminal = options.answers !== undefined
  const io: Io = {
    argv,
    environment: options.environment,
    homeDirectory: options.home,
    terminal: { stdin: isTerminal, stdout: isTerminal, stderr: isTerminal },
    signal: options.signal ?? new AbortController().signal,
    writeOut: (text) => void written.push({ stream: 'out', text }),
    writeError: (text) => void written.push({ stream: 'error', text }),
    settled: async () => undefined,
    readStdin: async () => options.stdin ?? '',
    ask: async (question) => {
      const answer = answers.shift()
      if (answer === undefined) throw new Error(`nobody answers: ${question}`)
      written.push({ stream: 'error', text: `${question}\n` })
      return answer
    },
    now: () => new Date(options.clock.now),
    delay: async (seconds, signal) => {
      options.onDelay?.()
      signal.throwIfAborted()
      options.clock.now += seconds * 1000
    },
  }
  const exitCode = await runCommandLine(io, '0.1.0')
  const textOf = (stream: string) =>
    written
      .filter((one) => one.stream === stream)
      .map(({ text }) => text)
      .join('')
  const lines = written.flatMap(({ stream, text }) =>
    text
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => (stream === 'error' ? `! ${line}`.trimEnd() : line)),
  )
  return { exitCode, stdout: textOf('out'), stderr: textOf('error'), lines }
}

/** A command as a person types it: words, with single and double quotes. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'),
  )
}
