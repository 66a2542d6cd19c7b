import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Host, IssuerHost } from '@certctl/core'
import { createNodeHost } from '@certctl/kit'
import { createMemoryState, createTestIssuerHost, type IssuerWorld } from '@certctl/testing'

const examples = join(import.meta.dirname, '../examples')
const missing = ['openssl', 'flock'].filter((program) => spawnSync(program, ['--version']).error !== undefined)
const isRequired = process.env.CERTCTL_TEST_REAL === 'required'

/** Why the real OpenSSL cannot be asked here; never where it is required. */
export const skipped =
  missing.length === 0 || isRequired ? undefined : `skipped: ${missing.join(' and ')} is not installed`

/** This machine, with sealed state in memory. Working directories are made in `temporary`: what dies in a test clears nothing up. */
export function nodeHost(temporary?: string): IssuerHost & { logged: string[] } {
  const logged: string[] = []
  const log = { debug: () => undefined, info: () => undefined, warn: (message: string) => void logged.push(message) }
  const { challenges, dns } = createTestIssuerHost()
  const state = createMemoryState(() => new Date())
  const node = createNodeHost({ instance: { id: 'iss-openssl' }, state, log })
  const place: Record<string, string> = temporary === undefined ? {} : { TMPDIR: temporary }
  const run: Host['run'] = (argv, options = {}) =>
    node.run(argv, { ...options, environment: { ...place, ...options.environment } })
  return { ...node, run, challenges, dns, logged }
}

/** The example scripts over a CA of their own. */
export interface RealCa {
  folder: string
  config: Readonly<Record<string, string>>
  /** Lines of the database that begin with this letter: V valid, R revoked. */
  count(status: 'V' | 'R'): number
}

let template: string | undefined
const made: string[] = []

export function createRealCa(): RealCa {
  const folder = mkdtempSync(join(tmpdir(), 'certctl-openssl-ca-'))
  made.push(folder)
  cpSync(examples, folder, { recursive: true })
  const data = join(folder, 'data')
  cpSync(templateCa(), data, { recursive: true })
  symlinkSync(data, join(folder, 'ca'))
  return {
    folder,
    config: configIn(folder),
    count: (status) =>
      readFileSync(join(data, 'index.txt'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith(status)).length,
  }
}

/** Whatever `createRealCa` made, also where a test failed. */
export function removeRealCas(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
}

/** The scripts are where a configuration says, whatever world is current: laws know one configuration. */
export function configIn(folder: string): Readonly<Record<string, string>> {
  return {
    sign_script: join(folder, 'sign'),
    revoke_script: join(folder, 'revoke'),
    crl_script: join(folder, 'crl'),
    ca_cert_path: join(folder, 'ca/chain.pem'),
  }
}

function templateCa(): string {
  if (template !== undefined) return template
  const made = join(mkdtempSync(join(tmpdir(), 'certctl-openssl-template-')), 'data')
  const { status, stderr } = spawnSync(join(examples, 'make-ca'), [made], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`make-ca: ${stderr}`)
  template = made
  return made
}

export function removeTemplate(): void {
  if (template !== undefined) rmSync(join(template, '..'), { recursive: true, force: true })
  template = undefined
}

/** One folder for all worlds of the laws, emptied for each. */
export function createWorld(folder: string): IssuerWorld {
  const data = join(folder, 'data')
  rmSync(data, { recursive: true, force: true })
  cpSync(templateCa(), data, { recursive: true })
  const lines = () => readFileSync(join(data, 'index.txt'), 'utf8').split('\n')
  return {
    host: nodeHost(join(folder, 'temporary')),
    issued: () => lines().filter((line) => line !== '').length,
    revocations: () => lines().filter((line) => line.startsWith('R')).length,
  }
}

/** The scripts without a CA; `createWorld` brings one. */
export function createScriptsFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'certctl-openssl-laws-'))
  cpSync(examples, folder, { recursive: true })
  mkdirSync(join(folder, 'data'))
  mkdirSync(join(folder, 'temporary'))
  if (!existsSync(join(folder, 'ca'))) symlinkSync(join(folder, 'data'), join(folder, 'ca'))
  return folder
}
