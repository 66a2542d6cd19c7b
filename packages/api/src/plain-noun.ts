import { z } from 'zod'
import { listQuery } from './page.js'
import { idSchema, nameSchema, timeSchema } from './scalars.js'

/** What every plain noun shows beside its own fields. */
export const nounShape = { id: z.string(), name: z.string(), created_at: timeSchema, updated_at: timeSchema }

/** What clients send back from what they read, though nobody can set it. */
export const nounReadOnly = ['created_at', 'updated_at']

/** Their lists have pages and no filters. */
export const nounQuery = listQuery({})

type Nullish<S extends z.ZodRawShape> = { [K in keyof S]: z.ZodOptional<z.ZodNullable<S[K]>> }

/** Each field may be left out; null stands for its default. */
export function nullish<S extends z.ZodRawShape>(fields: S): Nullish<S> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, (field as z.ZodType).nullish()]),
  ) as unknown as Nullish<S>
}

export const newNounShape = {
  id: idSchema.optional().describe('Made by the server where not given.'),
  name: nameSchema.describe('No other one has it, whatever its case.'),
}

export const changedNounShape = { name: nameSchema.optional() }

/** A whole number in a body; the message names the bounds. */
export function bounded(min: number, max: number) {
  const error = `must be a whole number between ${min} and ${max}`
  return z.number({ error }).int(error).min(min, error).max(max, error)
}

/** One of these words; the message names them. */
export function oneOf<const W extends readonly [string, ...string[]]>(words: W) {
  return z.enum(words, { error: `must be one of ${words.filter((word) => word !== '').join(', ')}` })
}

/** A list without twins. */
export function listOf<S extends z.ZodType>(item: S, most: number) {
  return z
    .array(item)
    .max(most, `must not have more than ${most}`)
    .refine((items) => new Set(items.map((one) => JSON.stringify(one))).size === items.length, {
      message: 'must not name anything twice',
    })
}
