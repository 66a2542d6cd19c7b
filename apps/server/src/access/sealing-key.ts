import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Secret } from '@certctl/core'

/** The key of a server that has its own embedded database: made once, 0600, beside the database but not in it. */
export function generatedSealingKey(stateDirectory: string): Secret {
  const path = join(stateDirectory, 'encryption.key')
  if (!existsSync(path)) write(path)
  return new Secret(readFileSync(path, 'utf8').trim())
}

/** Whole or not at all: a value sealed with half a key would be lost with it. Never over an existing one. */
function write(path: string): void {
  const unfinished = `${path}.${process.pid}`
  writeFileSync(unfinished, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true })
  try {
    linkSync(unfinished, path)
  } catch (error) {
    if (!existsSync(path)) throw error
  } finally {
    rmSync(unfinished, { force: true })
  }
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}
