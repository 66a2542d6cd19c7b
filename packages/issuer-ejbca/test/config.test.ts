import type { JsonValue } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import ejbca from '../src/index.js'
import { mtlsConfig } from './material.js'

describe('configuration', () => {
  const faultOf = (config: Readonly<Record<string, unknown>>) => {
    const parsed = ejbca.configSchema.safeParse(config)
    return parsed.success ? undefined : `${parsed.error.issues[0]?.path.join('.')}: ${parsed.error.issues[0]?.message}`
  }

  it('has a variable for each field', () => {
    const [instance] = ejbca.environment ?? []
    expect(instance).toMatchObject({ id: 'iss-ejbca', when: 'CERTCTL_EJBCA_API_URL' })
    const { properties } = ejbca.jsonSchema as { properties: Record<string, JsonValue> }
    expect(Object.keys(instance?.variables ?? {}).sort()).toEqual(Object.keys(properties).sort())
    for (const [field, variable] of Object.entries(instance?.variables ?? {}))
      expect(variable).toBe(`CERTCTL_EJBCA_${field.toUpperCase()}`)
  })

  it('is accepted with the least that is documented: profiles have defaults, mtls is the usual mode', () => {
    const mtls = {
      api_url: 'https://ejbca.example.com:8443',
      client_cert_path: '/c.pem',
      client_key_path: '/k.pem',
      ca_name: 'CA',
    }
    expect(ejbca.configSchema.parse(mtls)).toMatchObject({
      auth_mode: 'mtls',
      cert_profile: 'SERVER',
      ee_profile: 'EMPTY',
      username_template: '{certificate_id}',
    })
    expect(faultOf({ api_url: mtls.api_url, auth_mode: 'oauth2', token: 't', ca_name: 'CA' })).toBeUndefined()
  })

  it.each([
    [{ api_url: 'http://ca.example.test' }, 'api_url: must be an https URL'],
    [{ client_cert_path: undefined, client_key_path: undefined }, 'client_cert_path: is needed with auth_mode mtls'],
    [{ client_key_path: undefined }, 'client_key_path: goes together'],
    [{ auth_mode: 'oauth2' }, 'token: is needed with auth_mode oauth2'],
    [{ auth_mode: 'oauth2', token_url: 'https://a.test', client_id: 'x' }, 'token: is needed with auth_mode oauth2'],
    [{ auth_mode: 'oauth2', token: 't', client_id: 'x' }, 'token: excludes token_url'],
    [{ ca_name: ' ' }, 'ca_name: must not be empty'],
    [{ username_template: 'certctl' }, 'username_template: must contain'],
  ])('with %j is refused', (changes, message) => {
    expect(faultOf({ ...mtlsConfig, ...changes })).toMatch(new RegExp(`^${message.replace(/[()]/g, '\\$&')}`))
  })

  it('keeps token and secret as secrets', () => {
    const { properties } = ejbca.jsonSchema as { properties: Record<string, Record<string, JsonValue>> }
    const secrets = Object.entries(properties).filter(([, field]) => field['x-certctl'] === 'secret')
    expect(secrets.map(([name]) => name)).toEqual(['token', 'client_secret'])
  })
})
