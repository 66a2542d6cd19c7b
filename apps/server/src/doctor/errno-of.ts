/** `ECONNREFUSED` and its like; empty where an error has none. */
export function errnoOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}
