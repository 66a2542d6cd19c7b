import type { JsonValue } from '@certctl/core'
import { type Config, type ConfigSchema, isObject, mapMarked } from '../../connectors/marked-schema.js'

/**
 * The commands a target's configuration makes its agent run, as people read them: those at places that the type's schema marks, with its
 * defaults, and whatever is named like one. Nobody is to agree to a command that was not shown.
 */
export function commandsOfTarget(schema: ConfigSchema | undefined, config: Config): string[] {
  const whole: Config = { ...defaultsOf(schema), ...config }
  const found = Object.entries(whole).flatMap(([name, value]) => (name.endsWith('_command') ? lineOf(value) : []))
  if (schema !== undefined)
    mapMarked({ schema, mark: 'command' }, whole, (value) => {
      found.push(...lineOf(value))
      return value
    })
  return [...new Set(found)]
}

function defaultsOf(schema: ConfigSchema | undefined): Config {
  const properties = schema?.properties
  if (!isObject(properties)) return {}
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, field]) =>
      isObject(field) && field.default !== undefined ? [[name, field.default]] : [],
    ),
  )
}

/** As a shell would read it, so that words with spaces are seen as one. */
function lineOf(value: JsonValue | undefined): string[] {
  if (typeof value === 'string') return value.trim() === '' ? [] : [value.trim()]
  if (!Array.isArray(value)) return []
  const words = value.filter((word): word is string => typeof word === 'string')
  return words.length === 0 ? [] : [words.map(quoted).join(' ')]
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
