import { CertctlError, isCertctlError, isSecret, messageOf, Secret } from '@certctl/core'
import { maskSecrets } from '@certctl/kit'

/** Takes what is secret out of whatever a connector says. */
export interface Concealer {
  text(text: string): string
  /** Every text inside of plain data. */
  value<T>(value: T): T
  /** The same error where nothing in it was secret. */
  error(error: unknown): unknown
}

const deepest = 8
/** Shorter lines of a key say nothing, and would be found in texts that have nothing to do with it. */
const shortestLine = 16

/** Knows a target's secrets, and the keys that are deployed to it: whole, and by each line of their PEM. */
export function createConcealer(secrets: readonly Secret[], privateKeyPems: readonly Secret[]): Concealer {
  const lines = privateKeyPems.flatMap((pem) => pem.reveal().split(/\r?\n/))
  const ofKeys = lines.filter((line) => line.length >= shortestLine && !line.startsWith('-----'))
  // Longest first: one secret may be part of another.
  const known = [...secrets, ...ofKeys.map((line) => new Secret(line))].toSorted(
    (one, other) => other.reveal().length - one.reveal().length,
  )
  const text = (said: string) => maskSecrets(said, known)
  return {
    text,
    value: (value) => concealed(value, text, 0) as typeof value,
    error: (error) => concealedError(error, text),
  }
}

function concealed(value: unknown, text: Concealer['text'], depth: number): unknown {
  if (typeof value === 'string') return text(value)
  if (typeof value !== 'object' || value === null || isSecret(value) || value instanceof Date) return value
  if (depth === deepest) return '[deeper]'
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof Error) return text(messageOf(value))
  if (Array.isArray(value)) return value.map((item: unknown) => concealed(item, text, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, concealed(item, text, depth + 1)]))
}

function concealedError(error: unknown, text: Concealer['text']): unknown {
  const message = text(messageOf(error))
  if (!isCertctlError(error)) return message === messageOf(error) ? error : new Error(message)
  const { code, retryAfterSeconds } = error
  const errors = error.errors?.map((fault) => ({ ...fault, message: text(fault.message) }))
  const isSame =
    message === error.message && (errors ?? []).every((fault, at) => fault.message === error.errors?.[at]?.message)
  return isSame ? error : new CertctlError(code, message, { retryAfterSeconds, errors })
}
