import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { checkPort } from '../../src/doctor/checks/check-port.js'
import { checkRedirects } from '../../src/doctor/checks/check-redirects.js'
import { parseIssueValue } from '../../src/doctor/checks/issue-value.js'
import { findingCodes } from '../../src/doctor/finding-codes.js'
import { reachOf } from '../../src/doctor/http/reach-of.js'
import { readAcmeSettings } from '../../src/doctor/issuer/acme-settings.js'
import type { Looks, Visit, WebLook } from '../../src/doctor/looks.js'
import { type Method, parseAskedName } from '../../src/doctor/subject.js'

describe('the value of a CAA or standing record', () => {
  it.each([
    ['ca.example', 'ca.example', {}],
    [' Ca.Example ; ', 'ca.example', {}],
    ['', '', {}],
    [';', '', {}],
    ['ca.example; accounturi=https://ca.example/1', 'ca.example', { accounturi: 'https://ca.example/1' }],
    ['ca.example;AccountURI = https://x/?a=b\t; policy=', 'ca.example', { accounturi: 'https://x/?a=b', policy: '' }],
  ])('%p is read', (text, domain, parameters) => {
    const value = parseIssueValue(text)
    expect([value?.domain, Object.fromEntries(value?.parameters ?? [])]).toEqual([domain, parameters])
  })

  it.each([
    'ca example',
    'ca.example; x',
    'ca.example; a=1; A=2',
    'ca.example; a=1;',
    'ca..example',
    '-ca.example',
    'ca.example; a=b c',
    '%',
  ])('%p lets nobody issue', (text) => expect(parseIssueValue(text)).toBeUndefined())
})

describe('a name that is asked about', () => {
  it.each([
    ['WWW.Example.com.', { kind: 'dns', name: 'www.example.com', isWildcard: false }],
    ['*.example.com', { kind: 'dns', name: 'example.com', isWildcard: true }],
    ['bücher.example.com', { kind: 'dns', name: 'xn--bcher-kva.example.com', isWildcard: false }],
    ['2001:DB8::1', { kind: 'address', name: '2001:db8::1' }],
  ])('%s is read', (text, expected) => expect(parseAskedName(text)).toEqual(expected))

  it.each(['a@example.com', 'https://example.com', 'www.example.com:80', '', 'a b.com', '*.*.example.com'])(
    '%p is none',
    (text) => expect(parseAskedName(text).kind).toBe('malformed'),
  )
})

/** Looks of which only the web is there: what each visit meets. */
function webLooks(visit: (place: Visit) => WebLook, addresses = ['192.0.2.1']): Looks {
  const records = addresses.map((address) => ({ type: 'A', name: 'www.example.com', ttlSeconds: 1, address }))
  const dns = {
    resolve: async (_: string, type: string) =>
      type === 'A' ? { state: 'found', chain: [], records } : { state: 'none', chain: [] },
  }
  return { ...dns, token: 'the-token', visit: async (place: Visit) => visit(place) } as unknown as Looks
}

const subjectOf = (method: Method) => ({ asked: parseAskedName('www.example.com'), method })
const answered = (status: number, location?: string): WebLook => ({
  state: 'answered',
  status,
  location,
  echoesToken: false,
})

describe('the port of the challenge', () => {
  it('that drops what comes is told from one that refuses', async () => {
    const looks = webLooks(
      ({ address }) => ({ state: address.endsWith('1') ? 'filtered' : 'closed' }),
      ['192.0.2.1', '192.0.2.2'],
    )
    const findings = await checkPort(looks, subjectOf('http-01'))
    expect(findings.map(({ code, severity }) => [code, severity])).toEqual([
      ['port_filtered', 'error'],
      ['port_closed', 'error'],
    ])
    expect(findings[0]?.remedy).toContain('TCP port 80')
  })

  it('is 443 for tls-alpn-01, where a handshake that breaks off is no fault', async () => {
    const schemes: string[] = []
    const looks = webLooks(({ scheme }) => {
      schemes.push(scheme)
      return { state: 'not_http', reason: 'no protocol in common' }
    })
    expect((await checkPort(looks, subjectOf('tls-alpn-01'))).map(({ code }) => code)).toEqual(['port_ok'])
    expect(schemes).toEqual(['https'])
    expect((await checkPort(looks, subjectOf('http-01'))).map(({ code }) => code)).toEqual(['port_not_http'])
    expect(await checkPort(looks, subjectOf('dns-01'))).toEqual([])
  })
})

describe('redirects', () => {
  const codes = async (visit: (place: Visit) => WebLook) =>
    (await checkRedirects(webLooks(visit), subjectOf('http-01'))).map(({ code }) => code)

  it('to a port of the other scheme, or to HTTPS where nothing answers, are named', async () => {
    expect(await codes(() => answered(302, 'http://www.example.com:443/'))).toEqual(['redirect_port'])
    expect(
      await codes(({ scheme }) =>
        scheme === 'http' ? answered(301, 'https://www.example.com/x') : { state: 'filtered' },
      ),
    ).toEqual(['redirect_dead_end'])
  })

  it('ten in a row are followed, eleven are not', async () => {
    const chain = (length: number) => (place: Visit) => {
      const at = Number(new URLSearchParams(place.path.split('?')[1]).get('n') ?? 0)
      return at < length ? answered(302, `/.well-known/acme-challenge/the-token?n=${at + 1}`) : answered(404)
    }
    expect(await codes(chain(10))).toEqual(['redirect_ok'])
    expect(await codes(chain(11))).toEqual(['redirect_endless'])
  })

  it('show neither the paths nor the queries that they lead to', async () => {
    const looks = webLooks(({ path }) =>
      path.includes('secret') ? answered(200) : answered(302, '/login/secret?session=canary'),
    )
    const [finding] = await checkRedirects(looks, subjectOf('http-01'))
    expect(finding?.seen).toContain('http://www.example.com/…')
    expect(JSON.stringify(finding)).not.toMatch(/secret|canary|the-token/)
  })

  it('without a place to go, or to one that is no URL, are answers', async () => {
    expect(await codes(() => answered(304))).toEqual([])
    expect(await codes(() => answered(301, 'http://['))).toEqual([])
  })
})

describe('addresses', () => {
  it.each([
    ['93.184.216.34', 'public'],
    ['10.0.0.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd00::1', 'private'],
    ['127.0.0.1', 'nowhere'],
    ['169.254.169.254', 'nowhere'],
    ['::ffff:10.0.0.1', 'private'],
    ['0.0.0.0', 'nowhere'],
  ])('%s is reached from: %s', (address, reach) => expect(reachOf(address)).toBe(reach))
})

describe('the settings of an issuer', () => {
  it('are taken where they are what they should be, and nothing else is', () => {
    const config = {
      directory_url: 'https://ca/',
      challenge_type: 'dns-01',
      dns_present_script: '/x',
      dns_resolvers: ['192.0.2.1', 7],
      eab_hmac: 'canary',
    }
    expect(readAcmeSettings(config)).toMatchObject({
      directoryUrl: 'https://ca/',
      challengeType: 'dns-01',
      writesDns: true,
      resolvers: ['192.0.2.1'],
    })
    expect(JSON.stringify(readAcmeSettings(config))).not.toContain('canary')
    expect(readAcmeSettings({ directory_url: 7, challenge_type: 'x', dns_resolvers: 'y' })).toEqual({
      writesDns: false,
    })
  })
})

describe('the codes of findings', () => {
  const root = join(import.meta.dirname, '../../../..')

  it('are those that docs/doctor.md explains, in the same words', () => {
    const page = readFileSync(join(root, 'docs/doctor.md'), 'utf8')
    const rows = [...page.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, code, meaning]) => [code, meaning])
    expect(rows).toEqual(Object.entries(findingCodes))
  })

  it('are each given by a check', () => {
    const folder = join(root, 'apps/server/src/doctor')
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.ts') && !name.endsWith('finding-codes.ts'),
    )
    const text = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n')
    expect(Object.keys(findingCodes).filter((code) => !text.includes(`'${code}'`))).toEqual([])
  })
})
