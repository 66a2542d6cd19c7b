import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { evaluateRules, type Rule, type RuleSubject } from '../../src/lifecycle/policy/evaluate-rules.js'

const day = 86_400_000
const start = new Date('2026-01-01T00:00:00Z')
const after = (days: number) => new Date(start.getTime() + days * day)
const dns = (value: string) => ({ type: 'dns' as const, value })

const subject: RuleSubject = {
  issuerId: 'iss-a',
  profileId: undefined,
  commonName: undefined,
  names: [dns('www.example.test')],
  environment: 'production',
  ownerId: undefined,
  teamId: undefined,
  tags: { cost_center: '42' },
  wantedSeconds: undefined,
  renewalWindowDays: undefined,
  serving: [],
}

const rule = (type: string, config: object): Rule => ({
  id: 'rule-1',
  name: 'A rule',
  type,
  config,
  severity: 'Error',
  mode: 'enforce',
})

const fault = (type: string, config: object, more: Partial<RuleSubject> = {}): string | undefined =>
  evaluateRules([rule(type, config)], { ...subject, ...more })[0]?.message

describe('AllowedIssuers', () => {
  it('is violated by another issuer and names both', () => {
    expect(fault('AllowedIssuers', { allowed_issuer_ids: ['iss-a'] })).toBeUndefined()
    expect(fault('AllowedIssuers', { allowed_issuer_ids: ['iss-b', 'iss-c'] })).toBe(
      'The issuer iss-a is not among the allowed ones: iss-b, iss-c',
    )
  })
})

describe('AllowedProfiles', () => {
  it('is violated by another profile and by none, and names the allowed ones', () => {
    const config = { allowed_profile_ids: ['prof-a', 'prof-b'] }
    expect(fault('AllowedProfiles', config, { profileId: 'prof-b' })).toBeUndefined()
    expect(fault('AllowedProfiles', config, { profileId: 'prof-c' })).toBe(
      'Its profile prof-c is none of the allowed ones: prof-a, prof-b',
    )
    expect(fault('AllowedProfiles', config)).toBe(
      'It has no profile, and needs one of the allowed ones: prof-a, prof-b',
    )
    expect(fault('AllowedProfiles', {})).toMatch(/allowed ones: none/)
  })
})

describe('AllowedDomains', () => {
  it('is violated by a common name that is none of the names, whatever domain it is in', () => {
    const config = { allowed_domains: ['*.example.test'] }
    for (const commonName of ['admin of evil.test', 'other.example.test'])
      expect(fault('AllowedDomains', config, { commonName })).toContain(`"${commonName}" is none of its names`)
    expect(fault('AllowedDomains', config, { commonName: 'WWW.example.test' })).toBeUndefined()
  })

  it.each([
    ['www.example.test', ['www.example.test'], true],
    ['WWW.Example.test', ['www.example.TEST'], true],
    ['www.example.test', ['*.example.test'], true],
    ['*.example.test', ['*.example.test'], true],
    ['example.test', ['*.example.test'], false],
    ['a.b.example.test', ['*.example.test'], false],
    ['www.example.test', ['example.test'], false],
    ['www.notexample.test', ['*.example.test'], false],
    ['wwwexample.test', ['*.example.test'], false],
    ['www.example.test.evil.test', ['*.example.test'], false],
    ['www.example.test', [], false],
  ])('holds %s to %j: %s', (name, allowed, isAllowed) => {
    const message = fault('AllowedDomains', { allowed_domains: allowed }, { names: [dns(name)] })
    expect(message === undefined).toBe(isAllowed)
  })

  it('is violated by one stranger among many, which it names', () => {
    const names = [dns('www.example.test'), dns('evil.test')]
    expect(fault('AllowedDomains', { allowed_domains: ['*.example.test'] }, { names })).toMatch(
      /^evil\.test is in none/,
    )
  })

  it('is violated by a certificate without alternative names', () => {
    expect(fault('AllowedDomains', { allowed_domains: ['*.example.test'] }, { names: [] })).toBe(
      'It has no alternative names',
    )
  })

  it('counts a mailbox by its domain, and lets no address or URI slip past that is not listed', () => {
    const judged = (names: RuleSubject['names'], allowed: string[]) =>
      fault('AllowedDomains', { allowed_domains: allowed }, { names }) === undefined
    expect(judged([{ type: 'email', value: 'ada@mail.example.test' }], ['*.example.test'])).toBe(true)
    expect(judged([{ type: 'email', value: 'ada@evil.test' }], ['*.example.test'])).toBe(false)
    expect(judged([{ type: 'ip', value: '10.0.0.1' }], ['*.example.test'])).toBe(false)
    expect(judged([{ type: 'ip', value: '10.0.0.1' }], ['*.0.0.1'])).toBe(false)
    expect(judged([{ type: 'ip', value: '10.0.0.1' }], ['10.0.0.1'])).toBe(true)
    expect(judged([{ type: 'uri', value: 'spiffe://example.test/a' }], ['*.example.test'])).toBe(false)
  })
})

describe('RequiredMetadata', () => {
  it('wants each key as a tag that says something', () => {
    expect(fault('RequiredMetadata', { required_keys: ['cost_center'] })).toBeUndefined()
    expect(fault('RequiredMetadata', { required_keys: ['cost_center', 'app', 'tier'] })).toBe('It lacks app, tier')
    expect(fault('RequiredMetadata', { required_keys: ['app'] }, { tags: { app: '  ' } })).toBe('It lacks app')
    expect(fault('RequiredMetadata', { required_keys: ['toString'] })).toBe('It lacks toString')
  })

  it('takes an owner, a team and an environment for the keys of these names', () => {
    const keys = { required_keys: ['owner', 'team', 'environment'] }
    expect(fault('RequiredMetadata', keys)).toBe('It lacks owner, team')
    expect(fault('RequiredMetadata', keys, { ownerId: 'o-1', teamId: 't-1' })).toBeUndefined()
  })
})

describe('AllowedEnvironments', () => {
  it('is violated by another environment, and by none', () => {
    expect(fault('AllowedEnvironments', { allowed: ['production'] })).toBeUndefined()
    expect(fault('AllowedEnvironments', { allowed: ['staging'] })).toMatch(/^The environment production is not/)
    expect(fault('AllowedEnvironments', { allowed: ['staging'] }, { environment: '' })).toMatch(
      /^No environment is not/,
    )
  })
})

describe('RenewalLeadTime', () => {
  const serving = (lead: number) => [{ notBefore: start, notAfter: after(90), renewAt: after(90 - lead) }]

  it('judges by when it will really be renewed', () => {
    expect(fault('RenewalLeadTime', { lead_time_days: 14 }, { serving: serving(20) })).toBeUndefined()
    expect(fault('RenewalLeadTime', { lead_time_days: 14 }, { serving: serving(10.5) })).toBe(
      'It is renewed 10.5 days before its end; at least 14 are wanted',
    )
  })

  it('judges by the shortest of several holders', () => {
    const both = [...serving(30), ...serving(3)]
    expect(fault('RenewalLeadTime', { lead_time_days: 14 }, { serving: both })).toMatch(/renewed 3 days/)
  })

  it('judges by the renewal policy before there is a certificate, and says nothing where nobody knows', () => {
    expect(fault('RenewalLeadTime', { lead_time_days: 14 }, { renewalWindowDays: 7 })).toMatch(/renewed 7 days/)
    expect(fault('RenewalLeadTime', { lead_time_days: 14 }, { renewalWindowDays: 14 })).toBeUndefined()
    expect(fault('RenewalLeadTime', { lead_time_days: 14 })).toBeUndefined()
  })

  it('judges by the policy too where what is served was planned before it changed', () => {
    const changed = { serving: serving(30), renewalWindowDays: 2 }
    expect(fault('RenewalLeadTime', { lead_time_days: 14 }, changed)).toMatch(/renewed 2 days/)
  })

  it('wants 30 days where it does not say how many', () => {
    expect(fault('RenewalLeadTime', {}, { renewalWindowDays: 29 })).toMatch(/at least 30/)
  })
})

describe('CertificateLifetime', () => {
  const serving = (days: number) => [{ notBefore: start, notAfter: after(days), renewAt: undefined }]

  it('judges what is served and what is asked for', () => {
    expect(fault('CertificateLifetime', { max_days: 90 }, { serving: serving(90) })).toBeUndefined()
    expect(fault('CertificateLifetime', { max_days: 90 }, { serving: serving(91) })).toMatch(
      /lives 91 days; at most 90/,
    )
    expect(fault('CertificateLifetime', { max_days: 90 }, { wantedSeconds: 91 * 86_400 })).toMatch(/lives 91 days/)
  })

  it('says by how much it is longer where that is less than days show', () => {
    const longer = { notBefore: new Date(start.getTime() - 300_000), notAfter: after(90), renewAt: undefined }
    expect(fault('CertificateLifetime', { max_days: 90 }, { serving: [longer] })).toBe(
      'It lives 90 days and 300 s; at most 90 are allowed',
    )
  })

  it('does not mind the one second that some count and others do not', () => {
    expect(fault('CertificateLifetime', { max_days: 90 }, { wantedSeconds: 90 * 86_400 + 1 })).toBeUndefined()
    expect(fault('CertificateLifetime', { max_days: 90 }, { wantedSeconds: 90 * 86_400 + 2 })).toBeDefined()
  })
})

describe('rules together', () => {
  it('of a type nobody knows are violated by nothing', () => {
    expect(fault('Astrology', { sign: 'leo' })).toBeUndefined()
    expect(fault('constructor', {})).toBeUndefined()
  })

  const labels = fc.array(fc.constantFrom('a', 'b', 'www', 'example'), { minLength: 1, maxLength: 4 })
  const hosts = labels.map((parts) => `${parts.join('.')}.test`)
  const domains = fc.tuple(fc.boolean(), hosts).map(([isWild, host]) => (isWild ? `*.${host}` : host))

  it('allow more with more domains, whatever the names are', () => {
    fc.assert(
      fc.property(fc.array(hosts, { minLength: 1 }), fc.array(domains), domains, (names, allowed, more) => {
        const judge = (list: string[]) => fault('AllowedDomains', { allowed_domains: list }, { names: names.map(dns) })
        return judge(allowed) !== undefined || judge([...allowed, more]) === undefined
      }),
    )
  })

  it('agree with a model that compares label by label', () => {
    const isWithin = (name: string, domain: string): boolean => {
      const [labelsOfName, labelsOfDomain] = [name.split('.'), domain.split('.')]
      const isSameLength = labelsOfName.length === labelsOfDomain.length
      return (
        isSameLength && labelsOfDomain.every((label, at) => (label === '*' && at === 0) || label === labelsOfName[at])
      )
    }
    fc.assert(
      fc.property(hosts, fc.array(domains, { maxLength: 3 }), (name, allowed) => {
        const message = fault('AllowedDomains', { allowed_domains: allowed }, { names: [dns(name)] })
        return (message === undefined) === allowed.some((domain) => isWithin(name, domain))
      }),
      { numRuns: 500 },
    )
  })

  it('never throw, whatever a configuration says', () => {
    const known = ['AllowedIssuers', 'AllowedProfiles', 'AllowedDomains', 'RequiredMetadata', 'AllowedEnvironments']
    const types = [...known, 'RenewalLeadTime']
    fc.assert(
      fc.property(fc.constantFrom(...types, 'CertificateLifetime'), fc.object({ maxDepth: 2 }), (type, config) => {
        const keys = [
          'allowed',
          'allowed_domains',
          'required_keys',
          'allowed_issuer_ids',
          'allowed_profile_ids',
          'max_days',
          'lead_time_days',
        ]
        const filled = Object.fromEntries(keys.map((key, at) => [key, Object.values(config)[at]]))
        return evaluateRules([rule(type, filled)], subject).length <= 1
      }),
    )
  })

  it('judge each on its own: the violations of several are those of each', () => {
    const rules = [
      { ...rule('AllowedIssuers', { allowed_issuer_ids: ['iss-b'] }), id: 'rule-a' },
      { ...rule('AllowedEnvironments', { allowed: ['production'] }), id: 'rule-b' },
      { ...rule('RequiredMetadata', { required_keys: ['app'] }), id: 'rule-c' },
    ]
    expect(evaluateRules(rules, subject).map((violation) => violation.rule.id)).toEqual(['rule-a', 'rule-c'])
  })
})
