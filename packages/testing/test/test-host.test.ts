import { isCertctlError, Secret } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { createTestHost, createTestIssuerHost, createTestTargetHost } from '../src/index.js'

const never = new AbortController().signal

describe('files', () => {
  it('a file keeps its mode and owner where a replacement does not name them', async () => {
    const { files } = createTestHost()
    files.put('/etc/a.key', 'old', { mode: 0o640, owner: 'www', group: 'certs' })
    await files.replace('/etc/a.key', 'new', { secret: true })
    expect(files.file('/etc/a.key')).toMatchObject({ mode: 0o640, owner: 'www', group: 'certs' })
  })

  it('a new secret file is for its owner only, another one for all to read', async () => {
    const { files } = createTestHost()
    await files.replace('/etc/a.key', 'k', { secret: true })
    await files.replace('/etc/a.pem', 'c', {})
    expect([(await files.stat('/etc/a.key'))?.mode, (await files.stat('/etc/a.pem'))?.mode]).toEqual([0o600, 0o644])
  })

  it('a replacement through a link changes what it points to, and stat says where that is', async () => {
    const { files } = createTestHost()
    files.put('/data/v1.pem', 'old')
    files.link('/etc/site.pem', '../data/v1.pem')
    await files.replace('/etc/site.pem', 'new', {})
    expect(files.texts().get('/data/v1.pem')).toBe('new')
    expect((await files.stat('/etc/site.pem'))?.realPath).toBe('/data/v1.pem')
  })

  it('removing a link leaves the file it points to', async () => {
    const { files } = createTestHost()
    files.put('/data/v1.pem', 'old')
    files.link('/etc/site.pem', '/data/v1.pem')
    await files.remove('/etc/site.pem')
    expect(await files.stat('/etc/site.pem')).toBeUndefined()
    expect(files.texts().get('/data/v1.pem')).toBe('old')
  })

  it('links that go round in a circle are refused', async () => {
    const { files } = createTestHost()
    files.link('/a', '/b')
    files.link('/b', '/a')
    await expect(files.read('/a')).rejects.toThrow('too many symbolic links')
  })

  it('directories are there as soon as a file names them, and list what is directly in them', async () => {
    const { files } = createTestHost()
    files.put('/etc/ssl/a.pem', 'a')
    files.put('/etc/ssl/private/a.key', 'k')
    expect(await files.list('/etc/ssl')).toEqual(['a.pem', 'private'])
    expect((await files.stat('/etc/ssl'))?.kind).toBe('directory')
    await expect(files.list('/nowhere')).rejects.toThrow('/nowhere')
  })

  it('what is read cannot be changed by its reader, and too much is refused', async () => {
    const { files } = createTestHost()
    files.put('/a', 'abc')
    const content = await files.read('/a')
    content.fill(0)
    expect(files.texts().get('/a')).toBe('abc')
    await expect(files.read('/a', { maxBytes: 2 })).rejects.toThrow('larger than 2 bytes')
    await expect(files.read('/b')).rejects.toThrow('/b does not exist')
  })

  it('a snapshot tells content, mode and owner apart and leaves dot-named files out', () => {
    const { files } = createTestHost()
    files.put('/etc/.a.tmp', 'x')
    files.put('/etc/a', 'x', { mode: 0o600 })
    const before = files.snapshot()
    files.put('/etc/a', 'x', { mode: 0o644 })
    expect([...before.keys()]).toEqual(['/etc/a'])
    expect(files.snapshot()).not.toEqual(before)
  })
})

describe('state', () => {
  it('a version that somebody else has overtaken is a conflict', async () => {
    const { state } = createTestHost()
    const first = await state.put('account', { kid: 1 }, { expect: 'absent' })
    await state.put('account', { kid: 2 }, { expect: first.version })
    const late = await state.put('account', { kid: 3 }, { expect: first.version }).catch((error: unknown) => error)
    expect(isCertctlError(late) && late.code).toBe('conflict')
    await expect(state.put('account', {}, { expect: 'absent' })).rejects.toMatchObject({ code: 'conflict' })
    expect((await state.get('account'))?.value).toEqual({ kid: 2 })
  })

  it('what has expired is gone, also from lists', async () => {
    const { state, now, clock } = createTestHost()
    await state.put('order/1', 1, { expiresAt: new Date(now().getTime() + 60_000) })
    await state.put('order/2', 2)
    clock.advance(61)
    const keys: string[] = []
    for await (const { key } of state.list('order/')) keys.push(key)
    expect(keys).toEqual(['order/2'])
    expect(await state.get('order/1')).toBeUndefined()
  })

  it('values come back as text would keep them, detached from what was put', async () => {
    const { state } = createTestHost()
    const value = { list: [1], missing: undefined }
    await state.put('k', value)
    value.list.push(2)
    expect((await state.get('k'))?.value).toEqual({ list: [1] })
    await state.delete('k')
    expect(await state.get('k')).toBeUndefined()
  })
})

describe('commands', () => {
  it('the world answers from the files as they are now', async () => {
    const host = createTestHost((argv, files) => ({ exitCode: files.has('/a') ? 0 : 1, output: argv.join(' ') }))
    expect(await host.run(['check', '-t'])).toMatchObject({ exitCode: 1, stdout: 'check -t', timedOut: false })
    await host.files.replace('/a', '', {})
    expect((await host.run(['check'])).exitCode).toBe(0)
  })

  it('without a world no program is there', async () => {
    expect(await createTestHost().run(['nginx'])).toMatchObject({ exitCode: 127, stderr: 'nginx: not found' })
  })

  it('an abort before or during a command ends it', async () => {
    const controller = new AbortController()
    const host = createTestHost(() => {
      controller.abort()
      return { exitCode: 0 }
    })
    await expect(host.run(['x'], { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
    await expect(host.run(['x'], { signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' })
  })
})

describe('requests', () => {
  it('the other side sees revealed secrets, joined paths, queries and bodies', async () => {
    const seen: string[] = []
    const host = createTestHost({
      http(request) {
        seen.push(`${request.method} ${request.url.href} ${request.headers.authorization} ${request.text()}`)
        return { status: 201, json: { ok: true }, headers: { 'Retry-After': '9' } }
      },
    })
    const http = host.http({
      baseUrl: new Secret('https://ca.example.test/base'),
      headers: { Authorization: new Secret('Bearer t') },
    })
    const response = await http.request({
      method: 'post',
      path: '/v1/x',
      query: { a: 1, b: undefined },
      json: { n: 1 },
    })
    await http.request({ method: 'POST', path: '', form: { grant: new Secret('s'), none: undefined } })
    expect(seen).toEqual([
      'POST https://ca.example.test/base/v1/x?a=1 Bearer t {"n":1}',
      'POST https://ca.example.test/base Bearer t grant=s',
    ])
    expect(response).toMatchObject({ status: 201, retryAfterSeconds: 9 })
    expect(response.json()).toEqual({ ok: true })
  })

  it('an address of another origin is refused, one of the same origin is taken whole', async () => {
    const host = createTestHost({ http: ({ url }) => ({ status: 200, body: url.href }) })
    const http = host.http({ baseUrl: 'https://ca.example.test/directory' })
    const elsewhere = http.request({ method: 'GET', path: 'https://metadata.example.test/' })
    await expect(elsewhere).rejects.toMatchObject({ code: 'policy_denied' })
    const order = await http.request({ method: 'GET', path: 'https://ca.example.test/order/7' })
    expect(order.text()).toBe('https://ca.example.test/order/7')
  })

  it('an answer that is not JSON is a protocol error when it is read as JSON', async () => {
    const host = createTestHost({ http: () => ({ status: 200, body: '<html>' }) })
    const response = await host.http({ baseUrl: 'https://x.test' }).request({ method: 'GET', path: '' })
    expect(() => response.json()).toThrow(expect.objectContaining({ code: 'upstream_protocol' }))
  })

  it('without a world nobody answers, on streams neither', async () => {
    const host = createTestHost()
    await expect(host.http({ baseUrl: 'https://x.test' }).request({ method: 'GET', path: '' })).rejects.toMatchObject({
      code: 'upstream_unavailable',
    })
    await expect(host.connect({ host: 'x.test', port: 25 })).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(await host.resolve({ name: 'x.test', type: 'A' })).toEqual([])
  })
})

describe('time, chance and company', () => {
  it('a delay moves the clock instead of waiting, and an abort ends it', async () => {
    const host = createTestHost({ now: new Date('2026-01-01T00:00:00Z') })
    await host.delay(3600, never)
    expect(host.now().toISOString()).toBe('2026-01-01T01:00:00.000Z')
    await expect(host.delay(1, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' })
  })

  it('random bytes differ between calls and are the same in every run', () => {
    const [first, again] = [createTestHost(), createTestHost()]
    const bytes = first.random(40)
    expect(bytes).toHaveLength(40)
    expect(first.random(40)).not.toEqual(bytes)
    expect(again.random(40)).toEqual(bytes)
  })

  it('a run that has not begun is joined, one that has begun is not', async () => {
    const { shared } = createTestHost()
    const runs: string[] = []
    const gates: (() => void)[] = []
    const reload = (name: string) => () =>
      new Promise<string>((resolve) => {
        runs.push(name)
        gates.push(() => resolve(name))
      })
    const both = [shared('reload', reload('a')), shared('reload', reload('b'))]
    await new Promise((resume) => setImmediate(resume))
    const late = shared('reload', reload('c'))
    gates[0]?.()
    expect(await Promise.all(both)).toEqual(['a', 'a'])
    await new Promise((resume) => setImmediate(resume))
    gates[1]?.()
    expect(await late).toBe('c')
    expect(runs).toEqual(['a', 'c'])
  })

  it('a shared run that failed fails all who joined it, and the next one runs', async () => {
    const { shared } = createTestHost()
    const failing = () => Promise.reject(new Error('reload failed'))
    const both = [shared('k', failing), shared('k', failing)]
    const outcomes = await Promise.allSettled(both)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await shared('k', async () => 'fine')).toBe('fine')
  })

  it('log lines are kept with their fields', () => {
    const host = createTestHost()
    host.log.warn('unknown state', { state: 'x' })
    expect(host.logged).toEqual([{ level: 'warn', message: 'unknown state', fields: { state: 'x' } }])
  })
})

describe('hosts of a kind', () => {
  it('an issuer sees its challenges and records stand until it takes them away', async () => {
    const host = createTestIssuerHost()
    const answer = { by: 'server', kind: 'http-01', name: 'example.test', token: 't', keyAuthorization: 'a' } as const
    const record = {
      name: '_acme-challenge.example.test',
      value: 'v',
      ttlSeconds: 60,
      context: { domain: 'example.test' },
      signal: never,
    }
    const dns = await host.dns('dns-1')
    expect(await host.challenges.publish(answer)).toBe('published')
    await dns.present(record)
    await dns.present(record)
    expect([host.published.challenges.length, host.published.records.length]).toEqual([1, 1])
    await host.challenges.withdraw(answer)
    await dns.cleanUp(record)
    await dns.cleanUp(record)
    expect([host.published.challenges.length, host.published.records.length]).toEqual([0, 0])
  })

  it('a target is told served when the world serves twice in a row, and deploy_failed after ten seconds when not', async () => {
    const host = createTestHost()
    const begun = host.now().getTime()
    let looks = 0
    const world = { host, serving: () => (looks++ < 3 ? 'old' : 'new') }
    const target = createTestTargetHost(world)
    expect(await target.confirmServed({ fingerprint: 'new', signal: never })).toBe('served')
    expect((host.now().getTime() - begun) / 1000).toBe(2)
    await expect(target.confirmServed({ fingerprint: 'x', signal: never })).rejects.toMatchObject({
      code: 'deploy_failed',
    })
    await expect(target.confirmServed({ fingerprint: 'x', signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    })
  })
})
