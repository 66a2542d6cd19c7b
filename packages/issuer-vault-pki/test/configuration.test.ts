import { CertctlError, type HttpResponse, type IssuerHost, isCertctlError, parseConfig } from '@certctl/core'
import { createMaterial, createTestIssuerHost } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { failureOf as failureOfAnswer } from '../src/failure.js'
import vault from '../src/index.js'
import { connectorTo, failureOf, issue, never } from './fake-bench.js'
import { appRole, type FakeVault, fakeVault, rootToken } from './fake-vault.js'

const [instance] = vault.environment ?? []

/** What the server makes of these variables. */
function fromEnvironment(environment: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(instance?.variables ?? {}).flatMap(([field, variable]) =>
    environment[variable] === undefined ? [] : [[field, environment[variable]] as const],
  )
  return Object.fromEntries(pairs)
}

/** As the documentation prints them. */
const documented = {
  CERTCTL_VAULT_ADDR: 'https://vault.internal:8200',
  CERTCTL_VAULT_TOKEN: rootToken,
  CERTCTL_VAULT_MOUNT: 'pki',
  CERTCTL_VAULT_ROLE: 'web',
  CERTCTL_VAULT_TTL: '8760h',
}
const { CERTCTL_VAULT_TOKEN: _, ...withoutToken } = documented
const withAppRole = {
  ...withoutToken,
  CERTCTL_VAULT_ROLE_ID: appRole.role_id,
  CERTCTL_VAULT_SECRET_ID: appRole.secret_id,
}

async function orderUnder(
  environment: Readonly<Record<string, string>>,
  world: FakeVault,
  host: IssuerHost = world.host,
) {
  const config = parseConfig(vault.configSchema, fromEnvironment(environment), vault.type)
  return await issue(vault.create(config, host))
}

describe('a refusal', () => {
  const answer = (status: number, text: string): HttpResponse => ({
    status,
    headers: {},
    body: Buffer.from(text),
    text: () => text,
    json: () => {
      if (text.startsWith('{')) return JSON.parse(text)
      throw new CertctlError('upstream_protocol', 'this is no JSON')
    },
    retryAfterSeconds: undefined,
  })

  it.each([
    ['rsa', 'roles take RSA unless told otherwise'],
    ['ec', 'roles take one kind of key'],
  ])('of keys that are not %s says what to set', (type, meaning) => {
    const said = JSON.stringify({ errors: [`role requires keys of type ${type}`] })
    const error = failureOfAnswer(answer(400, said), 'Vault, signing')
    expect(error).toMatchObject({ code: 'csr_rejected' })
    expect(error.message).toContain(`${meaning}; set key_type=any for the role`)
  })

  it('of plain HTTP by a server that expects TLS says how addr must begin', () => {
    const error = failureOfAnswer(answer(400, 'Client sent an HTTP request to an HTTPS server.\n'), 'Vault, test')
    expect(error).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('begin with https://') })
  })

  it('for any other reason stays what its status means', () => {
    expect(failureOfAnswer(answer(400, '{"errors":["no"]}'), 'Vault').message).toBe('Vault: answered 400 (no)')
  })
})

describe('the environment', () => {
  it('makes iss-vault where the address is set', () => {
    expect(instance).toMatchObject({ id: 'iss-vault', when: 'CERTCTL_VAULT_ADDR' })
  })

  it('as documented issues, for what the role allows of a year', async () => {
    const world = await fakeVault()
    const { certificate } = await orderUnder(documented, world)
    const [request] = world.requests
    expect(request?.url.href).toBe('https://vault.internal:8200/v1/pki/sign/web')
    expect(request?.json()).toMatchObject({ ttl: `${365 * 86_400}s` })
    expect(certificate.names).toHaveLength(1)
    expect(world.host.logged.filter(({ level }) => level === 'warn')).toHaveLength(1)
  })

  it('has no variable that does nothing', async () => {
    const seen: string[] = []
    const does = async (variable: string, value: string, prepare: (world: FakeVault) => unknown = () => undefined) => {
      seen.push(variable)
      const world = await fakeVault()
      await prepare(world)
      const base = variable.includes('APPROLE') || /_(ROLE|SECRET)_ID$/.test(variable) ? withAppRole : documented
      await orderUnder({ ...base, [variable]: value }, world).catch((error: unknown) => {
        if (!isCertctlError(error)) throw error
      })
      return world.requests
    }
    const first = (requests: FakeVault['requests']) => requests[0]
    expect(first(await does('CERTCTL_VAULT_ADDR', 'https://other.example:1'))?.url.host).toBe('other.example:1')
    expect(first(await does('CERTCTL_VAULT_TOKEN', 's.other'))?.headers['x-vault-token']).toBe('s.other')
    expect(first(await does('CERTCTL_VAULT_MOUNT', '/team/pki/'))?.path).toBe('/v1/team/pki/sign/web')
    expect(first(await does('CERTCTL_VAULT_ROLE', 'strict'))?.path).toBe('/v1/pki/sign/strict')
    expect(first(await does('CERTCTL_VAULT_TTL', '12h'))?.json()).toMatchObject({ ttl: '43200s' })
    expect(first(await does('CERTCTL_VAULT_NAMESPACE', 'team'))?.headers['x-vault-namespace']).toBe('team')
    expect(first(await does('CERTCTL_VAULT_ROLE_ID', 'r'))?.json()).toMatchObject({ role_id: 'r' })
    expect(first(await does('CERTCTL_VAULT_SECRET_ID', 's'))?.json()).toMatchObject({ secret_id: 's' })
    expect(first(await does('CERTCTL_VAULT_APPROLE_MOUNT', 'machines'))?.path).toBe('/v1/auth/machines/login')
    const { rootPem } = await createMaterial()
    const trusting = await does('CERTCTL_VAULT_CA_CERT', '/etc/ca.pem', ({ host }) =>
      host.files.replace('/etc/ca.pem', rootPem, {}),
    )
    expect(first(trusting)?.options.tls?.caPem).toBe(rootPem)
    expect(seen.sort()).toEqual(Object.values(instance?.variables ?? {}).sort())
  })
})

describe('the settings', () => {
  const faultsOf = (config: object): string => {
    try {
      parseConfig(vault.configSchema, { addr: 'https://v.example', role: 'web', ...config }, 'VaultPKI')
      return 'accepted'
    } catch (error) {
      return isCertctlError(error) ? error.message : String(error)
    }
  }

  it('want one way to get a token', () => {
    expect(faultsOf({})).toMatch(/give either token, or role_id/)
    expect(faultsOf({ token: 't', role_id: 'r' })).toMatch(/give either token, or role_id/)
    expect(faultsOf({ token: 't', secret_id: 's' })).toMatch(/secret_id: goes together with role_id/)
    expect(faultsOf({ role_id: 'r' })).toBe('accepted')
  })

  it('refuse paths that lead elsewhere, and the names of the other sample', () => {
    for (const mount of ['../sys', 'pki/../sys', 'pki?x', 'a b', '', 'pki//x'])
      expect(faultsOf({ token: 't', mount })).toMatch(/must be a mount path/)
    expect(faultsOf({ token: 't', role: '../../sys' })).toMatch(/must be the name of a role/)
    expect(faultsOf({ token: 't', ttl: '5' })).toMatch(/is not a duration/)
    expect(faultsOf({ token: 't', pki_path: 'pki' })).toMatch(/pki_path: is not a known field/)
  })
})

describe('the CA file', () => {
  it('is read again when it has changed, and a useless one is named', async () => {
    const world = await fakeVault()
    const { rootPem, chainPem } = await createMaterial()
    const connector = connectorTo(world, { ca_cert: '/etc/ca.pem' })
    await world.host.files.replace('/etc/ca.pem', 'no certificate', {})
    expect(await failureOf(issue(connector))).toBe('config_invalid: ca_cert: /etc/ca.pem holds no certificate in PEM')
    for (const pem of [rootPem, chainPem]) {
      await world.host.files.replace('/etc/ca.pem', pem, {})
      await connector.caCertificates?.(never)
      expect(world.requests.at(-1)?.options.tls?.caPem).toBe(pem)
    }
  })

  it('opens a connection once while it is the same', async () => {
    const world = await fakeVault()
    const host = createTestIssuerHost()
    let clients = 0
    const counting: IssuerHost = {
      ...world.host,
      files: host.files,
      http: (options) => {
        clients += 1
        return world.host.http(options)
      },
    }
    const connector = connectorTo(world, {}, counting)
    await issue(connector)
    await issue(connector)
    expect(clients).toBe(1)
  })
})
