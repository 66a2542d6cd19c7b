import { type CertctlError, isCertctlError, parseConfig, type TxtRecord } from '@certctl/core'
import { createTestHost, createTestRecord, type MemoryFile, type RunAnswer } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import script, { configSchema } from '../src/index.js'
import { fakeHooks, hookPaths } from './fake-hooks.js'

const record = createTestRecord('www.example.test', 1)

function createHooks(config: Readonly<Record<string, unknown>> = hookPaths, answer: RunAnswer = { exitCode: 0 }) {
  const runs: string[] = []
  const host = createTestHost((argv) => {
    runs.push(argv.join(' '))
    return answer
  })
  const put = (path: string, attributes: Partial<MemoryFile> = {}) =>
    host.files.put(path, '#!/bin/sh\n', { mode: 0o755, owner: 'root', ...attributes })
  for (const path of Object.values(hookPaths)) put(path)
  return { runs, host, put, connector: script.create(parseConfig(configSchema, config, 'Script'), host) }
}

async function errorOf(work: Promise<unknown>): Promise<CertctlError> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  if (isCertctlError(error)) return error
  throw error
}

describe('what a hook is told', () => {
  it('is the domain, the full name, the value and the token, and nothing on the command line', async () => {
    const world = fakeHooks()
    const connector = script.create(parseConfig(configSchema, hookPaths, 'Script'), world.host)
    await connector.present(createTestRecord('*.www.example.test', 7))
    expect(world.seen).toHaveLength(1)
    expect(world.seen[0]?.environment).toEqual({
      CERTCTL_DNS_DOMAIN: '*.www.example.test',
      CERTCTL_DNS_FQDN: '_acme-challenge.www.example.test',
      CERTCTL_DNS_VALUE: createTestRecord('*.www.example.test', 7).value,
      CERTCTL_DNS_TOKEN: 'token-7',
    })
    const { runs, connector: other } = createHooks()
    await other.present(record)
    await other.cleanUp(record)
    expect(runs).toEqual([hookPaths.present_script, hookPaths.cleanup_script])
  })

  it('is an empty token where the challenge has none, as dns-persist-01', async () => {
    const world = fakeHooks()
    const connector = script.create(parseConfig(configSchema, hookPaths, 'Script'), world.host)
    await connector.present({ ...record, context: { domain: 'www.example.test' } })
    expect(world.seen[0]?.environment).toMatchObject({ CERTCTL_DNS_TOKEN: '' })
  })

  it.each<[string, Partial<TxtRecord>]>([
    ['a line end in the name', { name: 'a.example.test\nupdate delete example.test' }],
    ['a quote in the name', { name: 'a".example.test' }],
    ['an empty label', { name: 'a..example.test' }],
    ['a name of more than 253 characters', { name: `${'abcdefgh.'.repeat(30)}example.test` }],
    ['a line end in the value', { value: 'x\nsend' }],
    ['a line end in the domain', { context: { domain: 'example.test\nx' } }],
    ['a control character in the token', { context: { domain: 'example.test', token: 'x\0' } }],
  ])('is never %s', async (_, overrides) => {
    const { runs, connector } = createHooks()
    const { code } = await errorOf(connector.present({ ...record, ...overrides }))
    expect(['identifier_rejected', 'request_malformed']).toContain(code)
    expect(runs).toEqual([])
  })

  it('has a time limit of a minute, or the one that is configured, and ends with all it has started', async () => {
    for (const [timeout, seconds] of [
      [undefined, 60],
      ['2m', 120],
    ] as const) {
      const world = fakeHooks()
      const config = parseConfig(configSchema, { ...hookPaths, timeout }, 'Script')
      await script.create(config, world.host).present(record)
      expect(world.seen[0]).toMatchObject({ timeLimitSeconds: seconds, endGroup: true })
    }
  })
})

describe('hooks of one name', () => {
  it('run one after the other, those of another name do not wait, and a failure holds up nobody', async () => {
    const running: string[] = []
    const order: string[] = []
    const release = new Map<string, () => void>()
    const host = createTestHost(async (_, __, { environment: { CERTCTL_DNS_VALUE: value = '' } = {} }) => {
      order.push(value)
      running.push(value)
      await new Promise<void>((done) => release.set(value, done))
      running.splice(running.indexOf(value), 1)
      return { exitCode: value === 'first' ? 1 : 0 }
    })
    host.files.put(hookPaths.present_script, '', { mode: 0o755, owner: 'root' })
    const connector = script.create(parseConfig(configSchema, hookPaths, 'Script'), host)
    const begun = async (value: string) => {
      for (let looks = 0; looks < 100 && !running.includes(value); looks += 1) await new Promise(setImmediate)
      return running.includes(value)
    }
    const first = connector.present({ ...record, value: 'first' })
    const second = connector.present({ ...record, name: record.name.toUpperCase(), value: 'second' })
    const other = connector.present({ ...record, name: 'other.example.test', value: 'other' })
    expect(await begun('first')).toBe(true)
    expect(await begun('other')).toBe(true)
    expect(running).not.toContain('second')
    release.get('other')?.()
    release.get('first')?.()
    expect((await errorOf(first)).code).toBe('upstream_unavailable')
    expect(await begun('second')).toBe(true)
    release.get('second')?.()
    await Promise.all([second, other])
    expect(order).toEqual(['first', 'other', 'second'])
  })
})

describe('a hook that fails', () => {
  it('is named, with its exit code, the record and the end of what it said', async () => {
    const { connector } = createHooks(hookPaths, { exitCode: 3, stderr: `${'x'.repeat(5000)} the API token is wrong` })
    const { code, message } = await errorOf(connector.present(record))
    expect(code).toBe('upstream_unavailable')
    for (const part of [hookPaths.present_script, 'exit code 3', record.name, 'the API token is wrong'])
      expect(message).toContain(part)
    expect(message.length).toBeLessThan(1500)
  })

  it('is tried again when it was too slow', async () => {
    const { connector } = createHooks({ ...hookPaths, timeout: '5s' }, { exitCode: 143, timedOut: true })
    const { code, message } = await errorOf(connector.cleanUp(record))
    expect([code, message]).toEqual(['upstream_unavailable', expect.stringContaining('within 5 s')])
  })

  it.each([126, 127])('with exit code %d waits for somebody to repair it', async (exitCode) => {
    expect((await errorOf(createHooks(hookPaths, { exitCode }).connector.present(record))).code).toBe('config_invalid')
  })

  it('does not show a private key that it prints', async () => {
    const stderr = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----'
    const { message } = await errorOf(createHooks(hookPaths, { exitCode: 1, stderr }).connector.present(record))
    expect(message).not.toContain('MIGHAgEAMBMG')
  })
})

describe('a script that others could change', () => {
  it.each<[string, Partial<MemoryFile>, string]>([
    ['is writable by everybody', { mode: 0o757 }, 'chmod go-w'],
    ['is writable by its group', { mode: 0o775 }, 'chmod go-w'],
    ['belongs to another user', { owner: 'mallory' }, 'belongs to user'],
    ['cannot be executed', { mode: 0o644 }, '0755'],
  ])('because it %s is not run, and the test of the connection says so', async (_, attributes, remedy) => {
    const { runs, put, connector } = createHooks()
    put(hookPaths.present_script, attributes)
    for (const work of [connector.present(record), connector.test?.(record.signal)]) {
      const { code, message } = await errorOf(work ?? Promise.resolve())
      expect(code).toBe('config_invalid')
      expect(message).toContain(hookPaths.present_script)
      expect(message).toContain(remedy)
    }
    expect(runs).toEqual([])
  })

  it('through a link is judged by, and run as, what the link leads to', async () => {
    const { runs, host, put, connector } = createHooks({ present_script: '/srv/hook' })
    host.files.link('/srv/hook', '/opt/real.sh')
    put('/opt/real.sh', { mode: 0o757 })
    expect((await errorOf(connector.present(record))).code).toBe('config_invalid')
    put('/opt/real.sh')
    await connector.present(record)
    expect(runs).toEqual(['/opt/real.sh'])
  })

  it('or that does not exist is named', async () => {
    const { connector } = createHooks({ ...hookPaths, cleanup_script: '/nowhere/cleanup' })
    expect((await errorOf(connector.cleanUp(record))).message).toContain('/nowhere/cleanup does not exist')
    expect((await errorOf(connector.test?.(record.signal) ?? Promise.resolve())).message).toContain('/nowhere/cleanup')
  })
})

describe('without a cleanup script', () => {
  it('values stay, and a warning and the test of the connection say so', async () => {
    const { runs, host, connector } = createHooks({ present_script: hookPaths.present_script })
    await connector.cleanUp(record)
    expect(runs).toEqual([])
    expect(host.logged).toEqual([expect.objectContaining({ level: 'warn', fields: { name: record.name } })])
    expect((await connector.test?.(record.signal))?.detail).toContain('no cleanup_script')
  })
})

describe('settings', () => {
  it('name programs by absolute paths, without arguments', () => {
    for (const present_script of ['hook.sh', 'sh -c "rm -rf /"', '/etc/../tmp/x', ''])
      expect(configSchema.safeParse({ present_script }).success).toBe(false)
  })

  it('are read from one variable of the environment each', () => {
    const [instance] = script.environment ?? []
    expect(Object.keys(instance?.variables ?? {}).sort()).toEqual(Object.keys(configSchema.shape).sort())
    expect(new Set(Object.values(instance?.variables ?? {})).size).toBe(Object.keys(configSchema.shape).length)
    expect(Object.values(instance?.variables ?? {})).toContain(instance?.when)
  })

  it('give a program between a second and ten minutes', () => {
    for (const timeout of ['0s', '11m', 'soon'])
      expect(configSchema.safeParse({ ...hookPaths, timeout }).success).toBe(false)
  })
})
