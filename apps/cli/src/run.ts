import tab from '@bomb.sh/tab/commander'
import { CertctlError } from '@certctl/core'
import { CommanderError } from 'commander'
import { commandWords } from './command-words.js'
import type { Io } from './io.js'
import { type Failure, failureJson, failureOf, failureText, nextStep } from './output/failure.js'
import { createProgram } from './program.js'

/** Runs one command line and returns its exit code: 0, 130 after Ctrl-C, else that of the failure's code. */
export async function runCommandLine(io: Io, version: string): Promise<number> {
  const program = createProgram({ io, version })
  tab(program, { completionCommandName: 'completion' })
  try {
    await program.parseAsync([...io.argv], { from: 'user' }).catch(whatIsNoHelp)
    await io.settled()
    return 0
  } catch (error) {
    if (io.signal.aborted) return interrupted(io)
    return report(io, error instanceof CommanderError ? usageFailure(error) : failureOf(error))
  }
}

/** Commander ends by an error where it has shown help or the version. */
function whatIsNoHelp(error: unknown): void {
  if (!(error instanceof CommanderError && error.exitCode === 0)) throw error
}

function interrupted(io: Io): number {
  io.writeError('interrupted; what was asked of the server goes on there\n')
  return 130
}

function report(io: Io, failure: Failure): number {
  const next = nextStep(failure, commandWords(io.argv))
  const asJson = /(^| )--(json|format[= ]json)( |$)/.test(io.argv.join(' '))
  io.writeError(`${asJson ? failureJson(failure, next) : failureText(failure, next)}\n`)
  return failure.exitCode
}

/** Commander's sentence, in our words and with our exit code for usage. */
function usageFailure(error: CommanderError): Failure {
  const message =
    error.code === 'commander.help'
      ? 'A command is missing; what there is stands above'
      : error.message.replace(/^error: /, '').replaceAll('\n', ' ')
  return failureOf(new CertctlError('request_malformed', message))
}
