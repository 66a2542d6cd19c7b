import { parseArgs } from 'node:util'
import { type FieldFault, messageOf } from '@certctl/core'

/** Flags that ask for something else than a running agent. */
export const askingFlags = ['help', 'version', 'print-policy-example'] as const
export type AskingFlag = (typeof askingFlags)[number]

interface Flags {
  /** `join` exchanges a token for a key and ends; `run` is what a supervisor starts. */
  command: 'run' | 'join'
  /** By the setting's name. */
  values: Readonly<Record<string, string>>
  asked: readonly AskingFlag[]
  faults: readonly FieldFault[]
}

/** Which setting each flag writes, and the one that the word behind `join` writes. */
interface Known {
  flags: Readonly<Record<string, string>>
  token: string
}

/** Reads `[run | join [TOKEN]]` and flags: `--name value`, `--name=value` and, as the old agent took them, `-name value`. */
export function parseFlags(argv: readonly string[], known: Known): Flags {
  try {
    const { values, positionals } = parseArgs({
      args: argv.map(modernWord),
      options: optionsOf(Object.keys(known.flags)),
      allowPositionals: true,
    })
    const { command, token } = commandOf(positionals)
    const fromFlags = settingsOf(values, known.flags)
    return {
      command,
      values: token === undefined ? fromFlags : { ...fromFlags, [known.token]: token },
      asked: askingFlags.filter((name) => Object.entries(values).some(([flag, on]) => flag === name && on === true)),
      faults: [],
    }
  } catch (error) {
    const fault = { field: 'flags', message: `${messageOf(error)} (see --help)` }
    return { command: 'run', values: {}, asked: [], faults: [fault] }
  }
}

/** The old agent's single dashes, and the value it took for its one switch. */
function modernWord(word: string): string {
  const dashed = /^-[a-z][a-z-]+(=|$)/.test(word) ? `-${word}` : word
  return dashed.replace(/^(--insecure-skip-verify)=(1|t|true|yes|on)$/, '$1')
}

function optionsOf(names: readonly string[]) {
  const strings = names.filter((name) => !isSwitch(name)).map((name) => [name, { type: 'string' as const }])
  const switches = [...names.filter(isSwitch), ...askingFlags].map((name) => [name, { type: 'boolean' as const }])
  return Object.fromEntries([...strings, ...switches])
}

function isSwitch(name: string): boolean {
  return name === 'insecure-skip-verify'
}

function commandOf([command = 'run', token, ...more]: readonly string[]): {
  command: Flags['command']
  token?: string
} {
  if (command === 'join' && more.length === 0) return token === undefined ? { command } : { command, token }
  if (command === 'run' && token === undefined) return { command }
  // A token without the word before it must not be quoted: it is a secret.
  throw new RangeError(command.startsWith('ccj_') ? 'Write "join" before the token' : `Unknown command "${command}"`)
}

function settingsOf(
  values: Readonly<Record<string, unknown>>,
  settingOf: Readonly<Record<string, string>>,
): Record<string, string> {
  const given = Object.entries(settingOf).filter(([flag]) => values[flag] !== undefined)
  return Object.fromEntries(given.map(([flag, setting]) => [setting, String(values[flag])]))
}
