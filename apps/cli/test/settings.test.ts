import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseCertificate } from '@certctl/pki'
import { describe, expect, it } from '@jest/globals'
import { readLogin, removeLogin, writeLogin } from '../src/login-file.js'
import { keys } from './fake-server/world.js'
import { useScene } from './run-cli.js'

const scene = useScene()
const loginPath = () => join(scene().home, '.config', 'certctl', 'config.json')

async function explained(options: { environment?: Record<string, string>; flags?: string } = {}) {
  const { stdout } = await scene().run(`certctl config explain --json ${options.flags ?? ''}`, {
    environment: options.environment ?? {},
  })
  const { settings } = JSON.parse(stdout) as { settings: { name: string; value?: string; from?: string }[] }
  return Object.fromEntries(
    settings.map(({ name, value, from }) => [name, from === undefined ? undefined : `${value} from ${from}`]),
  )
}

describe('settings', () => {
  it('have a default for the server and none for the key', async () => {
    expect(await explained()).toMatchObject({ server: 'https://localhost:8443 from default', 'API key': undefined })
  })

  it('come from a flag before the environment before what login stored', async () => {
    writeLogin(loginPath(), { server: 'https://stored.example', api_key: 'stored-key-1234' })
    expect((await explained()).server).toBe(`https://stored.example from ${loginPath()}`)
    const environment = { CERTCTL_SERVER_URL: 'https://environment.example/' }
    expect((await explained({ environment })).server).toBe('https://environment.example from CERTCTL_SERVER_URL')
    expect((await explained({ environment, flags: '--server https://flag.example' })).server).toBe(
      'https://flag.example from --server',
    )
  })

  it('that login stored are never used for another server', async () => {
    writeLogin(loginPath(), {
      server: 'https://stored.example',
      api_key: 'stored-key-1234',
      pin_spki_sha256: 'ab'.repeat(32),
    })
    const same = await explained({ flags: '--server https://stored.example' })
    expect(same).toMatchObject({
      'API key': `******** from ${loginPath()}`,
      'CA pin': `${'ab'.repeat(32)} from ${loginPath()}`,
    })
    const other = await explained({ flags: '--server https://other.example' })
    expect(other).toMatchObject({ 'API key': undefined, 'CA pin': undefined })
  })

  it('that say whom to trust put aside what login stored about it', async () => {
    writeLogin(loginPath(), {
      server: 'https://stored.example',
      api_key: 'stored-key-1234',
      pin_spki_sha256: 'ab'.repeat(32),
    })
    expect((await explained({ flags: `--pin ${'cd'.repeat(32)}` }))['CA pin']).toBe(`${'cd'.repeat(32)} from --pin`)
    const bundle = await explained({ flags: `--ca-bundle ${join(scene().home, 'ca.pem')}` })
    expect(bundle).toMatchObject({ CA: 'given from --ca-bundle', 'CA pin': undefined })
  })

  it('take the key from a file, by flag or by name', async () => {
    const file = join(scene().home, 'key')
    writeFileSync(file, `${keys.admin}\n`)
    const { CERTCTL_API_KEY: _, ...environment } = scene().environment
    expect((await scene().run(`certctl issuers list --api-key-file ${file}`, { environment })).exitCode).toBe(0)
    expect(
      (await scene().run('certctl issuers list', { environment: { ...environment, CERTCTL_API_KEY_FILE: file } }))
        .exitCode,
    ).toBe(0)
    const missing = await scene().run('certctl issuers list', {
      environment: { ...environment, CERTCTL_API_KEY_FILE: '/none' },
    })
    expect(missing).toMatchObject({ exitCode: 2 })
    expect(missing.stderr).toContain('CERTCTL_API_KEY_FILE cannot be read: ENOENT')
  })

  it('are all judged at once, each under the name it was given by', async () => {
    const environment = {
      CERTCTL_SERVER_URL: 'http://plain.example',
      CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY: 'perhaps',
    }
    const { exitCode, stderr } = await scene().run('certctl issuers list --pin 12', { environment })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('CERTCTL_SERVER_URL: must be an https URL')
    expect(stderr).toContain('CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY: must be true or false')
    expect(stderr).toContain('--pin: must be a SHA-256 in hex')
  })

  it('may put the file of login elsewhere', async () => {
    const file = join(scene().home, 'elsewhere.json')
    writeLogin(file, { server: 'https://elsewhere.example', api_key: 'stored-key-1234' })
    expect((await explained({ flags: `--config ${file}` })).server).toContain('https://elsewhere.example')
    expect((await explained({ environment: { CERTCTL_CONFIG_FILE: file } })).server).toContain(
      'https://elsewhere.example',
    )
    expect(await explained({ environment: { XDG_CONFIG_HOME: join(scene().home, 'xdg') } })).toMatchObject({
      'login file': `${join(scene().home, 'xdg', 'certctl', 'config.json')} from default`,
    })
  })
})

describe('what login keeps', () => {
  it('is for its owner only, whole, and without leftovers', () => {
    writeLogin(loginPath(), { server: 'https://a.example', api_key: 'first-key-1234' })
    writeLogin(loginPath(), { server: 'https://b.example', api_key: 'second-key-1234' })
    expect(statSync(loginPath()).mode & 0o777).toBe(0o600)
    expect(statSync(join(loginPath(), '..')).mode & 0o777).toBe(0o700)
    expect(readdirSync(join(loginPath(), '..'))).toEqual(['config.json'])
    expect(readLogin(loginPath())).toEqual({ server: 'https://b.example', api_key: 'second-key-1234' })
  })

  it('is not used where others may read it', async () => {
    writeLogin(loginPath(), { server: 'https://a.example', api_key: 'first-key-1234' })
    chmodSync(loginPath(), 0o640)
    const { exitCode, stderr } = await scene().run('certctl issuers list', { environment: {} })
    expect(exitCode).toBe(2)
    expect(stderr).toContain(`chmod 600 ${loginPath()}`)
  })

  it('is refused when it is something else, and nothing of it is shown', async () => {
    mkdirSync(join(loginPath(), '..'), { recursive: true })
    writeFileSync(loginPath(), '{"api_key":"half a sec', { mode: 0o600 })
    const { exitCode, stderr } = await scene().run('certctl issuers list', { environment: {} })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('is not what certctl login writes')
    expect(stderr).not.toContain('half a sec')
  })

  it('can be removed even then', async () => {
    mkdirSync(join(loginPath(), '..'), { recursive: true })
    writeFileSync(loginPath(), 'nonsense', { mode: 0o600 })
    expect((await scene().run('certctl logout', { environment: {} })).exitCode).toBe(0)
    expect(removeLogin(loginPath())).toBe(false)
  })

  it('is what was proven: the pin a person confirmed, and a key the server knew', async () => {
    const answers = ['yes', keys.admin]
    const { exitCode } = await scene().run(`certctl login --server ${scene().server.url}`, { environment: {}, answers })
    expect(exitCode).toBe(0)
    expect(JSON.parse(readFileSync(loginPath(), 'utf8'))).toEqual({
      server: scene().server.url,
      api_key: keys.admin,
      pin_spki_sha256: parseCertificate(scene().server.caPem).spkiSha256,
    })
  })

  it('is nothing when the server does not know the key', async () => {
    const answers = ['yes', 'ccl_unknown_0123456789']
    const { exitCode } = await scene().run(`certctl login --server ${scene().server.url}`, { environment: {}, answers })
    expect(exitCode).toBe(4)
    expect(readLogin(loginPath())).toBeUndefined()
  })

  it('keeps a CA file with its content, so that the file may go', async () => {
    const flags = `--server ${scene().server.url} --ca-bundle ${join(scene().home, 'ca.pem')}`
    const { exitCode } = await scene().run(`certctl login ${flags} --key-file -`, {
      environment: {},
      stdin: keys.viewer,
    })
    expect(exitCode).toBe(0)
    expect(readLogin(loginPath())?.ca_pem).toBe(scene().server.caPem)
    expect((await scene().run('certctl issuers list', { environment: {} })).exitCode).toBe(0)
  })
})

describe('the server', () => {
  it('that does not hold the pinned key gets no request', async () => {
    const { CERTCTL_SERVER_CA_BUNDLE_PATH: _, ...environment } = scene().environment
    const { exitCode, stderr } = await scene().run(`certctl issuers list --pin ${'00'.repeat(32)}`, { environment })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('does not prove to hold the pinned key')
    expect(scene().server.world.seen).toEqual([])
  })

  it('that nobody vouches for gets no request', async () => {
    const { CERTCTL_SERVER_CA_BUNDLE_PATH: _, ...environment } = scene().environment
    const { exitCode } = await scene().run('certctl issuers list', { environment })
    expect(exitCode).toBe(2)
    expect(scene().server.world.seen).toEqual([])
  })
})
