import type { IssuanceRequest, IssuerConnector } from '@certctl/core'
import { issuedRefOf } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import type { FakeSwitches } from './fake-switches.js'
import { createFakeWorld } from './fake-world.js'
import { dns, never, type Pending, pending, requestFor, settle, start, valid } from './orders.js'

const script = '/etc/certctl/dns/create-record.sh'
const byDns = { dns_present_script: script, dns_cleanup_script: script }

async function open(switches: FakeSwitches = {}, over: object = {}) {
  const world = await createFakeWorld(switches)
  const connect = (more: object = {}) => start(world.host, { directory_url: world.ca.directoryUrl, ...over, ...more })
  return { ...world, connect, connector: connect() }
}

async function look(connector: IssuerConnector, { orderId, progress }: Pending, request: IssuanceRequest) {
  const outcome = await connector.poll?.({ orderId, progress, request, signal: never })
  if (outcome === undefined) throw new Error('it cannot poll')
  return outcome
}

describe('an order that its request has left', () => {
  it('is had by the next request of these names an hour later; the first has one of its own should it come back', async () => {
    const { connector, host, ca } = await open({ reusesOrders: true })
    const [first, second] = [await requestFor([dns('same.test')]), await requestFor([dns('same.test')])]
    const left = pending(await connector.issue(first))
    const other = pending(await connector.issue(second))
    host.clock.advance(3000)
    pending(await look(connector, other, second))
    expect(ca.seen.some(({ path }) => path.startsWith('/finalize/'))).toBe(false)
    host.clock.advance(601)
    const taken = pending(await look(connector, other, second))
    expect(taken.orderId).toBe(left.orderId)
    expect(pending(await look(connector, left, first)).orderId).toMatch(/^unplaced:/)
    valid(await settle(host, () => connector, { ...second, attempt: 2 }))
    valid(await settle(host, () => connector, { ...first, attempt: 2 }))
    expect(ca.issued()).toBe(2)
  })

  it('is not had by another while its own looks at it, however long that takes', async () => {
    const { connector, host } = await open({ reusesOrders: true })
    const mute = start(
      { ...host, challenges: { ...host.challenges, publish: async () => 'waiting' as const } },
      { directory_url: 'https://acme.example.test/directory' },
    )
    const [first, second] = [await requestFor([dns('same.test')]), await requestFor([dns('same.test')])]
    let one = pending(await mute.issue(first))
    const { orderId } = one
    let other = pending(await connector.issue(second))
    for (let round = 1; round <= 6; round += 1) {
      host.clock.advance(1200)
      one = pending(await look(mute, one, first))
      other = pending(await look(connector, other, second))
    }
    expect([one.orderId, other.orderId === orderId]).toEqual([orderId, false])
  })

  it('is had at once where the CA had refused the key', async () => {
    const { connector, host, ca } = await open({ reusesOrders: true, refuseCsr: 'badPublicKey' })
    const refused = settle(host, () => connector, await requestFor([dns('same.test')]))
    await expect(refused).rejects.toMatchObject({ code: 'csr_rejected' })
    ca.switches = { reusesOrders: true }
    const before = host.now().getTime()
    valid(await settle(host, () => connector, await requestFor([dns('same.test')])))
    expect(host.now().getTime() - before).toBeLessThan(60_000)
    expect(ca.orders()).toHaveLength(1)
  })
})

describe('an order of a former configuration', () => {
  const bound = { eab_kid: 'x', eab_hmac: Buffer.alloc(32, 200).toString('base64') }

  it('goes on under the account that placed it', async () => {
    const { connector, connect, ca } = await open()
    const request = await requestFor([dns('a.test')])
    let outcome = await connector.issue(request)
    const later = connect(bound)
    for (let round = 1; round < 10 && outcome.status === 'pending'; round += 1)
      outcome = await look(later, outcome, request)
    valid(outcome)
    expect(ca.orders()).toHaveLength(1)
  })

  it('is over where it is at another CA, for a new one to follow', async () => {
    const { connector, host } = await open()
    const request = await requestFor([dns('a.test')])
    const before = pending(await connector.issue(request))
    const elsewhere = start(host, { directory_url: 'https://other.example.test/directory' })
    expect(await look(elsewhere, before, request)).toMatchObject({
      status: 'expired',
      reason: expect.stringMatching(/does not use any more/),
    })
  })

  it('whose CA has forgotten it leaves nothing published', async () => {
    const { host, ca, connect } = await open({ validationPolls: 9 }, { ...byDns, challenge_type: 'dns-01' })
    const connector = connect()
    const request = await requestFor([dns('a.test')])
    const shown = pending(await look(connector, pending(await connector.issue(request)), request))
    expect(host.published.records).toHaveLength(1)
    expect(ca.orders()).toHaveLength(1)
    const lost = { ...shown, orderId: 'https://acme.example.test/order/999' }
    expect(await look(connector, lost, request)).toMatchObject({ status: 'expired' })
    expect(host.published.records).toEqual([])
  })

  it('is revoked by the account that ordered, whatever the configured one lacks', async () => {
    const { connector, connect, host, ca } = await open()
    const issued = valid(await settle(host, () => connector, await requestFor([dns('a.test')])))
    ca.switches = { macKey: { kid: 'right', key: Buffer.alloc(32, 1) } }
    const request = { id: 'r', attempt: 1, firstAskedAt: host.now(), reason: 'superseded', reasonText: '' } as const
    const certificate = issuedRefOf(issued)
    expect(await connect(bound).revoke?.({ ...request, certificate, signal: never })).toEqual({ status: 'confirmed' })
    expect(ca.revocations()).toBe(1)
  })
})

describe('a CA that means no good', () => {
  const standing = { ...byDns, challenge_type: 'dns-persist-01' }
  const theirs = 'https://acme-v02.api.letsencrypt.org/acme/acct/666'

  it.each([
    ['another account', { domain: 'letsencrypt.org', accounturi: theirs }, /account https:\/\/acme-v02/],
    ['more than a domain', { domain: `letsencrypt.org; accounturi=${theirs}` }, /no domain/],
  ])('has no standing record written that names %s', async (_, persist, message) => {
    const { connector, host } = await open({ offers: ['dns-persist-01'], persist }, standing)
    await expect(settle(host, () => connector, await requestFor([dns('a.test')]))).rejects.toMatchObject({
      code: 'upstream_protocol',
      message: expect.stringMatching(message),
    })
    expect(host.published.records).toEqual([])
  })

  it.each(['https://169.254.169.254/chain', 'http://[', '/alternate/999-0'])(
    'keeps no certificate from us by another chain at %s',
    async (link) => {
      const { connector, host } = await open({ alternateLinks: [link] }, { preferred_chain: 'shortest' })
      valid(await settle(host, () => connector, await requestFor([dns('a.test')])))
    },
  )

  it('fills no record with its words', async () => {
    const type = 'x'.repeat(500_000)
    const { connector } = await open({ refuseOrders: { type, status: 400, detail: type } })
    const refused: unknown = await connector.issue(await requestFor([dns('a.test')])).catch((error: unknown) => error)
    expect(String(refused).length).toBeLessThan(2000)
  })

  it('has nothing published for a name that was not ordered', async () => {
    const { connector, host } = await open({ authorizes: 'victim.test' }, { ...byDns, challenge_type: 'dns-01' })
    await expect(settle(host, () => connector, await requestFor([dns('a.test')]))).rejects.toMatchObject({
      code: 'upstream_protocol',
      message: expect.stringContaining('victim.test'),
    })
    expect(host.published.records).toEqual([])
  })
})

describe('answers that could not be taken back', () => {
  it('hold up no others: each is tried for itself', async () => {
    const { host, connect } = await open()
    const withdraw: typeof host.challenges.withdraw = () => Promise.reject(new Error('away'))
    const stuck = start(
      { ...host, challenges: { ...host.challenges, withdraw } },
      { directory_url: 'https://acme.example.test/directory' },
    )
    valid(await settle(host, () => stuck, await requestFor([dns('a.test'), dns('b.test'), dns('c.test')])))
    expect(host.published.challenges).toHaveLength(3)
    let calls = 0
    const half: typeof withdraw = async (answer) => {
      calls += 1
      if (calls === 1) throw new Error('this one is away')
      await host.challenges.withdraw(answer)
    }
    const one = start(
      { ...host, challenges: { ...host.challenges, withdraw: half } },
      { directory_url: 'https://acme.example.test/directory' },
    )
    await one.maintain?.(never)
    expect(host.published.challenges).toHaveLength(1)
    await connect().maintain?.(never)
    expect(host.published.challenges).toEqual([])
  })
})
