import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unusedPort } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { stopPostmaster } from '../src/store/embedded/postmaster.js'
import { runningPostmaster } from '../src/store/embedded/postmaster-pid.js'
import { testDatabase } from './postgres.js'
import { type ServerProcess, startServerProcess } from './server-process.js'

const patience = 600_000

describe('the program', () => {
  let state: string
  /** Nobody else is given them between the beginning of a start and its listening, which takes long. */
  let ports: number[]
  const processes: ServerProcess[] = []

  beforeEach(async () => {
    state = mkdtempSync(join(tmpdir(), 'cct-main-'))
    chmodSync(state, 0o711)
    ports = [await unusedPort(), await unusedPort(), await unusedPort()]
  })
  afterEach(async () => {
    for (const { child, ended } of processes.splice(0)) {
      child.kill('SIGKILL')
      await ended
    }
    await stopPostmaster(join(state, 'postgres', 'data'))
    rmSync(state, { recursive: true, force: true })
  })

  const start = (environment: Record<string, string> = {}, argv: readonly string[] = []): ServerProcess => {
    const port = String(ports.pop() ?? 0)
    const made = startServerProcess({ CERTCTL_STATE_DIR: state, CERTCTL_SERVER_PORT: port, ...environment }, argv)
    processes.push(made)
    return made
  }
  const urlOf = async (server: ServerProcess) => String((await server.until('listening')).url)
  const ask = async (url: string, authorization?: string): Promise<{ status: number; text: string }> =>
    await new Promise((resolve, reject) => {
      const ca = readFileSync(join(state, 'tls', 'ca.crt'))
      const headers = authorization === undefined ? {} : { authorization }
      const outgoing = request(url, { ca, headers, agent: false }, (answer) => {
        let text = ''
        answer.on('data', (chunk) => {
          text += String(chunk)
        })
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
      })
      outgoing.on('error', reject)
      outgoing.end()
    })
  const adminKey = () => `Bearer ${readFileSync(join(state, 'admin.key'), 'utf8').trim()}`

  it(
    'serves from an empty directory, stops with all it started, and is the same when it starts again',
    async () => {
      const first = start()
      const url = await urlOf(first)
      expect(await ask(`${url}/health`)).toMatchObject({ status: 200 })
      expect(await ask(`${url}/ready`)).toMatchObject({ status: 200 })
      expect(await ask(`${url}/api/v1/audit`)).toMatchObject({ status: 401 })
      expect(await ask(`${url}/api/v1/audit`, adminKey())).toMatchObject({ status: 200 })
      expect(first.stderr()).toContain(join(state, 'admin.key'))
      expect(first.stderr()).toContain(join(state, 'tls', 'ca.crt'))
      for (const name of ['admin.key', 'encryption.key']) expect(statSync(join(state, name)).mode & 0o777).toBe(0o600)
      const authority = readFileSync(join(state, 'tls', 'ca.crt'), 'utf8')

      first.child.kill('SIGTERM')
      expect(await first.ended).toEqual({ code: 0, signal: null })
      expect(runningPostmaster(join(state, 'postgres', 'data'))).toBeUndefined()
      expect(existsSync(join(state, 'postgres', 'data', 'postmaster.pid'))).toBe(false)

      const key = adminKey()
      // A port of its own choice.
      const second = start({ CERTCTL_SERVER_PORT: '0' })
      expect(await ask(`${await urlOf(second)}/api/v1/audit`, key)).toMatchObject({ status: 200 })
      expect(adminKey()).toBe(key)
      expect(readFileSync(join(state, 'tls', 'ca.crt'), 'utf8')).toBe(authority)
      expect(second.stderr()).not.toContain('admin.key')
      second.child.kill('SIGINT')
      expect(await second.ended).toEqual({ code: 0, signal: null })
    },
    patience,
  )

  it(
    'that was killed finds its database running when it starts again',
    async () => {
      const first = start()
      await urlOf(first)
      const postmaster = runningPostmaster(join(state, 'postgres', 'data'))
      first.child.kill('SIGKILL')
      await first.ended
      const second = start()
      expect(await ask(`${await urlOf(second)}/ready`)).toMatchObject({ status: 200 })
      expect(runningPostmaster(join(state, 'postgres', 'data'))).toBe(postmaster)
      expect(second.logged).toContainEqual(expect.objectContaining({ msg: 'embedded database runs', adopted: true }))
    },
    patience,
  )

  it(
    'goes on when its database was killed',
    async () => {
      const server = start()
      const url = await urlOf(server)
      const postmaster = runningPostmaster(join(state, 'postgres', 'data'))
      if (postmaster === undefined) throw new Error('its database does not run')
      process.kill(postmaster, 'SIGKILL')
      await server.until('the embedded database runs again')
      await untilReady(async () => (await ask(`${url}/ready`)).status)
      expect(await ask(`${url}/api/v1/audit`, adminKey())).toMatchObject({ status: 200 })
      expect(server.child.exitCode).toBeNull()
    },
    patience,
  )

  it(
    'refuses to be the second on one state directory, and leaves the first alone',
    async () => {
      const first = start()
      const url = await urlOf(first)
      const second = start()
      expect((await second.ended).code).toBe(1)
      expect(second.stderr()).toContain('Another certctl-server already runs')
      expect(await ask(`${url}/ready`)).toMatchObject({ status: 200 })
    },
    patience,
  )

  it(
    'shares a database with its copies, and refuses one that has another key before it writes anything',
    async () => {
      const database = await testDatabase({ empty: true })
      const environment = {
        CERTCTL_DATABASE_URL: database.url,
        CERTCTL_CONFIG_ENCRYPTION_KEY: 'a key that all copies of this server share',
      }
      const [first, second] = [start(environment), start(environment)]
      const urls = await Promise.all([urlOf(first), urlOf(second)])
      for (const url of urls) expect(await ask(`${url}/ready`)).toMatchObject({ status: 200 })

      const stranger = start({
        ...environment,
        CERTCTL_CONFIG_ENCRYPTION_KEY: 'a key that nobody else has, by some mistake',
      })
      expect((await stranger.ended).code).toBe(2)
      expect(stranger.stderr()).toContain('is not the one this database is sealed with')
      expect(existsSync(join(state, 'postgres'))).toBe(false)

      for (const { child, ended } of [first, second]) {
        child.kill('SIGTERM')
        expect((await ended).code).toBe(0)
      }
      await database.close()
    },
    patience,
  )

  it(
    'that waits for its database obeys SIGTERM at once',
    async () => {
      const server = start({
        // A folder without a socket: nobody else can come to listen there, as at a port.
        CERTCTL_DATABASE_URL: `postgres://app:secret@localhost/postgres?host=${encodeURIComponent(state)}`,
        CERTCTL_CONFIG_ENCRYPTION_KEY: 'a key that all copies of this server share',
      })
      await server.until('waiting for the database')
      server.child.kill('SIGTERM')
      expect(await server.ended).toEqual({ code: 0, signal: null })
      const said = server.logged.map(({ msg }) => msg)
      expect(said.slice(said.indexOf('stopping'))).toEqual(['stopping', 'stopped'])
      expect(server.stderr()).toBe('')
    },
    patience,
  )

  it(
    'names all wrong settings at once and exits with 2',
    async () => {
      const server = start({
        CERTCTL_DATABASE_URL: 'postgres://x',
        CERTCTL_LOG_LEVEL: 'loud',
        CERTCTL_KEYGEN_MODE: 'server',
      })
      expect((await server.ended).code).toBe(2)
      for (const name of ['CERTCTL_LOG_LEVEL', 'CERTCTL_KEYGEN_MODE']) expect(server.stderr()).toContain(name)
    },
    patience,
  )

  it(
    'explains itself',
    async () => {
      const help = start({}, ['--help'])
      const version = start({}, ['--version'])
      const explained = start({ CERTCTL_SERVER_PORT: '9443' }, ['config', 'explain'])
      const wrong = start({}, ['frobnicate'])
      const codes = await Promise.all([help, version, explained, wrong].map(async ({ ended }) => (await ended).code))
      expect(codes).toEqual([0, 0, 0, 1])
      expect(textOf(help)).toContain('config explain')
      expect(textOf(version)).toMatch(/^\d+\.\d+\.\d+$/)
      expect(textOf(explained)).toMatch(/CERTCTL_SERVER_PORT +9443 +environment/)
      expect(wrong.stderr()).toContain('"frobnicate" is not a command')
    },
    patience,
  )
})

function textOf({ logged }: ServerProcess): string {
  return logged.map(({ text }) => text).join('\n')
}

async function untilReady(status: () => Promise<number>): Promise<void> {
  const giveUpAt = performance.now() + patience / 2
  while ((await status().catch(() => 0)) !== 200) {
    if (performance.now() > giveUpAt) throw new Error('it was never ready again')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
