import type { JsonValue } from '@certctl/core'
import { type Config, type ConfigSchema, isObject, mapMarked } from '../connectors/marked-schema.js'

/**
 * The commands a target's configuration makes its agent run, as people read them: those at places that the type's schema marks, with its
 * defaults, or, of a type nobody described, what is named like one.
 */
export function commandsOfTarget(schema: ConfigSchema | undefined, config: Config): string[] {
  if (schema === undefined)
    return Object.entries(config).flatMap(([name, value]) => (name.endsWith('_command') ? lineOf(value) : []))
  const found: string[] = []
  mapMarked({ schema, mark: 'command' }, { ...defaultsOf(schema), ...config }, (value) => {
    found.push(...lineOf(value))
    return value
  })
  return found
}

function defaultsOf(schema: ConfigSchema): Config {
  const { properties } = schema
  if (!isObject(properties)) return {}
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, field]) =>
      isObject(field) && field.default !== undefined ? [[name, field.default]] : [],
    ),
  )
}

function lineOf(value: JsonValue | undefined): string[] {
  if (typeof value === 'string') return value.trim() === '' ? [] : [value.trim()]
  if (!Array.isArray(value)) return []
  const words = value.filter((word): word is string => typeof word === 'string')
  return words.length === 0 ? [] : [words.map(quoted).join(' ')]
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
