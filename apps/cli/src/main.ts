#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { z } from '@certctl/core'
import { processEnvironment } from './config.js'
import type { Io } from './io.js'
import { createOutlet } from './output/outlet.js'
import { runCommandLine } from './run.js'

const stop = new AbortController()
// `on`, not `once`: with nobody listening any more, whoever restores the terminal would end the process by the signal itself.
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.on(name, () => (stop.signal.aborted ? process.exit(130) : stop.abort()))

const [out, error] = [createOutlet(process.stdout), createOutlet(process.stderr)]

process.exitCode = await runCommandLine(processIo(), packageVersion())
// What words could not be written changes nothing: there is nowhere to say it.
await error.settled().catch(() => undefined)
// Sockets that are kept open for a next request must not keep the process.
process.exit()

function processIo(): Io {
  return {
    argv: process.argv.slice(2),
    environment: processEnvironment(),
    homeDirectory: homedir(),
    terminal: {
      stdin: process.stdin.isTTY === true,
      stdout: process.stdout.isTTY === true,
      stderr: process.stderr.isTTY === true,
    },
    progressStream: process.stderr.isTTY === true && process.stderr.columns >= 40 ? process.stderr : undefined,
    signal: stop.signal,
    writeOut: out.write,
    writeError: error.write,
    settled: out.settled,
    readStdin: () => text(process.stdin),
    ask,
    now: () => new Date(),
    delay: async (seconds, signal) => {
      await setTimeout(seconds * 1000, undefined, { signal })
    },
  }
}

async function ask(question: string, { hidden }: { hidden: boolean }): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  process.stderr.write(question)
  const reader = createInterface({ input: process.stdin, output: hidden ? silent : process.stderr, terminal: true })
  reader.once('SIGINT', () => stop.abort())
  try {
    return await reader.question('', { signal: stop.signal })
  } finally {
    reader.close()
    if (hidden) process.stderr.write('\n')
  }
}

function packageVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return z.object({ version: z.string() }).parse(JSON.parse(manifest)).version
}
