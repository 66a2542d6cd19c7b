import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CertctlError, Secret } from '@certctl/core'
import { afterAll, describe, expect, it } from '@jest/globals'
import { type Environment, readConfig } from '../src/config.js'
import { settingsSchema } from '../src/config-schema.js'
import { explainConfig } from '../src/explain-config.js'
import { unknownSettings } from '../src/unknown-settings.js'

const folder = mkdtempSync(join(tmpdir(), 'cct-config-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const key = 'an encryption key of at least thirty-two bytes'

function refusal(environment: Environment): CertctlError {
  try {
    readConfig(environment)
  } catch (error) {
    return error as CertctlError
  }
  throw new Error('it was accepted')
}

describe('settings', () => {
  it('have defaults that serve on this machine alone', () => {
    const config = readConfig({})
    expect(config).toMatchObject({
      server_host: '127.0.0.1',
      server_port: 8443,
      server_tls_min_version: '1.3',
      public_url: 'https://localhost:8443',
      max_body_size: 1_048_576,
      rate_limit_enabled: true,
      shutdown_timeout: 30,
      job_awaiting_csr_timeout: 86_400,
    })
    expect(config.database_url).toBeUndefined()
    expect(config.connectors_allow).toBeUndefined()
  })

  it('are read from variables, in the forms that operators write', () => {
    const config = readConfig({
      CERTCTL_SERVER_HOST: '0.0.0.0',
      CERTCTL_SERVER_PORT: '9443',
      CERTCTL_PUBLIC_URL: 'https://certctl.example.com/',
      CERTCTL_MAX_BODY_SIZE: '512KiB',
      CERTCTL_RATE_LIMIT_ENABLED: 'No',
      CERTCTL_SHUTDOWN_TIMEOUT: '1m30s',
      CERTCTL_CONNECTORS_ALLOW: 'issuer-local, @certctl/notifier-webhook,',
      CERTCTL_STATE_DIR: '/srv/certctl',
    })
    expect(config).toMatchObject({
      server_host: '0.0.0.0',
      server_port: 9443,
      public_url: 'https://certctl.example.com',
      max_body_size: 524_288,
      rate_limit_enabled: false,
      shutdown_timeout: 90,
      connectors_allow: ['issuer-local', '@certctl/notifier-webhook'],
      state_dir: '/srv/certctl',
    })
  })

  it('that are wrong are all named at once, each with what would be right', () => {
    const {
      code,
      message,
      errors = [],
    } = refusal({
      CERTCTL_SERVER_PORT: '99999',
      CERTCTL_LOG_LEVEL: 'loud',
      CERTCTL_RATE_LIMIT_RPS: 'many',
      CERTCTL_JOB_AWAITING_CSR_TIMEOUT: 'a day',
      CERTCTL_RATE_LIMIT_ENABLED: 'maybe',
      CERTCTL_STATE_DIR: 'relative',
    })
    expect(code).toBe('config_invalid')
    expect(errors.map(({ field }) => field).sort()).toEqual([
      'CERTCTL_JOB_AWAITING_CSR_TIMEOUT',
      'CERTCTL_LOG_LEVEL',
      'CERTCTL_RATE_LIMIT_ENABLED',
      'CERTCTL_RATE_LIMIT_RPS',
      'CERTCTL_SERVER_PORT',
      'CERTCTL_STATE_DIR',
    ])
    for (const { field } of errors) expect(message).toContain(field)
    expect(message).toContain('500ms, 30s, 5m, 6h or 7d')
  })

  it('that belong together are asked for together', () => {
    expect(refusal({ CERTCTL_DATABASE_URL: 'postgres://localhost/certctl' }).message).toContain('openssl rand')
    expect(refusal({ CERTCTL_SERVER_TLS_CERT_PATH: '/etc/tls.crt' }).message).toContain('CERTCTL_SERVER_TLS_KEY_PATH')
    expect(
      readConfig({ CERTCTL_DATABASE_URL: 'postgres://localhost/certctl', CERTCTL_CONFIG_ENCRYPTION_KEY: key })
        .database_url,
    ).toBeInstanceOf(Secret)
  })

  it('refuse an encryption key that is too short, without saying it', () => {
    const { message } = refusal({ CERTCTL_CONFIG_ENCRYPTION_KEY: 'canary' })
    expect(message).toContain('at least 32 bytes')
    expect(message).not.toContain('canary')
  })

  it('refuse to make keys on the server, and explain why', () => {
    expect(refusal({ CERTCTL_KEYGEN_MODE: 'server' }).message).toMatch(
      /CERTCTL_KEYGEN_MODE must be "agent": keys .* never leave it/,
    )
    expect(readConfig({ CERTCTL_KEYGEN_MODE: 'agent' }).keygen_mode).toBe('agent')
  })

  it('take an empty variable for one that is not set', () => {
    expect(
      readConfig({ CERTCTL_SERVER_PORT: '', CERTCTL_DATABASE_URL: '', CERTCTL_DATABASE_URL_FILE: '' }).server_port,
    ).toBe(8443)
  })

  it('are read from a file where the name ends in _FILE, its last line end left off', () => {
    const path = join(folder, 'key')
    writeFileSync(path, `${key}\n`)
    const config = readConfig({ CERTCTL_CONFIG_ENCRYPTION_KEY_FILE: path })
    expect(config.config_encryption_key?.reveal()).toBe(key)
    expect(config.sources.config_encryption_key).toEqual({ file: path })
  })

  it('name a file that cannot be read, and a setting that is given twice', () => {
    const both = refusal({
      CERTCTL_CONFIG_ENCRYPTION_KEY: key,
      CERTCTL_CONFIG_ENCRYPTION_KEY_FILE: join(folder, 'key'),
    })
    expect(both.message).toContain('CERTCTL_CONFIG_ENCRYPTION_KEY is set, and so is CERTCTL_CONFIG_ENCRYPTION_KEY_FILE')
    expect(refusal({ CERTCTL_DATABASE_URL_FILE: '/no/such/file' }).message).toContain(
      'CERTCTL_DATABASE_URL_FILE cannot be read',
    )
  })

  it.each(['keeper:canary at home', 'canary', 'https://db/canary', '/run/canary'])(
    'a database URL that is none (%s) is refused and not quoted: the driver would look on this machine',
    (text) => {
      const { message } = refusal({ CERTCTL_DATABASE_URL: text, CERTCTL_CONFIG_ENCRYPTION_KEY: 'k'.repeat(32) })
      expect(message).toContain('CERTCTL_DATABASE_URL must be a URL such as postgres://')
      expect(message).not.toContain('canary')
    },
  )

  it('that nothing reads are warned of, with the nearest name that something reads', () => {
    const config = readConfig({
      CERTCTL_SERVER_PROT: '1',
      CERTCTL_ACME_EMAIL: 'a@b.c',
      CERTCTL_VAULT_TOKEN_FILE: '/x',
      CERTCTL_AGENT_NAME: 'beside',
      CERTCTL_WHATEVER_THIS_IS_MEANT_TO_BE: '1',
      PATH: '/bin',
    })
    expect(unknownSettings(config, ['CERTCTL_ACME_EMAIL', 'CERTCTL_VAULT_TOKEN'])).toEqual([
      'CERTCTL_SERVER_PROT is not a setting of certctl-server; did you mean CERTCTL_SERVER_PORT?',
      'CERTCTL_WHATEVER_THIS_IS_MEANT_TO_BE is not a setting of certctl-server',
    ])
  })

  it('that were given up stop nobody from starting, and are named', () => {
    const config = readConfig({ CERTCTL_DATABASE_MIGRATIONS_PATH: './migrations' })
    expect(unknownSettings(config)).toEqual([
      expect.stringContaining('CERTCTL_DATABASE_MIGRATIONS_PATH is not a setting'),
    ])
  })

  it('are all described', () => {
    for (const [name, schema] of Object.entries(settingsSchema.shape))
      expect({ [name]: schema.description?.endsWith('.') }).toEqual({ [name]: true })
  })

  it('name an address of this machine when it listens on all, and brackets around IPv6', () => {
    expect(readConfig({ CERTCTL_SERVER_HOST: '0.0.0.0' }).public_url).not.toContain('0.0.0.0')
    expect(readConfig({ CERTCTL_SERVER_HOST: '2001:db8::1' }).public_url).toBe('https://[2001:db8::1]:8443')
  })

  it('put the state below the home of an ordinary user, and into /var/lib for root', () => {
    const { state_dir } = readConfig({ HOME: '/home/alice' })
    expect(state_dir).toBe(process.getuid?.() === 0 ? '/var/lib/certctl' : '/home/alice/.local/state/certctl')
  })
})

describe('the explanation', () => {
  const text = explainConfig(
    readConfig({
      CERTCTL_CONFIG_ENCRYPTION_KEY: `${key} canary`,
      CERTCTL_DATABASE_URL: 'postgres://u:canary@db/certctl',
      CERTCTL_SERVER_PORT: '9443',
    }),
  )

  it('says of every setting what it is and where it came from', () => {
    const lines = text.split('\n')
    expect(lines).toHaveLength(Object.keys(settingsSchema.shape).length - 1)
    expect(lines.find((line) => line.startsWith('CERTCTL_SERVER_PORT'))).toMatch(/9443 +environment$/)
    expect(lines.find((line) => line.startsWith('CERTCTL_LOG_LEVEL'))).toMatch(/info +default$/)
  })

  it('shows no secret', () => {
    expect(text).toMatch(/CERTCTL_DATABASE_URL +\*{8} +environment/)
    expect(text).not.toContain('canary')
  })
})

describe('the environment', () => {
  it('is read in config.ts and nowhere else', () => {
    const source = new URL('../src/', import.meta.url)
    const found = filesBelow(source).filter((path) => /process\.env\b/.test(readFileSync(path, 'utf8')))
    expect(found.map((path) => path.replace(/^.*\/src\//, ''))).toEqual(['config.ts'])
  })
})

function filesBelow(folderUrl: URL): string[] {
  return readdirSync(folderUrl, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => new URL(name, folderUrl).pathname)
}
