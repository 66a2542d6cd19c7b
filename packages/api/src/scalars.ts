import { z } from 'zod'

/** Ids become names on disk and in paths, so they are held to what both can carry. */
export const idSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'must start with a letter or digit and have at most 64 of A-Z a-z 0-9 . _ -',
  )

/** RFC 3339. */
export const timeSchema = z.iso.datetime({ offset: true, error: 'must be a time such as 2026-01-31T12:00:00Z' })

/** SHA-256 in lower-case hex. */
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')

/** As an operator writes it; kept as given. */
export const nameSchema = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(128, 'must not be longer than 128 characters')

export const textSchema = z.string().max(4096, 'must not be longer than 4,096 characters')

/** PEM of at most a mebibyte; what is inside is judged elsewhere. */
export const pemSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(1_048_576, 'must not be longer than 1 MiB')
  .refine((pem) => !pem.includes('PRIVATE KEY-----'), 'holds a private key: send none, and take this one as disclosed')

/** A whole number in a query; the message names the bounds. */
export function wholeNumber(min: number, max: number) {
  const error = `must be a whole number between ${min} and ${max}`
  return z.coerce.number<number | string>({ error }).int(error).min(min, error).max(max, error)
}

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  yes: true,
  false: false,
  '0': false,
  no: false,
}

/** A yes or no in a query. */
export function flag() {
  return z.union([z.boolean(), z.string()]).transform((value, context) => {
    const known = typeof value === 'boolean' ? value : truths[value.toLowerCase()]
    if (known !== undefined) return known
    context.addIssue({ code: 'custom', message: 'must be true or false' })
    return z.NEVER
  })
}

/** Several ids or words in one query parameter, commas between them. */
export function commaList(maxItems = 500) {
  return z.string().transform((value, context) => {
    const items = value.split(',').map((item) => item.trim())
    const kept = items.filter((item) => item !== '')
    if (kept.length <= maxItems) return kept
    context.addIssue({ code: 'custom', message: `must not name more than ${maxItems}` })
    return z.NEVER
  })
}

/** Free-form JSON that the contract does not look into. */
export const jsonObjectSchema = z.record(z.string(), z.unknown())

/** Why something is as it is: a code of the error table and a sentence. */
export const causeSchema = z.object({ code: z.string(), message: z.string() }).meta({ id: 'Cause' })

/** An answer without a body. */
export const emptySchema = z.undefined()

/** Under this key a text answer's schema says its media type. */
export const mediaTypeKey = 'x-media-type'

/** An answer that is text of another kind than JSON, whole or in pieces. */
export function textBody(mediaType: string) {
  return z
    .custom<string | AsyncIterable<string>>(
      (value) => typeof value === 'string' || isAsyncIterable(value),
      'must be text',
    )
    .meta({ [mediaTypeKey]: mediaType })
}

export function isAsyncIterable(value: unknown): value is AsyncIterable<string> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

export const idParams = z.strictObject({ id: idSchema })
