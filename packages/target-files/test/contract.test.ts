import { isCertctlError, parseTargetConfig, type TargetHost } from '@certctl/core'
import { createMaterial, createTestTargetHost, type TestLeaf, testTarget } from '@certctl/testing'
import { beforeEach, describe, expect, it } from '@jest/globals'
import files from '../src/index.js'
import { type FakeServer, fakeServer } from './fake-server.js'

const certificate = '/srv/tls/server.pem'
const key = '/srv/tls/server.key'
const all = '/srv/tls/all.pem'

const apart = {
  files: [
    { path: '/srv/tls/ca.pem', content: 'chain' },
    { path: certificate, content: 'fullchain' },
    { path: key, content: 'key' },
  ],
  validate_command: 'check',
  command: 'ctl reload',
}
const together = { files: [{ path: all, content: 'combined' }], command: 'ctl reload' }

describe('contract, with files apart', () => {
  testTarget({
    test: it,
    definition: files,
    config: apart,
    slug: 'files',
    createWorld: () => fakeServer({ certificate, key }),
  })
})

describe('contract, with one file for all', () => {
  testTarget({
    test: it,
    definition: files,
    config: together,
    createWorld: () => fakeServer({ certificate: all, key: all }),
  })
})

const [old, next] = (await createMaterial()).leafs
const never = new AbortController().signal
const keyText = next.privateKeyPem.reveal()

let world: FakeServer
let host: TargetHost
beforeEach(() => {
  world = fakeServer({ certificate, key })
  host = createTestTargetHost(world)
})
const configOf = (raw: Record<string, unknown>) => parseTargetConfig(files, raw).config
const deploy = (leaf: TestLeaf, raw: Record<string, unknown> = apart, on = host) =>
  files.create(configOf(raw), on).deploy({ ...leaf, id: 'd', certificateId: 'c', signal: never })
const verify = (leaf: TestLeaf, raw: Record<string, unknown> = apart) =>
  files.create(configOf(raw), host).verify({ certificateId: 'c', fingerprint: leaf.fingerprint, signal: never })

/** Where nobody can be asked what is served. */
const quiet = (): TargetHost => ({ ...host, confirmServed: async () => 'unverifiable' })

describe('the files', () => {
  const contents: [string, string][] = [
    ['certificate', next.certificatePem],
    ['chain', next.chainPem],
    ['fullchain', next.certificatePem + next.chainPem],
    ['key', keyText],
    ['combined', next.certificatePem + next.chainPem + keyText],
    ['combined_key_first', keyText + next.certificatePem + next.chainPem],
  ]
  const every = { files: contents.map(([content]) => ({ path: `/srv/tls/${content}.pem`, content })) }

  it('hold what their content says', async () => {
    await deploy(next, every, quiet())
    for (const [content, text] of contents) expect(world.host.files.texts().get(`/srv/tls/${content}.pem`)).toBe(text)
  })

  it('are for their owner only where they hold the key, and else for all to read', async () => {
    await deploy(next, every, quiet())
    const modes = contents.map(([content]) => world.host.files.file(`/srv/tls/${content}.pem`)?.mode)
    expect(modes).toEqual([0o644, 0o644, 0o644, 0o600, 0o600, 0o600])
  })

  it('have the mode, owner and group that the operator wants', async () => {
    const raw = {
      files: [
        { path: all, content: 'combined', mode: '0640' },
        { path: key, content: 'key' },
      ],
      key_mode: '0440',
      owner: 'svc',
      group: 'tls',
    }
    await deploy(next, raw, quiet())
    expect(world.host.files.file(all)).toMatchObject({ mode: 0o640, owner: 'svc', group: 'tls' })
    expect(world.host.files.file(key)).toMatchObject({ mode: 0o440, owner: 'svc', group: 'tls' })
  })

  it('change in an order that leaves the certificate for last, however they are listed', async () => {
    const written: string[] = []
    const spy: TargetHost = {
      ...quiet(),
      files: {
        ...world.host.files,
        replace: (path, content, options) => {
          written.push(path)
          return world.host.files.replace(path, content, options)
        },
      },
    }
    await deploy(next, apart, spy)
    expect(written).toEqual(['/srv/tls/ca.pem', key, certificate])
  })
})

describe('the commands', () => {
  it('run in turn once the files are there, and not again for the same certificate', async () => {
    await deploy(next)
    await deploy(next)
    expect(world.state.commands).toEqual(['check', 'ctl reload'])
  })

  it('may both be left out: then files are all there is', async () => {
    await expect(deploy(next, { files: apart.files }, quiet())).resolves.toMatchObject({
      changed: true,
      served: 'unverifiable',
    })
    expect(world.state.commands).toEqual([])
  })

  it('are never proposed: only the policy of an agent can allow them', () => {
    expect(files.proposedCommands).toBeUndefined()
  })

  it('that fail leave the old files', async () => {
    await deploy(old)
    const before = world.host.files.snapshot()
    const error: unknown = await deploy(next, { ...apart, validate_command: 'missing' }).catch(
      (reason: unknown) => reason,
    )
    expect(isCertctlError(error) && error.code).toBe('deploy_failed')
    expect(String(error)).toContain('"missing" ended with exit code 127')
    expect(world.host.files.snapshot()).toEqual(before)
  })
})

describe('the configuration', () => {
  it.each([
    [{ files: [] }, 'must list a file'],
    [{ files: [{ path: key, content: 'key' }] }, 'must list a file that holds the certificate'],
    [{ files: [{ path: key, content: 'pem' }] }, 'files.0.content'],
    [{ files: [{ path: 'a', content: 'key' }] }, 'files.0.path'],
    [{ files: [{ path: certificate, content: 'fullchain', mod: '0600' }] }, 'files.0.mod'],
    [{ files: Array(17).fill({ path: certificate, content: 'fullchain' }) }, 'more than 16'],
    [{ ...apart, command: 'ctl reload | tee' }, 'only a shell'],
  ])('%j is refused', (raw, reason) => {
    expect(() => configOf(raw)).toThrow(reason)
  })

  it('names one place: the first file with the certificate', () => {
    expect(files.lockKey?.(configOf(apart))).toBe(certificate)
  })

  it('marks every listed path as a file that deployments write', () => {
    expect(files.jsonSchema).toMatchObject({
      properties: { files: { items: { properties: { path: { 'x-certctl': 'file' } } } } },
    })
  })

  it('does not list a file twice', async () => {
    const raw = {
      files: [
        { path: all, content: 'combined' },
        { path: all, content: 'key' },
      ],
    }
    await expect(deploy(next, raw, quiet())).rejects.toMatchObject({ code: 'config_invalid' })
  })
})

describe('verify', () => {
  it('asks every file that holds the certificate', async () => {
    const raw = { files: [...apart.files, { path: all, content: 'combined' }] }
    await deploy(next, raw, quiet())
    expect(await verify(next, raw)).toMatchObject({ matches: true, foundFingerprint: next.fingerprint })
    world.host.files.put(all, old.certificatePem + old.privateKeyPem.reveal())
    expect(await verify(next, raw)).toMatchObject({ matches: false, foundFingerprint: old.fingerprint })
  })

  it.each([key, all])('does not call a wrong or missing key in %s a match', async (path) => {
    const raw = { files: [...apart.files, { path: all, content: 'combined' }] }
    await deploy(next, raw, quiet())
    world.host.files.put(path, path === key ? old.privateKeyPem.reveal() : next.certificatePem)
    expect(await verify(next, raw)).toMatchObject({ matches: false, foundFingerprint: next.fingerprint })
    await world.host.files.remove(path)
    expect(await verify(next, raw)).toMatchObject({ matches: false })
  })

  it('finds nothing where nothing is', async () => {
    expect(await verify(next)).toEqual({ matches: false, location: certificate, foundFingerprint: undefined })
  })
})
