import { responseOf } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { paths } from './fake-world.js'
import { createEjbcaMaterial, mtlsConfig, oauthConfig, tokenConfig } from './material.js'
import { material, never, request, start, valid, worldOf } from './orders.js'

describe('a refusal', () => {
  it.each([
    [{ cert_profile: 'NoSuch' }, 'certificate profile "NoSuch" (cert_profile)'],
    [{ ee_profile: 'NoSuch' }, 'end entity profile "NoSuch" (ee_profile)'],
    [{ ca_name: 'NoSuch' }, 'CA "NoSuch" (ca_name)'],
  ])('of %j names the setting', async (changes, message) => {
    const refused = start(worldOf(), { ...mtlsConfig, ...changes }).issue(await request())
    await expect(refused).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringContaining(message) })
  })

  it('by an EJBCA whose REST interface is off says where to turn it on', async () => {
    const world = worldOf({ restEnabled: false })
    for (const call of [async () => await start(world).issue(await request()), () => start(world).test?.(never)])
      await expect(call()).rejects.toMatchObject({
        code: 'config_invalid',
        message: expect.stringContaining('Protocol Configuration'),
      })
  })

  it('while the CA is off-line is temporary', async () => {
    const refused = start(worldOf({ caOnline: false })).issue(await request())
    await expect(refused).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: expect.stringContaining('is offline'),
    })
  })

  it('of a client certificate that is no administrator’s, or whose key we do not have, says what EJBCA says', async () => {
    const world = worldOf()
    world.host.files.put(paths.key, (await createEjbcaMaterial()).adminKeyPem)
    await expect(start(world).issue(await request())).rejects.toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringContaining('No certificates or OAuth token provided'),
    })
  })

  it.each([
    [responseOf({ status: 429, headers: { 'retry-after': '3600' } }), 'rate_limited', 3600],
    [responseOf({ status: 302, headers: { location: 'http://169.254.169.254/' } }), 'upstream_protocol', undefined],
    [responseOf({ status: 201, json: { certificate: 'AAAA' } }), 'upstream_protocol', undefined],
    [responseOf({ status: 201, json: { serial_number: 'AB' } }), 'upstream_protocol', undefined],
    [responseOf({ status: 202, body: '{"info_mess' }), 'upstream_protocol', undefined],
    [
      responseOf({ status: 500, json: { error_code: 500, error_message: 'General failure.' } }),
      'upstream_unavailable',
      undefined,
    ],
  ])('by an answer out of the ordinary gets the right code (%#)', async (answer, code, retryAfterSeconds) => {
    const world = worldOf()
    const host = { ...world.host, http: () => ({ request: async () => answer }) }
    const refused = start({ ...world, host }).issue(await request())
    await expect(refused).rejects.toMatchObject({ code, retryAfterSeconds })
  })

  it('that says much, on several lines, is told shortly and without control characters', async () => {
    const world = worldOf()
    const error_message = `line\n\u001b[31mred ${'x'.repeat(1000)}`
    const host = {
      ...world.host,
      http: () => ({ request: async () => responseOf({ status: 400, json: { error_message } }) }),
    }
    const refused: unknown = await start({ ...world, host })
      .issue(await request())
      .catch((error: unknown) => error)
    const { message } = refused as Error
    expect(message).toContain('line [31mred xxx')
    expect(message.length).toBeLessThan(420)
  })
})

describe('a token for a client', () => {
  const oauth = (options = {}) => worldOf({ auth: 'oauth2', ...options })

  it('is asked for once, and again when its time is over', async () => {
    const world = oauth()
    const connector = start(world, oauthConfig)
    for (let order = 1; order <= 3; order += 1) valid(await connector.issue(await request()))
    expect(world.provider.asked()).toBe(1)
    world.host.clock.advance(269)
    await connector.caCertificates?.(never)
    expect(world.provider.asked()).toBe(1)
    world.host.clock.advance(2)
    await connector.caCertificates?.(never)
    expect(world.provider.asked()).toBe(2)
  })

  it('that ended before its time is replaced, once', async () => {
    const world = oauth()
    const connector = start(world, oauthConfig)
    await connector.test?.(never)
    world.provider.revokeAll()
    valid(await connector.issue(await request()))
    expect(world.provider.asked()).toBe(2)
    expect(world.ejbca.certificates).toHaveLength(1)
  })

  it('that the provider refuses says what to compare, and not the secret', async () => {
    const refused = start(oauth(), { ...oauthConfig, client_secret: 'wrong-secret' }).issue(await request())
    await expect(refused).rejects.toMatchObject({ code: 'upstream_rejected' })
    await expect(refused).rejects.toThrow('invalid_client; check token_url, client_id, client_secret and scope')
    await expect(refused).rejects.not.toThrow('wrong-secret')
  })

  it('is asked for with the scope', async () => {
    const world = oauth()
    const forms: unknown[] = []
    const host = {
      ...world.host,
      http: (options: Parameters<typeof world.host.http>[0]) => {
        const client = world.host.http(options)
        return {
          request(one: Parameters<typeof client.request>[0]) {
            forms.push(one.form)
            return client.request(one)
          },
        }
      },
    }
    await start({ ...world, host }, { ...oauthConfig, scope: 'ejbca/ra' }).test?.(never)
    expect(forms[0]).toMatchObject({ scope: 'ejbca/ra', grant_type: 'client_credentials' })
  })

  it('of somebody else that ended is told as what it is, and not asked for twice', async () => {
    const world = worldOf({ auth: 'oauth2', staticToken: 'another' })
    await expect(start(world, tokenConfig).issue(await request())).rejects.toThrow('JWT token has expired')
    expect(world.ejbca.calls).toHaveLength(1)
  })
})

describe('a client certificate', () => {
  it('that was renewed is used from the next request on', async () => {
    const world = worldOf()
    const connector = start(world)
    const old = material.adminPem
    world.host.files.put(paths.cert, material.ca.intermediatePem)
    world.host.files.put(paths.key, material.ca.intermediateKeyPem)
    await expect(connector.issue(await request())).rejects.toMatchObject({ code: 'upstream_rejected' })
    world.host.files.put(paths.cert, old)
    world.host.files.put(paths.key, material.adminKeyPem)
    valid(await connector.issue(await request()))
  })

  it('whose file is missing is a setting to correct', async () => {
    const config = { ...mtlsConfig, server_ca_path: '/etc/certctl/none.pem' }
    await expect(start(worldOf(), config).test?.(never)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('/etc/certctl/none.pem cannot be read'),
    })
  })
})
