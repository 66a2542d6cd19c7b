import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { connectionOf, type DatabaseAddress } from '../../src/store/database.js'
import { findBinaries } from '../../src/store/embedded/binaries.js'
import { runningPostmaster } from '../../src/store/embedded/postmaster-pid.js'
import { runAs } from '../../src/store/embedded/run-as.js'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embedded-postgres.js'
import { until } from '../races/steps.js'

const isRoot = process.getuid?.() === 0
const nobody = 65534
const log = { info: () => undefined, warn: () => undefined }
const onlyRoot = isRoot ? it : it.skip

describe('the embedded PostgreSQL', () => {
  let root: string
  let directory: string
  let data: string
  const running: EmbeddedPostgres[] = []
  const losses: unknown[] = []

  const start = async (): Promise<EmbeddedPostgres> => {
    const server = await startEmbeddedPostgres({ directory, log, onLost: (error) => losses.push(error) })
    running.push(server)
    return server
  }

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'cct-'))
    chmodSync(root, 0o711)
    directory = join(root, 'postgres')
    data = join(directory, 'data')
    await (await start()).stop()
  })
  afterEach(async () => {
    for (const server of running.splice(0)) await server.stop()
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it('is made for its user alone, and listens on its socket only', async () => {
    const { address } = await start()
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    expect(statSync(join(directory, 'password')).mode & 0o777).toBe(0o600)
    expect(statSync(data).uid).toBe(runAs().uid ?? process.getuid?.())
    expect(await ask(address, 'show listen_addresses')).toEqual([{ listen_addresses: '' }])
    expect(await ask(address, 'show fsync')).toEqual([{ fsync: 'on' }])
    expect(await ask(address, 'show data_checksums')).toEqual([{ data_checksums: 'on' }])
  })

  it('refuses whoever does not know its password', async () => {
    const { address } = await start()
    const { host, port, user, database } = address as Extract<DatabaseAddress, { host: string }>
    const client = new pg.Client({ host, port, user, database, password: 'guess' })
    await expect(client.connect()).rejects.toMatchObject({ code: '28P01' })
  })

  it('that still runs is taken over, with all it holds', async () => {
    const first = await start()
    await ask(first.address, 'create table kept (id integer); insert into kept values (1)')
    const pid = runningPostmaster(data)
    await first.release()
    const second = await start()
    expect(second.adopted).toBe(true)
    expect(runningPostmaster(data)).toBe(pid)
    expect(await ask(second.address, 'select id from kept')).toEqual([{ id: 1 }])
  })

  it('serves one server at a time: the second is refused and told what to do', async () => {
    await start()
    await expect(startEmbeddedPostgres({ directory, log })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('CERTCTL_DATABASE_URL'),
    })
  })

  it('is started again when it was killed, and what was committed is there', async () => {
    const { address } = await start()
    await ask(address, 'create table if not exists survivors (id integer); insert into survivors values (7)')
    const pid = runningPostmaster(data) ?? 0
    process.kill(pid, 'SIGKILL')
    await untilAnswers(address, pid)
    expect(await ask(address, 'select id from survivors')).toEqual([{ id: 7 }])
    expect(losses).toEqual([])
  })

  it('is started again when one that was taken over is killed, though nobody waits for its process', async () => {
    await (await start()).release()
    const { address, adopted } = await start()
    expect(adopted).toBe(true)
    const pid = runningPostmaster(data) ?? 0
    process.kill(pid, 'SIGKILL')
    await untilAnswers(address, pid)
  })

  it('starts although a stranger got the number in its postmaster.pid', async () => {
    const { address, stop } = await start()
    await stop()
    writeFileSync(join(data, 'postmaster.pid'), `${process.pid}\n${data}\n0\n5432\n${directory}\n\n  1 1\n`)
    chmodSync(join(data, 'postmaster.pid'), 0o600)
    expect((await start()).adopted).toBe(false)
    expect(await ask(address, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it('is not touched by another major version, which says how to move it', async () => {
    const version = join(data, 'PG_VERSION')
    const written = readFileSync(version, 'utf8')
    writeFileSync(version, '17\n')
    await expect(startEmbeddedPostgres({ directory, log })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('pg_dump'),
    })
    writeFileSync(version, written)
  })

  it('stops so that its files are whole: the next start needs no recovery', async () => {
    const { stop } = await start()
    await stop()
    expect(existsSync(join(data, 'postmaster.pid'))).toBe(false)
    const before = readFileSync(join(directory, 'postgres.log'), 'utf8').length
    await start()
    expect(readFileSync(join(directory, 'postgres.log'), 'utf8').slice(before)).not.toContain('not properly shut down')
  })

  it('is made anew where an earlier first start was killed half-way', async () => {
    const half = join(root, 'half')
    mkdirSync(join(half, 'data.init', 'base'), { recursive: true })
    writeFileSync(join(half, 'data.init', 'PG_VERSION'), '18\n')
    const server = await startEmbeddedPostgres({ directory: half, log })
    running.push(server)
    expect(await ask(server.address, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(existsSync(join(half, 'data.init'))).toBe(false)
  })

  it('refuses a path that no socket can have', async () => {
    const long = join(root, 'x'.repeat(120))
    await expect(startEmbeddedPostgres({ directory: long, log })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('CERTCTL_STATE_DIR'),
    })
    expect(existsSync(long)).toBe(false)
  })

  onlyRoot('refuses a place that its user cannot reach', async () => {
    const closed = join(root, 'closed')
    mkdirSync(closed, { mode: 0o700 })
    await expect(startEmbeddedPostgres({ directory: join(closed, 'pg'), log })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('cannot enter'),
    })
  })

  onlyRoot('runs from a copy where its user cannot run the packaged programs', () => {
    const closed = join(root, 'home')
    mkdirSync(closed, { mode: 0o700 })
    const name = `@embedded-postgres/${process.platform}-${process.arch}`
    const installed = dirname(dirname(createRequire(import.meta.url).resolve(name)))
    cpSync(join(installed, 'native'), join(closed, 'native'), { recursive: true, verbatimSymlinks: true })
    cpSync(join(installed, 'package.json'), join(closed, 'package.json'))
    const target = join(root, 'copied')
    mkdirSync(target, { mode: 0o711 })
    const found = findBinaries({ directory: target, who: runAs(), packaged: join(closed, 'native') })
    expect(found).toMatchObject({ major: 18, folder: expect.stringContaining(target) })
    expect(statSync(found.folder).uid).toBe(runAs().uid)
  })

  onlyRoot('runs for an ordinary user as that user', () => {
    const own = join(root, 'own')
    mkdirSync(own)
    chownSync(own, nobody, nobody)
    const script = fileURLToPath(new URL('./start-embedded.ts', import.meta.url))
    const loader = createRequire(import.meta.url).resolve('tsx')
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', loader, '--conditions=@certctl/source', script, join(own, 'postgres')],
      { uid: nobody, gid: nobody, cwd: '/', encoding: 'utf8', env: { HOME: own, TMPDIR: own } },
    )
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ uid: nobody, answer: 42 })
    expect(statSync(join(own, 'postgres', 'data')).uid).toBe(nobody)
  })
})

describe('whom PostgreSQL runs as', () => {
  const accounts = join(tmpdir(), `cct-passwd-${process.pid}`)
  afterAll(() => rmSync(accounts, { force: true }))
  const given = (...lines: string[]) => {
    writeFileSync(accounts, lines.join('\n'))
    return runAs(0, accounts)
  }

  it('is ourselves, unless we are root', () => {
    expect(runAs(1000, accounts)).toEqual({})
  })

  it('is postgres for root, and nobody where there is no postgres', () => {
    const nobodyLine = 'nobody:x:65534:65533:nobody:/:/bin/false'
    expect(given('root:x:0:0::/root:/bin/sh', nobodyLine, 'postgres:x:101:104::/:/bin/sh')).toEqual({
      uid: 101,
      gid: 104,
    })
    expect(given('root:x:0:0::/root:/bin/sh', nobodyLine)).toEqual({ uid: 65534, gid: 65533 })
  })

  it('is asked of the operator where neither exists', () => {
    expect(() => given('root:x:0:0::/root:/bin/sh')).toThrow('has neither "postgres" nor "nobody"')
  })
})

async function ask(address: DatabaseAddress, text: string): Promise<unknown[]> {
  const client = new pg.Client(connectionOf(address))
  await client.connect()
  try {
    const result: { rows: unknown[] } = await client.query(text)
    return result.rows
  } finally {
    await client.end()
  }
}

/** Until another postmaster than that answers. */
async function untilAnswers(address: DatabaseAddress, not: number): Promise<void> {
  await until(async () => {
    const client = new pg.Client(connectionOf(address))
    client.on('error', () => undefined)
    const isUp = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => undefined)
    const { host } = address as Extract<DatabaseAddress, { host: string }>
    return isUp && runningPostmaster(join(host, 'data')) !== not
  }, 'it came back')
}
