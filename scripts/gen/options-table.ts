import type { JsonValue } from '@certctl/core'
import type { Field } from './connectors.js'

const marks: Readonly<Record<string, string>> = {
  secret: 'secret',
  file: 'file to write',
  command: 'command',
  duration: 'duration',
  directory: 'path',
  script: 'path',
}

/** A Markdown table of the fields of a configuration. `variables` are the environment's names by field; without any the column is left out. */
export function optionsTable(schema: Field, variables: ReadonlyMap<string, readonly string[]> = new Map()): string[] {
  const fields = Object.entries(schema.properties ?? {})
  if (fields.length === 0) return ['It has no options.']
  const withEnvironment = variables.size > 0
  const rows = fields.map(([name, field]) => [
    `\`${name}\``,
    typeText(field),
    defaultText(field, schema.required?.includes(name) ?? false),
    ...(withEnvironment ? [environmentText(field, variables.get(name) ?? [])] : []),
    cell(field.description ?? ''),
  ])
  const head = ['Field', 'Type', 'Default', ...(withEnvironment ? ['Environment'] : []), 'Meaning']
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
}

export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s+/g, ' ')
}

function typeText(field: Field): string {
  const mark = field['x-certctl']
  if (mark !== undefined) return marks[mark] ?? mark
  if (field.enum !== undefined) return field.enum.map((value) => `\`${value}\``).join(', ')
  if (field.anyOf !== undefined) return [...new Set(field.anyOf.map(typeText))].join(' or ')
  if (field.type === 'array') return `list of ${field.items === undefined ? 'anything' : typeText(field.items)}`
  if (field.type === 'integer' || field.type === 'number') return `${field.type}${rangeText(field)}`
  if (field.type === 'string') return 'text'
  return field.type ?? 'anything'
}

function rangeText({ minimum, maximum }: Field): string {
  // Bounds of the representation are no bounds of the field.
  const bounds = [minimum, maximum].map((bound) =>
    Math.abs(bound ?? Number.MAX_VALUE) >= 2 ** 53 - 1 ? undefined : bound,
  )
  const [low, high] = bounds
  if (low === undefined && high === undefined) return ''
  if (high === undefined) return `, at least ${low}`
  return low === undefined ? `, at most ${high}` : `, ${low} to ${high}`
}

function defaultText(field: Field, required: boolean): string {
  if (required) return '**required**'
  return field.default === undefined ? '' : `\`${cell(valueText(field.default))}\``
}

function valueText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function environmentText(field: Field, names: readonly string[]): string {
  const forms = field['x-certctl'] === 'secret' ? names.flatMap((name) => [name, `${name}_FILE`]) : names
  return forms.map((name) => `\`${name}\``).join(', ')
}
