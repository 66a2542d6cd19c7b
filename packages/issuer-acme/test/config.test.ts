import { parseConfig } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import acme from '../src/index.js'

const parse = (config: object) => parseConfig(acme.configSchema, config, 'ACME')
const directory_url = 'https://acme-v02.api.letsencrypt.org/directory'

/** As operators have them. */
const printed: Readonly<Record<string, object>> = {
  'http-01': {
    directory_url: 'https://acme-staging-v02.api.letsencrypt.org/directory',
    email: 'admin@example.com',
    http_port: 80,
  },
  'dns-01': {
    directory_url,
    email: 'admin@example.com',
    challenge_type: 'dns-01',
    dns_present_script: '/etc/certctl/dns/create-record.sh',
    dns_cleanup_script: '/etc/certctl/dns/delete-record.sh',
    dns_propagation_wait: 30,
  },
  'dns-persist-01': {
    directory_url,
    email: 'admin@example.com',
    challenge_type: 'dns-persist-01',
    dns_present_script: '/etc/certctl/dns/create-record.sh',
    dns_persist_issuer_domain: 'letsencrypt.org',
    dns_propagation_wait: 30,
  },
  ZeroSSL: {
    directory_url: 'https://acme.zerossl.com/v2/DV90',
    email: 'admin@example.com',
    eab_kid: 'your-zerossl-eab-kid',
    eab_hmac: 'your-zerossl-eab-hmac-base64url',
  },
  'ZeroSSL without credentials': { directory_url: 'https://acme.zerossl.com/v2/DV90', email: 'admin@example.com' },
}

describe('the configuration', () => {
  it.each(Object.entries(printed))('for %s is taken as operators have it', (_, config) => {
    expect(parse(config)).toMatchObject(
      Object.fromEntries(Object.entries(config).filter(([name]) => name !== 'eab_hmac')),
    )
  })

  it.each([
    ['a directory without TLS', { directory_url: 'http://ca.test/directory' }, /https:/],
    ['one half of a binding', { eab_kid: 'x' }, /eab_kid and eab_hmac go together/],
    ['two ways to write records', { dns_provider: 'x', dns_present_script: '/a' }, /give one/],
    [
      'a proof by DNS without a way to write records',
      { challenge_type: 'dns-01' },
      /dns_provider or dns_present_script/,
    ],
    ['a clean-up without its other half', { dns_cleanup_script: '/a' }, /dns_present_script/],
    ['a script without a full path', { dns_present_script: 'create.sh' }, /absolute/],
    ['a resolver that is a name', { dns_resolvers: ['dns.example.test'] }, /IP address/],
    ['a time that is none', { dns_persist_until: 'next year' }, /2027-12-31T00:00:00Z/],
  ])('with %s is refused with what to do', (_, config, message) => {
    expect(() => parse({ directory_url, ...config })).toThrow(message)
  })

  it('takes resolvers with and without ports, of both families', () => {
    const dns_resolvers = ['192.0.2.1', '192.0.2.1:5353', '2001:db8::1', '[2001:db8::1]:5353']
    expect(parse({ directory_url, dns_resolvers }).dns_resolvers).toEqual(dns_resolvers)
  })
})

/** A value for each field that differs from its default, as text of the environment would be read. */
const examples: Readonly<Record<string, unknown>> = {
  directory_url: 'https://ca.internal.test/directory',
  email: 'admin@example.com',
  challenge_type: 'tls-alpn-01',
  challenge_by: 'agents',
  http_port: 8080,
  tls_alpn_port: 8443,
  dns_provider: 'dns-main',
  dns_present_script: '/etc/certctl/dns/create-record.sh',
  dns_cleanup_script: '/etc/certctl/dns/delete-record.sh',
  dns_propagation_check: false,
  dns_propagation_wait: 5,
  dns_propagation_timeout: 60,
  dns_resolvers: ['192.0.2.53'],
  dns_persist_issuer_domain: 'ca.example',
  dns_persist_until: '2027-12-31T00:00:00Z',
  eab_kid: 'kid',
  eab_hmac: 'bWFj',
  profile: 'shortlived',
  preferred_chain: 'shortest',
  account_key_path: '/etc/certctl/account.key',
  account_key_rollover_days: 90,
  terms_agreed: false,
  ari_enabled: false,
  ca_bundle_path: '/etc/certctl/ca.pem',
  request_timeout_seconds: 10,
  order_timeout_seconds: 600,
}
/** What a field needs beside it. */
const companions: Readonly<Record<string, object>> = {
  dns_cleanup_script: { dns_present_script: '/a' },
  eab_kid: { eab_hmac: 'bWFj' },
  eab_hmac: { eab_kid: 'kid' },
}

describe('the environment', () => {
  const [staging, production] = acme.environment ?? []

  it('makes two issuers, each with its own directory', () => {
    expect(staging).toMatchObject({
      id: 'iss-acme-staging',
      defaults: { directory_url: expect.stringContaining('staging') },
    })
    expect(production).toMatchObject({ id: 'iss-acme-prod', defaults: { directory_url } })
    for (const instance of [staging, production]) expect(parse({ ...instance?.defaults })).toBeDefined()
  })

  it('has every documented name', () => {
    const names = [
      'DIRECTORY_URL',
      'EMAIL',
      'EAB_KID',
      'EAB_HMAC',
      'CHALLENGE_TYPE',
      'DNS_PRESENT_SCRIPT',
      'DNS_CLEANUP_SCRIPT',
    ]
    const more = ['DNS_PERSIST_ISSUER_DOMAIN', 'PROFILE', 'ARI_ENABLED', 'HTTP_PORT', 'DNS_PROPAGATION_WAIT']
    const offered = Object.values(production?.variables ?? {})
    for (const name of [...names, ...more]) expect(offered).toContain(`CERTCTL_ACME_${name}`)
  })

  it('reaches every field of the configuration', () => {
    expect(Object.keys(production?.variables ?? {}).sort()).toEqual(Object.keys(examples).sort())
  })

  it('keeps what belongs to one account out of the staging issuer', () => {
    for (const field of ['eab_kid', 'eab_hmac', 'account_key_path', 'ca_bundle_path'])
      expect(staging?.variables).not.toHaveProperty(field)
    expect(staging?.variables.directory_url).not.toBe('CERTCTL_ACME_DIRECTORY_URL')
  })

  it.each(Object.keys(production?.variables ?? {}))(
    'the variable of %s changes what the connector does by',
    (field) => {
      const usual: Readonly<Record<string, unknown>> = parse({ ...production?.defaults })
      const changed: Readonly<Record<string, unknown>> = parse({
        ...production?.defaults,
        ...companions[field],
        [field]: examples[field],
      })
      expect(changed[field]).not.toEqual(usual[field])
      if (field !== 'eab_hmac') expect(changed[field]).toEqual(examples[field])
    },
  )
})
