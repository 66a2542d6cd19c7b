import { type CertctlError, isCertctlError, parseTargetConfig, Secret, type TargetHost } from '@certctl/core'
import { createMaterial, createTestTargetHost, type TestLeaf, testTarget } from '@certctl/testing'
import { beforeEach, describe, expect, it } from '@jest/globals'
import nginx from '../src/index.js'
import { type FakeNginx, fakeNginx } from './fake-nginx.js'

const paths = { cert: '/etc/nginx/tls/www.pem', key: '/etc/nginx/tls/www.key' }
const others = { cert: '/etc/nginx/tls/other.pem', key: '/etc/nginx/tls/other.key' }
const chain_path = '/etc/nginx/tls/chain.pem'
const config = { cert_path: paths.cert, key_path: paths.key, reload_command: 'nginx -s reload' }

describe('contract', () => {
  testTarget({ test: it, definition: nginx, config, slug: 'nginx', createWorld: () => fakeNginx(paths, [others]) })
})

describe('contract with a chain of its own and a group', () => {
  const wide = { ...config, chain_path, key_mode: '0640', group: 'www-data' }
  testTarget({ test: it, definition: nginx, config: wide, createWorld: () => fakeNginx(paths) })
})

const material = await createMaterial()
const [old, next] = material.leafs
const never = new AbortController().signal

let world: FakeNginx
let host: TargetHost
beforeEach(() => {
  world = fakeNginx(paths)
  host = createTestTargetHost(world)
})

const connector = (over: Record<string, unknown> = {}, on = host) =>
  nginx.create(parseTargetConfig(nginx, { ...config, ...over }).config, on)
const deploy = (leaf: TestLeaf, over: Record<string, unknown> = {}, on = host) =>
  connector(over, on).deploy({ ...leaf, id: 'd', certificateId: 'c', signal: never })
const failureOf = async (work: Promise<unknown>): Promise<CertctlError> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (isCertctlError(error)) return error
  throw new Error(`expected a failure with a code, got ${String(error)}`)
}
const textOf = (path: string) => world.host.files.texts().get(path)

describe('NGINX', () => {
  it('gets leaf and chain in the one file it sends, and the chain apart where asked', async () => {
    await deploy(next, { chain_path })
    expect(textOf(paths.cert)).toBe(next.certificatePem + next.chainPem)
    expect(textOf(chain_path)).toBe(next.chainPem)
    expect(textOf(paths.key)).toBe(next.privateKeyPem.reveal())
  })

  it('gets certificates that all may read and a key that only its owner may', async () => {
    await deploy(next, { chain_path })
    const modes = [paths.cert, chain_path, paths.key].map((path) => world.host.files.file(path)?.mode)
    expect(modes).toEqual([0o644, 0o644, 0o600])
  })

  it('uses the documented commands where none are configured', () => {
    const { config: parsed } = parseTargetConfig(nginx, { cert_path: paths.cert, key_path: paths.key })
    expect(parsed.validate_command).toEqual(['nginx', '-t'])
    expect(parsed.reload_command).toEqual(['systemctl', 'reload', 'nginx'])
    expect(nginx.proposedCommands).toEqual(expect.arrayContaining([parsed.validate_command, parsed.reload_command]))
  })

  it('is one place: its certificate file', () => {
    expect(nginx.lockKey?.(parseTargetConfig(nginx, config).config)).toBe(paths.cert)
  })

  it('is not deployed to when its configuration was broken before', async () => {
    await deploy(old)
    const before = world.host.files.snapshot()
    world.state.broken = true
    const error = await failureOf(deploy(next))
    expect(error).toMatchObject({ code: 'deploy_failed', message: expect.stringContaining('was broken before') })
    expect(error.message).toContain('unknown directive "foo"')
    expect(world.host.files.snapshot()).toEqual(before)
    expect(world.state.reloads).toBe(1)
    world.state.broken = false
    await expect(deploy(next)).resolves.toMatchObject({ served: 'served' })
  })

  it('is deployed to when its own torn pair is what broke the configuration', async () => {
    await deploy(old)
    world.host.files.put(paths.key, next.privateKeyPem.reveal())
    await expect(deploy(next)).resolves.toMatchObject({ changed: true, served: 'served' })
  })

  it('never sees a mismatched pair: it is refused before anything is read or written', async () => {
    await failureOf(deploy(material.mismatched))
    expect(world.state).toMatchObject({ reloads: 0, validations: 0 })
    expect(world.host.files.texts().size).toBe(0)
  })

  it('that another deployment leaves torn for a moment is looked at again', async () => {
    world = fakeNginx(paths, [others])
    world.host.files.put(others.key, old.privateKeyPem.reveal())
    host = createTestTargetHost(world)
    const patient: TargetHost = {
      ...host,
      async delay(seconds, signal) {
        world.host.files.put(others.cert, old.certificatePem)
        await host.delay(seconds, signal)
      },
    }
    await expect(deploy(next, {}, patient)).resolves.toMatchObject({ served: 'served' })
  })

  it('is asked no more than three times whether it accepts its files', async () => {
    await deploy(old)
    const asked = world.state.validations
    world.state.broken = true
    await failureOf(deploy(next))
    expect(world.state.validations - asked).toBe(3)
  })

  it('is not reloaded when the certificate is there and served', async () => {
    await deploy(old)
    const { reloads } = world.state
    await expect(deploy(old)).resolves.toMatchObject({ changed: false, served: 'served' })
    expect(world.state.reloads).toBe(reloads)
  })

  it('is reloaded when the files are right and something else is served', async () => {
    await deploy(old)
    await deploy(next)
    world.host.files.put(paths.cert, old.certificatePem + old.chainPem)
    world.host.files.put(paths.key, old.privateKeyPem.reveal(), { mode: 0o600 })
    await expect(deploy(old)).resolves.toMatchObject({ changed: false, served: 'served' })
  })

  it('whose reload says yes and does nothing is found out by the handshake, and undone', async () => {
    await deploy(old)
    const deaf: TargetHost = {
      ...host,
      run: async (argv, options) =>
        argv.includes('reload') ? { exitCode: 0, stdout: '', stderr: '', timedOut: false } : host.run(argv, options),
    }
    const before = world.host.files.snapshot()
    expect(await failureOf(deploy(next, {}, deaf))).toMatchObject({ code: 'deploy_failed' })
    expect(world.host.files.snapshot()).toEqual(before)
  })

  it('is reloaded once for deployments that wait together', async () => {
    await Promise.all([deploy(next), deploy(next)])
    expect(world.state.reloads).toBeLessThanOrEqual(2)
  })

  it('is not run through a shell', () => {
    expect(() => parseTargetConfig(nginx, { ...config, reload_command: 'nginx -s reload; id' })).toThrow('only a shell')
  })
})

describe('verify', () => {
  const verify = () => connector().verify({ certificateId: 'c', fingerprint: next.fingerprint, signal: never })

  it('finds what was deployed', async () => {
    await deploy(next)
    expect(await verify()).toEqual({ matches: true, location: paths.cert, foundFingerprint: next.fingerprint })
  })

  it('does not call a torn pair a match', async () => {
    await deploy(next)
    world.host.files.put(paths.key, old.privateKeyPem.reveal())
    expect(await verify()).toMatchObject({ matches: false, foundFingerprint: next.fingerprint })
  })

  it('says what else it found, or that there is nothing', async () => {
    expect(await verify()).toEqual({ matches: false, location: paths.cert, foundFingerprint: undefined })
    await deploy(old)
    expect(await verify()).toMatchObject({ matches: false, foundFingerprint: old.fingerprint })
  })
})

describe('the connection test', () => {
  it('asks NGINX for its opinion', async () => {
    await deploy(next)
    await expect(connector().test?.(never)).resolves.toEqual({ detail: 'NGINX accepts its configuration' })
    world.state.broken = true
    expect(await failureOf(connector().test?.(never) ?? Promise.resolve())).toMatchObject({ code: 'deploy_failed' })
  })
})

describe('a key', () => {
  it('that a failing command prints is masked in the error', async () => {
    const key = next.privateKeyPem.reveal()
    const chatty: TargetHost = {
      ...host,
      run: async () => ({ exitCode: 1, stdout: key, stderr: `cannot use ${key}`, timedOut: false }),
    }
    const error = await failureOf(deploy({ ...next, privateKeyPem: new Secret(key) }, {}, chatty))
    expect(error.message).toContain('[private key]')
    for (const line of key.split('\n').slice(1, -2)) expect(error.message).not.toContain(line)
  })
})
