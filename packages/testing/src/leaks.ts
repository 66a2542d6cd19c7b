import { inspect } from 'node:util'
import { jsonSchemaOf, markKey, type z } from '@certctl/core'

/** Pieces of a private key that must not be seen outside of its file: each line of its body, and the body in one. */
export function keyCanaries(privateKeyPem: string): string[] {
  const lines = privateKeyPem.split(/\r?\n/).filter((line) => line.length >= 16 && !line.includes('-----'))
  return [...lines, lines.join('')]
}

/** The values of the fields that the schema marks as secret, as the operator wrote them. */
export function secretCanaries(schema: z.ZodType, config: Readonly<Record<string, unknown>>): string[] {
  const fields = Object.entries(jsonSchemaOf(schema).properties ?? {})
  const names = fields.filter(([, field]) => field[markKey] === 'secret').map(([name]) => name)
  return names.map((name) => config[name]).filter((value): value is string => typeof value === 'string')
}

/** The first canary found in what somebody could read, or `undefined`. Errors are searched with their causes and stacks. */
export function findLeak(shown: unknown, canaries: readonly string[]): string | undefined {
  const text = textsOf(shown, 0).join('\n')
  return canaries.find((canary) => text.includes(canary))
}

function textsOf(value: unknown, depth: number): string[] {
  if (value === undefined || depth > 8) return []
  if (typeof value === 'string') return [value]
  const printed = inspect(value, { depth: 12, maxStringLength: null, maxArrayLength: null, breakLength: Infinity })
  // `inspect` escapes line ends, so keys are searched line by line and errors by their parts too.
  if (!(value instanceof Error)) return [printed]
  const parts = [value.message, value.stack, value.cause, ...Object.values(value)]
  return [printed, ...parts.flatMap((part) => textsOf(part, depth + 1))]
}
