import { CertctlError, parseDuration, z } from '@certctl/core'

/** An option that sets one field; `read` makes the field of what was typed and throws what would be right. */
export interface FieldOption {
  /** As in `--email <address>`; three dots at the end let it be repeated. */
  flags: string
  says: string
  field: string
  read(typed: readonly string[]): unknown
}

interface Words {
  field: string
  says: string
}

/** The text as it is. */
export function textOption(flags: string, words: Words): FieldOption {
  return { flags, ...words, read: ([text]) => text }
}

export function numberOption(flags: string, words: Words): FieldOption {
  const read = ([text = '']: readonly string[]): number => {
    if (/^\d{1,15}$/.test(text)) return Number(text)
    throw wrong(flags, `takes a whole number, not ${JSON.stringify(text)}`)
  }
  return { flags, ...words, read }
}

export function yesNoOption(flags: string, words: Words): FieldOption {
  const read = ([text = '']: readonly string[]): boolean => {
    if (text === 'yes' || text === 'true') return true
    if (text === 'no' || text === 'false') return false
    throw wrong(flags, `takes yes or no, not ${JSON.stringify(text)}`)
  }
  return { flags, ...words, read }
}

/** A field in seconds, typed as `90d`. */
export function durationOption(flags: string, words: Words): FieldOption {
  const read = ([text = '']: readonly string[]): number => {
    const seconds = parseDuration(text)
    if (seconds !== undefined) return seconds
    throw wrong(flags, `takes a duration such as 30s, 5m, 6h or 90d, not ${JSON.stringify(text)}`)
  }
  return { flags, ...words, read }
}

/** Repeated, or with commas between. */
export function listOption(flags: string, { each = (text) => text, ...words }: Words & { each?: Each }): FieldOption {
  return { flags, ...words, read: (typed) => typed.flatMap((text) => text.split(',')).map((text) => each(text.trim())) }
}
type Each = (text: string) => unknown

/** `key=value` pairs; the values of one key are gathered and go through `value`. */
export function mapOption(
  flags: string,
  { value, ...words }: Words & { value: (texts: string[]) => unknown },
): FieldOption {
  const read = (typed: readonly string[]): Record<string, unknown> => {
    const gathered = new Map<string, string[]>()
    for (const pair of typed) {
      const at = pair.indexOf('=')
      if (at < 1) throw wrong(flags, `takes KEY=VALUE, not ${JSON.stringify(pair)}`)
      const [key, text] = [pair.slice(0, at), pair.slice(at + 1)]
      gathered.set(key, [...(gathered.get(key) ?? []), ...text.split(',').map((part) => part.trim())])
    }
    return Object.fromEntries([...gathered].map(([key, texts]) => [key, value(texts)]))
  }
  return { flags, ...words, read }
}

export function wrong(flags: string, message: string): CertctlError {
  return new CertctlError('request_malformed', `${bareFlag(flags)} ${message}`)
}

function bareFlag(flags: string): string {
  return flags.split(' ')[0] ?? flags
}

function keyOf(flags: string): string {
  return bareFlag(flags)
    .slice(2)
    .replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** The help of these options. */
export function helpOf(options: readonly FieldOption[]): Record<string, string> {
  return Object.fromEntries(options.map(({ flags, says }) => [flags, says]))
}

/** What they may be given, for `defineVerb`. */
export function givenOf(options: readonly FieldOption[]) {
  const entries = options.map(
    ({ flags }) => [keyOf(flags), z.union([z.string(), z.array(z.string())]).optional()] as const,
  )
  return Object.fromEntries(entries)
}

/** The fields that were given. */
export function fieldsOf(
  options: readonly FieldOption[],
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const set = options.flatMap(({ flags, field, read }): [string, unknown][] => {
    const typed = given[keyOf(flags)]
    if (typed === undefined) return []
    return [[field, read(Array.isArray(typed) ? typed : [String(typed)])]]
  })
  return Object.fromEntries(set)
}
