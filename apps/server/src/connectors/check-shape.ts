import { CertctlError, faultsOf, type JsonValue, z } from '@certctl/core'
import type { Config, ConfigSchema } from './marked-schema.js'

/** Words that only the connector itself judges: an expression from outside could take for ever on a text from outside. */
const leftOut = new Set(['pattern', 'patternProperties', 'format', '$schema', '$id', 'default'])

/**
 * Whether a configuration has the shape its JSON Schema asks for; throws `config_invalid` with every faulty field. The connector
 * has the last word: a schema that cannot be read here accepts everything.
 */
export function checkShape(schema: ConfigSchema, config: Config, what: string): void {
  const checker = checkerOf(schema)
  const checked = checker?.safeParse(config)
  if (checked === undefined || checked.success) return
  const errors = faultsOf(checked.error).map(({ field, message }) => ({ field: `config.${field}`, message }))
  const sentence = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
  throw new CertctlError('config_invalid', `${what}: ${sentence}`, { errors })
}

function checkerOf(schema: ConfigSchema): z.ZodType | undefined {
  try {
    return z.fromJSONSchema(simplified(schema as JsonValue) as Parameters<typeof z.fromJSONSchema>[0])
  } catch {
    return undefined // Words this reader does not know: the agent will say what is wrong.
  }
}

function simplified(value: JsonValue | undefined, inProperties = false): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => simplified(item))
  if (typeof value !== 'object' || value === null) return value ?? null
  const entries = Object.entries(value).filter(([word]) => inProperties || !leftOut.has(word))
  return Object.fromEntries(entries.map(([word, part]) => [word, simplified(part, isFieldTable(word, inProperties))]))
}

/** Under `properties` the keys are names of fields, not words of the schema language. */
function isFieldTable(word: string, inProperties: boolean): boolean {
  return !inProperties && (word === 'properties' || word === '$defs')
}
