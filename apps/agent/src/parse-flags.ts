import { parseArgs } from 'node:util'
import { type FieldFault, messageOf } from '@certctl/core'

/** Flags that ask for something else than a running agent. */
export const askingFlags = ['help', 'version', 'print-policy-example'] as const
export type AskingFlag = (typeof askingFlags)[number]

interface Flags {
  /** By the setting's name. */
  values: Readonly<Record<string, string>>
  asked: readonly AskingFlag[]
  faults: readonly FieldFault[]
}

/** Reads `--name value`, `--name=value` and, as the old agent took them, `-name value`. */
export function parseFlags(argv: readonly string[], settingOf: Readonly<Record<string, string>>): Flags {
  const dashed = argv.map((word) => (/^-[a-z][a-z-]+(=|$)/.test(word) ? `-${word}` : word))
  const names = Object.keys(settingOf)
  const strings = names.filter((name) => !isSwitch(name)).map((name) => [name, { type: 'string' as const }])
  const switches = [...names.filter(isSwitch), ...askingFlags].map((name) => [name, { type: 'boolean' as const }])
  try {
    const args = dashed.map((word) => word.replace(/^(--insecure-skip-verify)=(1|t|true|yes|on)$/, '$1'))
    const { values } = parseArgs({
      args,
      options: Object.fromEntries([...strings, ...switches]),
      allowPositionals: false,
    })
    return {
      values: settingsOf(values, settingOf),
      asked: askingFlags.filter((name) => Object.entries(values).some(([flag, on]) => flag === name && on === true)),
      faults: [],
    }
  } catch (error) {
    return { values: {}, asked: [], faults: [{ field: 'flags', message: `${messageOf(error)} (see --help)` }] }
  }
}

function isSwitch(name: string): boolean {
  return name === 'insecure-skip-verify'
}

function settingsOf(
  values: Readonly<Record<string, unknown>>,
  settingOf: Readonly<Record<string, string>>,
): Record<string, string> {
  const given = Object.entries(settingOf).filter(([flag]) => values[flag] !== undefined)
  return Object.fromEntries(given.map(([flag, setting]) => [setting, String(values[flag])]))
}
