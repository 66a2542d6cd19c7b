import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { JsonValue } from '@certctl/core'
import { createHttpClient } from '@certctl/kit'
import { unusedPort } from '@certctl/testing'
import type { ProvisionerMaterial } from './provisioner-material.js'

const folders = [
  join(process.env.CERTCTL_REAL_HOME ?? '/var/tmp/certctl-real', 'bin'),
  ...(process.env.PATH ?? '').split(delimiter),
]
const find = (program: string): string | undefined => folders.map((folder) => join(folder, program)).find(existsSync)
const [ca, cli] = [find('step-ca'), find('step')]
/** Both programs; `undefined`: not installed here (.ci/real/step-ca does that). */
export const programs = ca === undefined || cli === undefined ? undefined : { ca, cli }

export interface StepCa {
  readonly address: string
  readonly directory: string
  readonly rootPath: string
  readonly rootPem: string
  /** Written by `step ca init`: a provisioner `adm` whose key the CA hands out. */
  readonly password: string
  /** A file with the CA's folder in front. */
  at(name: string): string
  /** Changes ca.json; takes effect with the next start. */
  configure(change: (configuration: Configuration) => void): void
  start(): Promise<void>
  stop(): Promise<void>
  close(): Promise<void>
}

export interface Configuration {
  crl?: JsonValue
  db?: JsonValue
  authority: { provisioners: JsonValue[]; claims?: JsonValue }
}

/** A real step-ca of its own, made by `step ca init`, with these provisioners besides. Not started yet. */
export async function createStepCa(
  { ca, cli }: { ca: string; cli: string },
  provisioners: readonly { material: ProvisionerMaterial; claims?: JsonValue }[],
): Promise<StepCa> {
  const directory = await mkdtemp(join(tmpdir(), 'certctl-step-ca-'))
  const at = (name: string): string => join(directory, name)
  const listen = `127.0.0.1:${await unusedPort()}`
  const password = 'password-of-the-real-ca'
  writeFileSync(at('password'), password, { mode: 0o600 })
  const names = [
    '--name',
    'Live',
    '--dns',
    '127.0.0.1',
    '--dns',
    'localhost',
    '--address',
    listen,
    '--provisioner',
    'adm',
  ]
  const secrets = ['--password-file', at('password'), '--provisioner-password-file', at('password')]
  const init = ['ca', 'init', '--deployment-type', 'standalone', ...names, ...secrets]
  execFileSync(cli, init, { env: { ...process.env, STEPPATH: directory }, stdio: 'pipe' })
  const rootPem = readFileSync(at('certs/root_ca.crt'), 'utf8')
  const http = createHttpClient({ baseUrl: `https://${listen}`, tls: { caPem: rootPem } })
  let child: ChildProcess | undefined

  const configure: StepCa['configure'] = (change) => {
    const configuration = JSON.parse(readFileSync(at('config/ca.json'), 'utf8')) as Configuration
    change(configuration)
    writeFileSync(at('config/ca.json'), JSON.stringify(configuration))
  }
  configure(({ authority }) => {
    for (const { material, claims } of provisioners) {
      const { name, publicJwk: key, jwe: encryptedKey } = material
      authority.provisioners.push({ type: 'JWK', name, key, encryptedKey, ...(claims !== undefined && { claims }) })
    }
  })
  const isUp = (): Promise<boolean> =>
    http.request({ method: 'GET', path: '/health' }).then(
      ({ status }) => status === 200,
      () => false,
    )
  const stop = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }
  return {
    address: `https://${listen}`,
    directory,
    rootPath: at('certs/root_ca.crt'),
    rootPem,
    password,
    at,
    configure,
    async start() {
      const log = await open(at('log'), 'a')
      child = spawn(ca, [at('config/ca.json'), '--password-file', at('password')], {
        stdio: ['ignore', log.fd, log.fd],
      })
      await log.close()
      await until(async () => {
        if (child?.exitCode !== null)
          throw new Error(`it did not start\n${readFileSync(at('log'), 'utf8').slice(-2000)}`)
        return await isUp()
      })
      // Tokens of the second in which it started count as older than it.
      const startedBy = Math.floor(Date.now() / 1000)
      await until(async () => Math.floor(Date.now() / 1000) > startedBy)
    },
    stop,
    async close() {
      await stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Polls for at most three minutes. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 180_000
  for (;;) {
    const isLast = performance.now() > end
    if (await holds()) return
    if (isLast) throw new Error('it did not come true within three minutes')
    await pause(50)
  }
}
