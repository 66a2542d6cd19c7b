import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parseCommandLine, readConfig, settingsSchema } from '../src/config.js'
import { helpText } from '../src/help.js'

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'certctl-agent-config-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const read = (environment: Record<string, string> = {}, argv: string[] = [], isRoot = false) =>
  readConfig({ argv, environment, isRoot })

function faultOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('nothing was refused')
}

describe('settings', () => {
  it('have defaults for a machine with nothing set', () => {
    const config = read({ XDG_STATE_HOME: '/home/me/.state' })
    expect(config).toMatchObject({
      name: hostname(),
      stateDirectory: '/home/me/.state/certctl-agent',
      keyDirectory: '/home/me/.state/certctl-agent/keys',
      discoveryDirectories: [],
      insecure: false,
      logLevel: 'info',
      heartbeatSeconds: 60,
      observeSeconds: 300,
      discoverySeconds: 6 * 3600,
      warnings: [],
    })
  })

  it("keep an old installation's keys where its agent kept them", () => {
    expect(read({}, [], true)).toMatchObject({
      stateDirectory: '/var/lib/certctl-agent',
      keyDirectory: '/var/lib/certctl/keys',
    })
    expect(read({ CERTCTL_STATE_DIR: '/srv/a' }, [], true).keyDirectory).toBe('/srv/a/keys')
    expect(read({ CERTCTL_KEY_DIR: '/srv/k' }, [], true).keyDirectory).toBe('/srv/k')
  })

  it('are all refused at once, each by its name', () => {
    const fault = faultOf(() =>
      read({
        CERTCTL_SERVER_URL: 'http://certctl:8080',
        CERTCTL_LOG_LEVEL: 'loud',
        CERTCTL_HEARTBEAT_INTERVAL: 'often',
        CERTCTL_API_KEY: 'k',
        CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY: 'perhaps',
      }),
    )
    expect(fault).toContain('CERTCTL_SERVER_URL: must be an https URL')
    expect(fault).toContain('CERTCTL_LOG_LEVEL: must be one of debug, info, warn, error')
    expect(fault).toContain('CERTCTL_HEARTBEAT_INTERVAL: is not a duration')
    expect(fault).toContain('CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY: must be true or false')
    expect(fault).toContain('CERTCTL_AGENT_ID: is needed beside CERTCTL_API_KEY')
  })

  it('never show a secret in a fault', () => {
    const fault = faultOf(() => read({ CERTCTL_API_KEY: 'canary-1', CERTCTL_SERVER_URL: 'https://u:canary-2@host' }))
    expect(fault).not.toContain('canary')
  })

  it('refuse ids that could not be names on disk', () => {
    for (const id of ['../x', '.hidden', 'a/b', 'x'.repeat(65), 'a b'])
      expect(faultOf(() => read({ CERTCTL_AGENT_ID: id }))).toContain('CERTCTL_AGENT_ID')
    expect(read({ CERTCTL_AGENT_ID: 'agent-1.eu_west' }).agentId).toBe('agent-1.eu_west')
  })

  it('take secrets from files, without the line feed at their end', () => {
    const file = join(directory, 'token')
    writeFileSync(file, 'ccj_abc\n')
    expect(read({ CERTCTL_JOIN_TOKEN_FILE: file }).joinToken?.reveal()).toBe('ccj_abc')
  })

  it('refuse a secret given twice, and a file that is not there', () => {
    expect(faultOf(() => read({ CERTCTL_API_KEY: 'a', CERTCTL_API_KEY_FILE: '/x' }))).toContain(
      'is set as well as CERTCTL_API_KEY_FILE',
    )
    expect(faultOf(() => read({ CERTCTL_JOIN_TOKEN_FILE: '/nowhere/token' }))).toContain(
      '/nowhere/token cannot be read (ENOENT)',
    )
  })

  it('that are not known are told, with the nearest that is', () => {
    expect(read({ CERTCTL_DISCOVERY_DIR: '/etc', CERTCTL_SECRET_F5: 'x' }).warnings).toEqual([
      'CERTCTL_DISCOVERY_DIR is not a setting of the agent; the nearest one is CERTCTL_DISCOVERY_DIRS',
    ])
  })

  it('split lists at commas and make paths absolute', () => {
    const config = read({ CERTCTL_DISCOVERY_DIRS: '/etc/ssl, ./certs ,', CERTCTL_CONNECTORS_ALLOW: 'nginx,files' })
    expect(config.discoveryDirectories).toEqual(['/etc/ssl', join(process.cwd(), 'certs')])
    expect(config.connectorsAllow).toEqual(['nginx', 'files'])
  })

  it('show values of secret variables to references alone', () => {
    const config = read({ CERTCTL_SECRET_F5: 'canary', EMPTY: '' })
    expect(config.secretFromEnvironment('CERTCTL_SECRET_F5')?.reveal()).toBe('canary')
    expect(config.secretFromEnvironment('EMPTY')).toBeUndefined()
    expect(JSON.stringify(config)).not.toContain('canary')
  })
})

describe('flags', () => {
  it('are taken in the old form, in the new one and with an equals sign, and win over variables', () => {
    const argv = [
      '-server',
      'https://a:1/',
      '--agent-id=a-1',
      '-api-key',
      'k',
      '-key-dir',
      '/k',
      '-discovery-dirs',
      '/d',
      '-insecure-skip-verify',
    ]
    expect(read({ CERTCTL_SERVER_URL: 'https://b:2' }, argv)).toMatchObject({
      serverUrl: 'https://a:1',
      agentId: 'a-1',
      keyDirectory: '/k',
      discoveryDirectories: ['/d'],
      insecure: true,
    })
    expect(read({}, ['-insecure-skip-verify=true']).insecure).toBe(true)
  })

  it('may follow a command; the word behind join is the token', () => {
    expect(parseCommandLine(['join', 'ccj_x', '-name', 'web'])).toMatchObject({
      command: 'join',
      values: { CERTCTL_JOIN_TOKEN: 'ccj_x', CERTCTL_AGENT_NAME: 'web' },
    })
    expect(parseCommandLine(['join'])).toMatchObject({ command: 'join', values: {} })
    expect(parseCommandLine([])).toMatchObject({ command: 'run' })
    expect(parseCommandLine(['run'])).toMatchObject({ command: 'run' })
    expect(read({}, ['join', 'ccj_x']).joinToken?.reveal()).toBe('ccj_x')
  })

  it('and commands that are not known are refused, a token without being quoted', () => {
    expect(faultOf(() => read({}, ['jion', 'x']))).toContain('Unknown command "jion"')
    expect(faultOf(() => read({}, ['ccj_canary']))).toContain('Write "join" before the token')
    expect(faultOf(() => read({}, ['ccj_canary']))).not.toContain('canary')
  })

  it('that are not known are refused with the way to help', () => {
    expect(faultOf(() => read({}, ['--sever', 'https://x']))).toMatch(/flags: .*--sever.*--help/s)
  })
})

describe('--help', () => {
  it('names every setting, what it means, and its flag', () => {
    const text = helpText('1.2.3')
    for (const name of Object.keys(settingsSchema.shape)) expect(text).toContain(name)
    expect(text).toContain('CERTCTL_API_KEY, CERTCTL_API_KEY_FILE, --api-key')
    expect(text).toContain('Time between two searches. Default: 6h.')
  })
})
