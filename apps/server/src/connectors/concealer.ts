import { CertctlError, isCertctlError, isSecret, type JsonValue, messageOf } from '@certctl/core'
import { maskSecrets } from '@certctl/kit'
import { type Config, type ConfigSchema, hidesSecrets, mapMarked, mask } from './marked-schema.js'

/** Takes an instance's secrets out of whatever its connector says. */
export interface Concealer {
  text(text: string): string
  /** Every text inside of plain data. */
  fields(fields: Readonly<Record<string, unknown>>): Record<string, unknown>
  /** The same error where nothing in it was secret; otherwise one with the same code and delay. */
  error(error: unknown): unknown
}

const deepest = 8
/** Shorter lines of a key say nothing, and would be found in texts that have nothing to do with it. */
const shortestLine = 16

/** Knows the secrets of a configuration by its schema's marks: as they are, and as addresses and JSON carry them. */
export function createConcealer(schema: ConfigSchema, config: Config): Concealer {
  const forms = secretsOf(schema, config).flatMap(formsOf)
  // Longest first: one secret may be part of another.
  const known = [...new Set(forms)].filter((form) => form !== '').toSorted((one, other) => other.length - one.length)
  const text = (said: string) => known.reduce((masked, form) => masked.replaceAll(form, mask), maskSecrets(said))
  return {
    text,
    fields: (fields) =>
      Object.fromEntries(Object.entries(fields).map(([name, value]) => [text(name), concealed(value, text, 0)])),
    error: (error) => concealedError(error, text),
  }
}

function secretsOf(schema: ConfigSchema, config: Config): string[] {
  if (hidesSecrets(schema)) return Object.values(config).flatMap(textsIn)
  const found: string[] = []
  mapMarked({ schema, mark: 'secret' }, config, (value) => {
    found.push(...textsIn(value))
    return value
  })
  return found
}

function textsIn(value: JsonValue | undefined): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsIn)
}

function formsOf(secret: string): string[] {
  const bare = secret.trim()
  const lines = bare.split(/\r?\n/)
  const long =
    lines.length === 1 ? [] : lines.filter((line) => line.length >= shortestLine && !line.startsWith('-----'))
  return [secret, bare, ...long, new URLSearchParams({ bare }).toString().slice(5), JSON.stringify(bare).slice(1, -1)]
}

function concealed(value: unknown, text: Concealer['text'], depth: number): unknown {
  if (typeof value === 'string') return text(value)
  if (typeof value !== 'object' || value === null || isSecret(value) || value instanceof Date) return value
  if (depth === deepest) return '[deeper]'
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof Error) return text(messageOf(value))
  if (value instanceof URL) return text(value.href)
  if (Array.isArray(value)) return value.map((item: unknown) => concealed(item, text, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [text(name), concealed(item, text, depth + 1)]))
}

function concealedError(error: unknown, text: Concealer['text'], depth = 0): unknown {
  const message = text(messageOf(error))
  const before = error instanceof Error ? error.cause : undefined
  const cause = before === undefined || depth === deepest ? undefined : concealedError(before, text, depth + 1)
  const isSame = message === messageOf(error) && cause === before
  if (!isCertctlError(error)) return isSame ? error : new Error(message, { cause })
  const { code, retryAfterSeconds, isNarrow } = error
  const errors = error.errors?.map((fault) => ({ ...fault, message: text(fault.message) }))
  const areSame = (errors ?? []).every((fault, at) => fault.message === error.errors?.[at]?.message)
  return isSame && areSame ? error : new CertctlError(code, message, { cause, retryAfterSeconds, isNarrow, errors })
}
