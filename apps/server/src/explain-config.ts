import { isSecret } from '@certctl/core'
import { type Config, type Source, variableOf } from './config.js'
import { type SettingName, settingsSchema } from './config-schema.js'

/** One line per setting: name, effective value, where it came from. Secrets as stars. */
export function explainConfig(config: Config): string {
  const rows = Object.keys(settingsSchema.shape)
    .filter((name): name is SettingName => name !== 'search_path')
    .map((name) => [variableOf(name), shown(config[name]), sourceText(config.sources[name])] as const)
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows
    .map(
      ([name, value, source]) =>
        `${name.padEnd(widths[0] ?? 0)}  ${value.padEnd(Math.min(widths[1] ?? 0, 60))}  ${source}`,
    )
    .join('\n')
}

function shown(value: unknown): string {
  if (value === undefined) return '-'
  if (isSecret(value)) return '********'
  if (Array.isArray(value)) return value.join(',') || '-'
  return String(value)
}

function sourceText(source: Source): string {
  return typeof source === 'string' ? source : `file ${source.file}`
}
