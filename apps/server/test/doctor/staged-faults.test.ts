import { once } from 'node:events'
import { createServer as createTcpServer } from 'node:net'
import { createMaterial, type Material } from '@certctl/testing'
import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals'
import type { Finding } from '../../src/doctor/finding.js'
import { needsLoopbackNetwork } from './loopback-network.js'
import { caFaults } from './staged/ca-faults.js'
import { inZone } from './staged/change-zone.js'
import { dnsFaults } from './staged/dns-faults.js'
import { recordFaults } from './staged/record-faults.js'
import { site } from './staged/staged.js'
import { webFaults } from './staged/web-faults.js'
import { a, caa, cname, comAddress, createWorld, emptyAddress, txt, type World } from './world.js'

let material: Material
let world: World

beforeAll(async () => {
  material = await createMaterial()
})
beforeEach(async () => {
  world = await createWorld(material)
})
afterEach(async () => await world.close())

const staged = needsLoopbackNetwork()

/** What is not well, each code once. */
function faultsIn(findings: readonly Finding[]): string[] {
  return [...new Set(findings.filter(({ severity }) => severity !== 'ok').map(({ code }) => code))].toSorted()
}

function one(findings: readonly Finding[], code: string): Finding {
  const found = findings.find((finding) => finding.code === code)
  if (found === undefined) throw new Error(`no ${code} among ${findings.map((finding) => finding.code).join(', ')}`)
  return found
}

staged('a healthy name', () => {
  it.each(['http-01', 'dns-01', 'tls-alpn-01'] as const)('has nothing said against it by %s', async (method) => {
    const findings = await world.examine(site, { method })
    expect(findings.filter(({ severity }) => severity !== 'ok')).toEqual([])
    const codes = findings.map(({ code }) => code)
    for (const code of [
      'name_ok',
      'delegation_ok',
      'caa_none',
      'views_ok',
      'dnssec_none',
      'directory_ok',
      'clock_ok',
      'proxy_none',
      'issuer_ok',
    ])
      expect(codes).toContain(code)
  })

  it('with CAA for its CA, a standing record and an alias of its challenge has nothing said against it', async () => {
    inZone(world, ({ records }) => {
      records.push(
        caa('example.com', 'ca.test; accounturi=https://ca.test/account/7; validationmethods=dns-persist-01,http-01'),
        caa('example.com', 'mailto:ops@example.com', { tag: 'iodef' }),
        cname('_acme-challenge.www.example.com', 'www.acme.example.com'),
        txt('_validation-persist.www.example.com', 'ca.test; accounturi=https://ca.test/account/7; policy=WILDCARD'),
      )
    })
    for (const method of ['http-01', 'dns-persist-01'] as const)
      expect(faultsIn(await world.examine(site, { method }))).toEqual([])
    expect(faultsIn(await world.examine(`*.${site}`, { method: 'dns-persist-01' }))).toEqual([])
  })

  it('that redirects to HTTPS with a certificate of somebody else has nothing said against it', async () => {
    world.web.http = (request, response) => response.writeHead(301, { location: `https://${site}${request.url}` }).end()
    const findings = await world.examine(site)
    expect(faultsIn(findings)).toEqual([])
    expect(one(findings, 'redirect_ok').seen).toContain(
      `http://${site}/.well-known/acme-challenge/… → https://${site}/`,
    )
  })

  it('is looked at without a change: name servers hear questions only, and the web server reads only', async () => {
    const methods: string[] = []
    world.web.http = (request, response) => {
      methods.push(request.method ?? '')
      response.writeHead(404).end()
    }
    await world.examine(site)
    expect(methods).toEqual(['GET'])
    const { heard } = world.servers.first
    expect(new Set(heard).size).toBe(heard.length)
  })
})

const faults = [...dnsFaults, ...webFaults, ...recordFaults, ...caFaults]

staged('the doctor names', () => {
  it.each(faults.map((fault) => [fault.fault, fault] as const))('%s', async (_, fault) => {
    await fault.stage(world)
    const findings = await world.examine(fault.name ?? site, fault.method === undefined ? {} : { method: fault.method })
    expect(faultsIn(findings)).toEqual(fault.expected)
    const first = one(findings, fault.expected[0] ?? '')
    if (fault.says !== undefined) expect(first.seen).toMatch(fault.says)
    if (fault.remedy !== undefined) expect(first.remedy).toContain(fault.remedy)
    for (const finding of findings.filter(({ severity }) => severity !== 'ok')) {
      expect(finding.cause).toMatch(/\w/)
      expect(finding.remedy).toMatch(/\w/)
    }
  })

  it('at least fifteen different causes in staged faults', () => {
    expect(new Set(faults.flatMap(({ expected }) => expected)).size).toBeGreaterThan(40)
  })

  it('each of many faults that come together', async () => {
    world.mood('second', () => ({ rcode: 5 }))
    inZone(world, ({ records }) => records.push(caa('example.com', 'other-ca.test'), a(site, emptyAddress)))
    world.web.http = (_, response) => response.end('the application')
    world.ca.now = () => new Date(Date.now() - 600_000)
    world.mood('resolver', ({ type }) => (type === 'A' ? { answers: [a(site, comAddress)] } : undefined))
    world.issuer = { budget: async () => ({ fits: false, detail: 'all used' }) }
    expect(faultsIn(await world.examine(site))).toEqual([
      'budget_spent',
      'caa_forbids',
      'clock_off',
      'path_taken',
      'port_closed',
      'resolver_differs',
      'server_lame',
    ])
  })

  it('what the other checks see, when one of them fails', async () => {
    world.issuer = { budget: () => Promise.reject(new Error('not foreseen')) }
    inZone(world, ({ records }) => records.push(caa('example.com', 'other-ca.test')))
    const findings = await world.examine(site)
    expect(faultsIn(findings)).toEqual(['caa_forbids', 'check_failed'])
    expect(one(findings, 'check_failed').seen).toContain('budget')
  })

  it('what resolvers say, where no name server can be asked', async () => {
    world.surroundings.dns.roots = [emptyAddress]
    inZone(world, ({ records }) =>
      records.push(caa('example.com', 'other-ca.test'), a('closed.example.com', emptyAddress)),
    )
    expect(faultsIn(await world.examine('closed.example.com'))).toEqual(['caa_forbids', 'port_closed', 'roots_silent'])
  })

  it('a top level that only this network knows as no more than doubtful', async () => {
    world.mood('resolver', ({ type, name }) =>
      name === 'host.corp' && type === 'A' ? { answers: [a('host.corp', '127.0.0.41')] } : undefined,
    )
    const findings = await world.examine('host.corp')
    expect(faultsIn(findings)).toEqual(['addresses_inside', 'name_not_public', 'not_delegated', 'resolver_differs'])
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
  })

  it('nothing of the CA where no issuer is asked about', async () => {
    inZone(world, ({ records }) => records.push(caa('example.com', 'other-ca.test')))
    const findings = await world.examine(site, { withoutIssuer: true })
    expect(faultsIn(findings)).toEqual([])
    expect(one(findings, 'caa_unjudged').seen).toContain('other-ca.test')
  })

  it('no host but the one that was asked about: a redirect to another one is not followed', async () => {
    let visited = 0
    const other = createTcpServer((socket) => {
      visited += 1
      socket.destroy()
    })
    await world.listen(other, emptyAddress)
    world.web.http = (_, response) => response.writeHead(302, { location: `http://${emptyAddress}/secret` }).end()
    expect(faultsIn(await world.examine(site))).toEqual(['redirect_elsewhere'])
    expect(visited).toBe(0)
    other.close()
    await once(other, 'close')
  })

  it('addresses that may not be contacted, and does not contact them', async () => {
    let visited = 0
    world.web.http = (_, response) => {
      visited += 1
      response.end()
    }
    world.surroundings.web.addresses = 'scan'
    const findings = await world.examine(site)
    expect(faultsIn(findings)).toEqual(['port_unseen'])
    expect(visited).toBe(0)
  })
})
