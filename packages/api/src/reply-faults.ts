import type { z } from 'zod'

/** What is wrong with an answer by its schema: faults, and fields the schema does not know. Empty: nothing. */
export function replyFaults(schema: z.ZodType, body: unknown): string[] {
  const parsed = schema.safeParse(body)
  if (!parsed.success)
    return parsed.error.issues.map((issue) => `${issue.path.join('.') || '(whole)'}: ${issue.message}`)
  return unknownFields(body, parsed.data, [])
}

/** Schemas of answers drop what they do not know, so what is missing from the parsed form was unknown. */
function unknownFields(given: unknown, known: unknown, path: readonly (string | number)[]): string[] {
  if (Array.isArray(given) && Array.isArray(known))
    return given.flatMap((item: unknown, index) => unknownFields(item, known[index], [...path, index]))
  if (!isObject(given) || !isObject(known) || given === known) return []
  return Object.entries(given).flatMap(([name, value]) => {
    if (value === undefined) return []
    if (!(name in known)) return [`${[...path, name].join('.')}: is not a known field`]
    return unknownFields(value, known[name], [...path, name])
  })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
