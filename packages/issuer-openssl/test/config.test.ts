import { type JsonValue, markKey, parseConfig } from '@certctl/core'
import { createTestIssuerHost } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import openssl, { configSchema } from '../src/index.js'

const faultOf = (config: Record<string, unknown>) => {
  const parsed = configSchema.safeParse(config)
  return parsed.success ? undefined : `${parsed.error.issues[0]?.path.join('.')}: ${parsed.error.issues[0]?.message}`
}

describe('configuration', () => {
  it('is what the documented variables say', () => {
    const [instance] = openssl.environment ?? []
    expect(instance).toMatchObject({ id: 'iss-openssl', when: 'CERTCTL_OPENSSL_SIGN_SCRIPT' })
    expect(Object.values(instance?.variables ?? {})).toEqual([
      'CERTCTL_OPENSSL_SIGN_SCRIPT',
      'CERTCTL_OPENSSL_REVOKE_SCRIPT',
      'CERTCTL_OPENSSL_CRL_SCRIPT',
      'CERTCTL_OPENSSL_CA_CERT_PATH',
      'CERTCTL_OPENSSL_TIMEOUT_SECONDS',
    ])
    expect(Object.keys(instance?.variables ?? {})).toEqual(Object.keys(configSchema.shape))
  })

  it('needs a script to sign, and nothing else', () => {
    expect(configSchema.parse({ sign_script: '/etc/certctl/scripts/sign' })).toEqual({
      sign_script: '/etc/certctl/scripts/sign',
      timeout_seconds: 30,
    })
    expect(faultOf({})).toMatch(/^sign_script/)
  })

  it('names scripts by their whole path, without arguments that a shell would read', () => {
    expect(faultOf({ sign_script: 'sign.sh' })).toBe('sign_script: must be an absolute path')
    expect(faultOf({ sign_script: '/srv/../tmp/sign' })).toBe('sign_script: must not contain ".."')
    expect(faultOf({ sign_script: '/srv/sign', timeout_seconds: 0 })).toMatch(/^timeout_seconds/)
    expect(faultOf({ sign_script: '/srv/sign', timeout_seconds: 111 })).toMatch(/^timeout_seconds/)
  })

  it('marks each script, so that the server can confine those that come over the API', () => {
    const { properties } = openssl.jsonSchema as { properties: Record<string, Record<string, JsonValue>> }
    const marked = Object.entries(properties).filter(([, field]) => field[markKey] === 'script')
    expect(marked.map(([name]) => name)).toEqual(['sign_script', 'revoke_script', 'crl_script'])
  })

  it('offers only what its scripts can do', () => {
    const operations = (config: Record<string, unknown>) =>
      Object.keys(openssl.create(parseConfig(configSchema, config, openssl.type), createTestIssuerHost())).sort()
    expect(operations({ sign_script: '/s' })).toEqual(['issue', 'test'])
    expect(operations({ sign_script: '/s', revoke_script: '/r' })).toEqual(['issue', 'revoke', 'test'])
    expect(operations({ sign_script: '/s', crl_script: '/c', ca_cert_path: '/p' })).toEqual([
      'caCertificates',
      'crl',
      'issue',
      'test',
    ])
  })
})
