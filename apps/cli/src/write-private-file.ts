import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { CertctlError } from '@certctl/core'
import { fileFault } from './file-fault.js'

/** Puts what `make` brings into a new file for its owner only. The file is opened first: what is shown once must not be made before there is a place for it. */
export async function writePrivateFile(path: string, make: () => Promise<string>): Promise<void> {
  const file = openNew(path)
  try {
    writeSync(file, await make())
    fsyncSync(file)
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
}

function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600)
  } catch (cause) {
    const fault = fileFault(cause)
    const text = fault === 'EEXIST' ? 'is there already; name a new file' : `cannot be written: ${fault}`
    throw new CertctlError('config_invalid', `${path} ${text}`, { cause })
  }
}
