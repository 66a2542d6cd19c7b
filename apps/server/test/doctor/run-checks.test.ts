import { describe, expect, it } from '@jest/globals'
import type { Looks } from '../../src/doctor/looks.js'
import { runChecks } from '../../src/doctor/run-checks.js'
import { parseAskedName, type Subject } from '../../src/doctor/subject.js'

const never = async () => await new Promise<never>(() => undefined)

/** A world that says nothing at all, for ever. */
const silence = {
  now: () => new Date(0),
  token: 'token',
  resolvers: ['192.0.2.53'],
  proxies: [],
  reachOf: () => 'public',
  ask: never,
  descend: never,
  resolve: never,
  recall: never,
  visit: never,
  directory: never,
  identities: never,
  testIssuer: never,
  testProvider: never,
  budget: never,
} satisfies Looks

const subject: Subject = { asked: parseAskedName('www.example.com'), method: 'http-01', issuerId: 'iss-acme' }

const codesOf = (findings: readonly { code: string }[]) => findings.map(({ code }) => code)

describe('a run', () => {
  it('ends when its time is over: what is known by then is told, and what is not is named', async () => {
    const over = new AbortController()
    const run = runChecks(silence, subject, over.signal)
    over.abort()
    const findings = await run
    expect(codesOf(findings)).toEqual(expect.arrayContaining(['name_ok', 'proxy_none', 'check_failed']))
    const unfinished = findings.filter(({ code }) => code === 'check_failed')
    expect(unfinished.map(({ seen }) => seen)).toContain(
      'The check of delegation did not come to an end: the time of this run was over',
    )
    expect(unfinished.every(({ severity }) => severity === 'warning')).toBe(true)
  })

  it('whose time is over before it begins waits for nobody', async () => {
    const findings = await runChecks(silence, subject, AbortSignal.abort())
    expect(codesOf(findings)).toContain('check_failed')
  })

  it('tells its findings in the order in which they are to be mended, whichever comes first', async () => {
    const findings = await runChecks({ ...silence, budget: async () => undefined }, subject, AbortSignal.abort())
    const checks = findings.flatMap(({ seen }) => /The check of (\w+)/.exec(seen)?.[1] ?? [])
    expect(checks.indexOf('delegation')).toBeLessThan(checks.indexOf('caa'))
    expect(checks.indexOf('caa')).toBeLessThan(checks.indexOf('directory'))
  })

  it('of an address asks DNS nothing, and connects to that address only', async () => {
    const visited: string[] = []
    const looks: Looks = {
      ...silence,
      visit: async ({ address, scheme }) => {
        visited.push(`${scheme} ${address}`)
        return { state: 'answered', status: 404, location: undefined, echoesToken: false }
      },
      directory: async () => undefined,
      testIssuer: async () => undefined,
      budget: async () => undefined,
    }
    const asked = parseAskedName('192.0.2.1')
    const findings = await runChecks(looks, { asked, method: 'http-01' }, AbortSignal.timeout(10_000))
    expect(codesOf(findings)).toEqual(['name_ok', 'addresses_ok', 'port_ok', 'path_ok', 'proxy_none'])
    expect(new Set(visited)).toEqual(new Set(['http 192.0.2.1']))
  })

  it.each([
    ['10.0.0.7', 'private', /CERTCTL_HEALTH_CHECK_ADDRESSES=private/],
    ['127.0.0.1', 'nowhere', /no setting has such an address contacted/],
  ] as const)('of %s, which it may not contact, proposes only what helps', async (address, reach, remedy) => {
    const looks: Looks = {
      ...silence,
      reachOf: () => reach,
      visit: async () => ({ state: 'unseen', reason: `${address} may not be contacted` }),
      directory: async () => undefined,
      testIssuer: async () => undefined,
      budget: async () => undefined,
    }
    const asked = parseAskedName(address)
    const found = await runChecks(looks, { asked, method: 'http-01' }, AbortSignal.timeout(10_000))
    const [unreachable, unseen] = ['address_private', 'port_unseen'].map((code) =>
      found.find((one) => one.code === code),
    )
    expect(unreachable?.seen).toBe(`${address} cannot be reached from the internet`)
    // DNS proves no address.
    expect(unreachable?.remedy).not.toContain('dns-01')
    expect(unseen?.remedy).toMatch(remedy)
  })

  it('of what is no name looks at the CA all the same', async () => {
    const looks: Looks = {
      ...silence,
      directory: async () => ({
        url: 'https://ca.test/directory',
        state: 'silent',
        reason: 'ca.test cannot be reached',
      }),
      testIssuer: async () => ({ works: false, reason: 'ca.test cannot be reached' }),
      budget: async () => undefined,
    }
    const findings = await runChecks(
      looks,
      { ...subject, asked: parseAskedName('not a name') },
      AbortSignal.timeout(10_000),
    )
    expect(codesOf(findings)).toEqual(['name_malformed', 'directory_unreachable', 'proxy_none', 'issuer_failing'])
  })
})
