import { CertctlError } from '@certctl/core'

const deepest = 64

/** NUL, which PostgreSQL's text cannot hold, and halves of characters, which no encoding can. */
const unstorable = /[\0\uD800-\uDFFF]/u

/** Throws `request_malformed`, naming the field, for text that cannot be stored and for a value that is nested too deeply to walk. */
export function requirePlain(value: unknown, path: readonly string[] = []): void {
  if (typeof value === 'string') {
    if (unstorable.test(value)) throw fault(path, 'must not contain NUL or half a character')
    return
  }
  if (typeof value !== 'object' || value === null) return
  if (path.length === deepest) throw fault(path.slice(0, 3), `must not be nested deeper than ${deepest}`)
  for (const [name, inner] of Object.entries(value)) {
    if (unstorable.test(name)) throw fault(path, 'must not have a name with NUL or half a character')
    requirePlain(inner, [...path, name])
  }
}

function fault(path: readonly string[], message: string): CertctlError {
  const field = path.join('.') || '(whole)'
  return new CertctlError('request_malformed', `${field}: ${message}`, { errors: [{ field, message }] })
}
