import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
beforeAll(async () => {
  app = await createTestApp()
})
afterAll(async () => await app.close())

/** The field that a refusal names. */
async function faultOf(method: string, path: string, body: unknown): Promise<unknown> {
  const { status, json } = await app.admin(method, path, body)
  const [first] = (json.errors ?? []) as { field: string }[]
  return status === 400 ? first?.field : status
}

describe('fields', () => {
  it.each([
    ['renewal_window_days', 0],
    ['renewal_window_days', 366],
    ['renewal_window_days', 1.5],
    ['renewal_window_days', '30'],
    ['max_retries', 11],
    ['max_retries', -1],
    ['retry_interval_seconds', 59],
    ['retry_interval_seconds', 86_401],
    ['alert_thresholds_days', [7, 7]],
  ])('of a renewal policy: %s is never %j', async (field, value) => {
    expect(await faultOf('POST', '/api/v1/renewal-policies', { name: 'x', [field]: value })).toBe(field)
  })

  it('of a renewal policy name tiers, channels and days that exist', async () => {
    const fault = async (body: object) => await faultOf('POST', '/api/v1/renewal-policies', { name: 'x', ...body })
    expect(await fault({ alert_thresholds_days: [7, 366] })).toBe('alert_thresholds_days.1')
    expect(await fault({ alert_severity_map: { '7': 'loud' } })).toBe('alert_severity_map.7')
    expect(await fault({ alert_severity_map: { '07': 'warning' } })).toBe('alert_severity_map.07')
    expect(await fault({ alert_severity_map: { '366': 'warning' } })).toBe('alert_severity_map.366')
    expect(await fault({ alert_channels: { loud: [] } })).toBe('alert_channels.loud')
    expect(await fault({ alert_channels: { warning: ['Slack', 'ntf-none'] } })).toBe('alert_channels.warning.1')
    expect(await fault({ certificate_profile_id: 'prof-none' })).toBe('certificate_profile_id')
  })

  it('of a renewal policy are the defaults where nothing is said, and again after null', async () => {
    const made = await app.admin('POST', '/api/v1/renewal-policies', { name: 'Plain & simple: É!' })
    const usual = {
      id: 'rp-plain-simple-e',
      renewal_window_days: 30,
      auto_renew: true,
      retry_interval_seconds: 3600,
      alert_thresholds_days: [30, 14, 7, 0],
      alert_channels: {},
    }
    expect(made.json).toMatchObject(usual)
    const path = '/api/v1/renewal-policies/rp-plain-simple-e'
    const other = { renewal_window_days: 5, auto_renew: false, alert_thresholds_days: [1] }
    expect((await app.admin('PUT', path, other)).json).toMatchObject(other)
    const cleared = { renewal_window_days: null, auto_renew: null, alert_thresholds_days: null, alert_channels: null }
    expect((await app.admin('PUT', path, cleared)).json).toMatchObject(usual)
  })

  it.each([
    ['allowed_key_algorithms', [{ algorithm: 'DSA', min_size: 2048 }], 'allowed_key_algorithms.0.algorithm'],
    ['allowed_key_algorithms', [{ algorithm: 'RSA', min_size: 1024 }], 'allowed_key_algorithms.0.min_size'],
    ['allowed_key_algorithms', [{ algorithm: 'ECDSA', min_size: 2048 }], 'allowed_key_algorithms.0.min_size'],
    ['allowed_ekus', ['serverAuth', 'everything'], 'allowed_ekus.1'],
    ['allowed_key_usages', ['keyCertSign'], 'allowed_key_usages.0'],
    ['required_san_patterns', ['('], 'required_san_patterns.0'],
    ['required_san_patterns', ['x'.repeat(257)], 'required_san_patterns.0'],
    ['spiffe_uri_pattern', '[', 'spiffe_uri_pattern'],
    ['max_ttl_seconds', -1, 'max_ttl_seconds'],
    ['max_ttl_seconds', 2_147_483_648, 'max_ttl_seconds'],
    ['allowed_issuer_ids', ['iss-none'], 'allowed_issuer_ids.0'],
    ['allowed_key_custody', [], 'allowed_key_custody'],
    ['required_csr_attributes', ['challenge'], 'required_csr_attributes.0'],
    ['allow_wildcards', 'yes', 'allow_wildcards'],
  ])('of a profile: %s is never %j', async (field, value, named) => {
    expect(await faultOf('POST', '/api/v1/profiles', { name: 'x', [field]: value })).toBe(named)
  })

  it('of a profile take old clients at their word: 0 is no bound, and a size may be left out', async () => {
    const made = await app.admin('POST', '/api/v1/profiles', {
      id: 'prof-old',
      name: 'Old client',
      max_ttl_seconds: 0,
      allowed_ekus: ['1.3.6.1.5.5.7.3.1'],
      allowed_key_algorithms: [{ algorithm: 'RSA' }, { algorithm: 'Ed25519', min_size: 0 }],
    })
    expect(made.status).toBe(201)
    expect(made.json).not.toHaveProperty('max_ttl_seconds')
    expect(made.json.allowed_key_algorithms).toEqual([
      { algorithm: 'RSA', min_size: 2048 },
      { algorithm: 'Ed25519', min_size: 0 },
    ])
    const path = '/api/v1/profiles/prof-old'
    expect((await app.admin('PUT', path, { max_ttl_seconds: 600 })).json.max_ttl_seconds).toBe(600)
    expect(await faultOf('PUT', path, { min_ttl_seconds: 601 })).toBe('min_ttl_seconds')
  })

  it.each([
    ['AllowedIssuers', { allowed_issuer_ids: ['iss-none'] }, 'config.allowed_issuer_ids.0'],
    ['AllowedIssuers', {}, 'config.allowed_issuer_ids'],
    ['AllowedDomains', { allowed_domains: ['*.*.example.com'] }, 'config.allowed_domains.0'],
    ['AllowedDomains', { allowed_domains: 'example.com' }, 'config.allowed_domains'],
    ['RequiredMetadata', { required_keys: [] }, 'config.required_keys'],
    ['AllowedEnvironments', { allowed: ['prod'], also: 1 }, 'config.also'],
    ['RenewalLeadTime', { lead_time_days: 0 }, 'config.lead_time_days'],
    ['CertificateLifetime', { max_days: '90' }, 'config.max_days'],
    ['NoSuchType', {}, 'type'],
  ])('of a policy: a rule of type %s is never told %j', async (type, config, named) => {
    expect(await faultOf('POST', '/api/v1/policies', { name: 'x', type, config })).toBe(named)
  })

  it('of a policy are held to its type, which stays, when it is changed', async () => {
    const made = await app.admin('POST', '/api/v1/policies', { name: 'Lead time', type: 'RenewalLeadTime' })
    expect([made.status, made.json]).toEqual([
      201,
      expect.objectContaining({ config: { lead_time_days: 30 }, severity: 'Warning', mode: 'warn', enabled: true }),
    ])
    const path = `/api/v1/policies/${made.json.id}`
    expect(await faultOf('PUT', path, { config: { max_days: 3 } })).toBe('config.max_days')
    expect(await faultOf('PUT', path, { type: 'CertificateLifetime' })).toBe('type')
    expect((await app.admin('PUT', path, { config: { lead_time_days: 7 } })).json.config).toEqual({ lead_time_days: 7 })
    expect((await app.admin('PUT', path, { config: null })).json.config).toEqual({ lead_time_days: 30 })
  })

  it('of an owner name a team that is there', async () => {
    expect(await faultOf('POST', '/api/v1/owners', { name: 'x', team_id: 't-none' })).toBe('team_id')
    expect(await faultOf('POST', '/api/v1/owners', { name: 'x', email: 'nobody' })).toBe('email')
    await app.admin('POST', '/api/v1/teams', { id: 't-there', name: 'There' })
    const made = await app.admin('POST', '/api/v1/owners', { id: 'o-there', name: 'Someone', team_id: 't-there' })
    expect([made.status, made.json.email]).toEqual([201, ''])
    expect((await app.admin('PUT', '/api/v1/owners/o-there', { team_id: null })).json).not.toHaveProperty('team_id')
  })

  it.each([
    ['10.0.0.5/8', '10.0.0.0/8'],
    ['10.0.0.0', '10.0.0.0/32'],
    ['10.0.0.0/33', '/32'],
    ['10.0.0.0/08', '/32'],
    ['10.0/8', '10.1.0.0/16'],
    ['2001:db8::1/32', '2001:db8::/32'],
    ['2001:db8::/129', '/128'],
    ['everywhere', '10.1.0.0/16'],
    ['10.0.0.0/8/8', '10.1.0.0/16'],
  ])('of an agent group: the network %s is refused with what would be right', async (cidr, right) => {
    const refused = await app.admin('POST', '/api/v1/agent-groups', { name: 'x', match_ip_cidr: cidr })
    const [fault] = refused.json.errors as { field: string; message: string }[]
    expect([refused.status, fault?.field]).toEqual([400, 'match_ip_cidr'])
    expect(fault?.message).toContain(right)
  })
})
