/** The system's code of an error (`ENOENT`), wherever the error came from; an empty text where it has none. */
export function errnoOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}
