import { type DnsQuestion, parseConfig } from '@certctl/core'
import { createTestIssuerHost } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import type { Acme } from '../src/acme.js'
import { delegatedName } from '../src/challenge/delegated-name.js'
import { askPropagation } from '../src/challenge/propagation.js'
import { configSchema } from '../src/config.js'
import { createTransport } from '../src/transport/transport.js'
import { never } from './orders.js'

type Zone = Readonly<Record<string, readonly string[] | Error>>

/** A zone with two servers; what `server name type` answers, or `name type` whoever is asked. */
function open(zone: Zone, over: object = {}) {
  const asked: string[] = []
  const resolve = ({ name, type, servers }: DnsQuestion): readonly string[] => {
    asked.push(`${servers?.[0] ?? 'system'} ${name} ${type}`)
    const answer = zone[`${servers?.[0] ?? 'system'} ${name} ${type}`] ?? zone[`${name} ${type}`] ?? []
    if (answer instanceof Error) throw answer
    return answer
  }
  const host = createTestIssuerHost({ resolve })
  const config = parseConfig(configSchema, { directory_url: 'https://ca.test/directory', ...over }, 'ACME')
  const acme: Acme = { config, host, transport: createTransport(config, host) }
  const answer = {
    kind: 'dns' as const,
    authorization: 'https://ca.test/authz/1',
    at: host.now().toISOString(),
    name: '_acme-challenge.www.example.test',
    value: 'wanted',
    domain: 'www.example.test',
    stands: false,
  }
  return { asked, host, ask: () => askPropagation(acme, answer, never), acme }
}

const record = '_acme-challenge.www.example.test TXT'
const zone: Zone = {
  'example.test SOA': ['ns1.example.test hostmaster.example.test 1 2 3 4 5'],
  'example.test NS': ['ns1.example.test', 'ns2.example.test.'],
  'ns1.example.test A': ['192.0.2.1'],
  'ns2.example.test AAAA': ['2001:db8::2'],
}
const [one, two] = ['192.0.2.1', '[2001:db8::2]']
const away = new Error('timed out')

describe('whether a record is visible', () => {
  it('is asked of every server of its zone, and then no cache is needed', async () => {
    const { ask, asked } = open({
      ...zone,
      [`${one} ${record}`]: ['other', 'wanted'],
      [`${two} ${record}`]: ['wanted'],
    })
    expect(await ask()).toMatchObject({
      state: 'visible',
      report: expect.stringMatching(
        /ns1\.example\.test \(example\.test\): has it; ns2\.example\.test \(example\.test\): has it/,
      ),
    })
    expect(asked.filter((line) => line.endsWith('TXT'))).toEqual([`${one} ${record}`, `${two} ${record}`])
  })

  it('one server without it is enough to wait, and to ask no resolver, which would remember that', async () => {
    const { ask, asked, host } = open(
      { ...zone, [`${one} ${record}`]: ['wanted'] },
      { dns_resolvers: ['198.51.100.1'] },
    )
    expect(await ask()).toMatchObject({
      state: 'waiting',
      report: expect.stringContaining('ns2.example.test (example.test): does not have it'),
    })
    expect(asked).not.toContain(`198.51.100.1 ${record}`)
    host.clock.advance(899)
    expect(await ask()).toMatchObject({ state: 'waiting' })
    host.clock.advance(2)
    expect(await ask()).toMatchObject({ state: 'given up' })
  })

  it('is asked of the resolvers that are named, after the zone has it', async () => {
    const has = { [`${one} ${record}`]: ['wanted'], [`${two} ${record}`]: ['wanted'] }
    const { ask } = open(
      { ...zone, ...has, [`198.51.100.2 ${record}`]: ['wanted'] },
      { dns_resolvers: ['198.51.100.1', '198.51.100.2'] },
    )
    expect(await ask()).toMatchObject({
      state: 'waiting',
      report: expect.stringMatching(/resolver 198\.51\.100\.1: does not have it; resolver 198\.51\.100\.2: has it/),
    })
  })

  it('servers that do not answer are waited for so long, and no longer', async () => {
    const { ask, host } = open({
      ...zone,
      [`${one} ${record}`]: ['wanted'],
      [`${two} ${record}`]: away,
      [`system ${record}`]: ['wanted'],
    })
    expect(await ask()).toMatchObject({ state: 'waiting', report: expect.stringContaining('no answer (timed out)') })
    host.clock.advance(31)
    expect(await ask()).toMatchObject({ state: 'visible' })
  })

  it('where no server of the zone can be found, the system is asked, and the report says why', async () => {
    const hidden = open({ [record]: ['wanted'] })
    expect(await hidden.ask()).toMatchObject({
      state: 'visible',
      report: expect.stringMatching(/no zone was found above .*resolver of the system: has it/),
    })
    const failing = open({ '_acme-challenge.www.example.test SOA': away, [record]: ['wanted'] })
    expect(await failing.ask()).toMatchObject({ state: 'visible', report: expect.stringMatching(/timed out/) })
  })

  it('without the check, only the wait counts, and nobody is asked', async () => {
    const { ask, asked, host } = open({}, { dns_propagation_check: false, dns_propagation_wait: 60 })
    expect(await ask()).toMatchObject({ state: 'waiting' })
    host.clock.advance(60)
    expect(await ask()).toMatchObject({ state: 'visible' })
    expect(asked).toEqual([])
  })
})

describe('the name of a record', () => {
  const name = '_acme-challenge.www.example.test'

  it('is itself without a CNAME, and the end of the way with some', async () => {
    expect(await delegatedName(open({}).acme, name, never)).toBe(name)
    const led = { [`${name} CNAME`]: ['A.auth.test.'], 'a.auth.test CNAME': ['b.auth.test'] }
    expect(await delegatedName(open(led).acme, name, never)).toBe('b.auth.test')
  })

  it('on a way that leads in a circle is refused with the way', async () => {
    const circle = { [`${name} CNAME`]: ['a.test'], 'a.test CNAME': [name] }
    await expect(delegatedName(open(circle).acme, name, never)).rejects.toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringContaining('→ a.test'),
    })
  })
})
