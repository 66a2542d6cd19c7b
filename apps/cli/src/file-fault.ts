import { messageOf } from '@certctl/core'

/** Why a file could not be used, short: ENOENT, EACCES … */
export function fileFault(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : messageOf(error)
}
