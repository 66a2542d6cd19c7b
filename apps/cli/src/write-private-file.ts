import { writeFileSync } from 'node:fs'
import { CertctlError, messageOf } from '@certctl/core'

/** A new file for its owner only; one that is there already is not touched. */
export function writePrivateFile(path: string, content: string): void {
  try {
    writeFileSync(path, content, { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    throw new CertctlError(
      'config_invalid',
      exists ? `${path} is there already; name a new file` : `${path} cannot be written: ${messageOf(cause)}`,
      { cause },
    )
  }
}
