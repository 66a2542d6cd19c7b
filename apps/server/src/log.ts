import { isSecret } from '@certctl/core'
import { type Bindings, type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino'

export interface LogOptions {
  level: string
  /** Standard output where absent. */
  to?: DestinationStream | undefined
}

/** One JSON object a line. Nothing that is a secret gets through, whoever logs it: secret values, fields named like secrets, and texts that look like them. */
export function createLogger({ level, to = destination({ fd: 1, sync: true }) }: LogOptions): Logger {
  const log = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      serializers: { err: (error: unknown) => error },
      formatters: {
        level: (label) => ({ level: label }),
        log: filtered,
      },
    },
    { write: (line: string) => void to.write(scrub(line)) },
  )
  return guarded(log)
}

/** Formatters see what a line is logged with, not what a child logger was made with. */
function guarded(log: Logger): Logger {
  const child = log.child.bind(log)
  return Object.assign(log, { child: (bindings: Bindings) => guarded(child(filtered(bindings))) })
}

const printed = '[secret]'
const deepest = 8
const secretNames =
  /pass(word|phrase|wd)|secret|token|api_?key|private_?key|authorization|cookie|credential|hmac|routing_?key|encryption_?key/i
/** Names that only sound like it. */
const harmlessNames = /^(token_?id|key_?id|secret_?name|public_?key|key_algorithm)$/i

function filtered(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, shown(name, value, 1)]))
}

function shown(name: string, value: unknown, depth: number): unknown {
  if (isSecret(value) || (isNamedSecret(name) && value !== undefined && value !== null)) return printed
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return value
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth > deepest) return '[deeper]'
  if (value instanceof Error) return shownError(value, depth)
  if (Array.isArray(value)) return value.map((item: unknown) => shown('', item, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shown(key, inner, depth + 1)]))
}

function isNamedSecret(name: string): boolean {
  return secretNames.test(name) && !harmlessNames.test(name)
}

/** Own fields of a foreign error may hold a request with its headers: only what is known is shown. */
function shownError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  return { name, message, ...code, stack, ...(cause === undefined ? {} : { cause: shown('', cause, depth + 1) }) }
}

const scrubs: readonly (readonly [RegExp, string])[] = [
  // In a line of JSON the line ends of a PEM block are written as \n.
  [/-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(-----END \1-----|(?="))/g, '[private key]'],
  [/\b(Bearer|Basic) +[A-Za-z0-9._~+/=-]+/g, `$1 ${printed}`],
  [/\bcc[kaj]_[A-Za-z0-9_-]{20,}/g, printed],
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@"\\]+@/gi, `$1${printed}@`],
]

/** Texts that are secrets wherever they stand: private keys, credentials of requests, our own tokens, user and password in a URL. */
function scrub(line: string): string {
  return scrubs.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line)
}
