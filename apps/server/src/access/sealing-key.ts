import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { Secret } from '@certctl/core'

/** The key of a server that has its own embedded database: made once, 0600, beside the database but not in it. */
export function generatedSealingKey(stateDirectory: string): Secret {
  return made(pathOf(stateDirectory))
}

/** The key that is to follow: made once beside the other, so that both are there while values are sealed anew. */
export function nextSealingKey(stateDirectory: string): Secret {
  return made(nextPathOf(stateDirectory))
}

/** The key in the file, and the one that is to follow where a rotation is under way. */
export function generatedSealingKeys(stateDirectory: string): [Secret, ...Secret[]] {
  const next = existsSync(nextPathOf(stateDirectory)) ? [nextSealingKey(stateDirectory)] : []
  return [generatedSealingKey(stateDirectory), ...next]
}

/** Nothing needs the older key any more: the next one takes its place. Nothing happens where there is none. */
export function keepNextSealingKey(stateDirectory: string): void {
  if (!existsSync(nextPathOf(stateDirectory))) return
  renameSync(nextPathOf(stateDirectory), pathOf(stateDirectory))
  syncFolder(stateDirectory)
}

const pathOf = (stateDirectory: string): string => join(stateDirectory, 'encryption.key')
const nextPathOf = (stateDirectory: string): string => join(stateDirectory, 'encryption.key.next')

function made(path: string): Secret {
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
  syncFolder(dirname(path))
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  fsyncSync(folder)
  closeSync(folder)
}
