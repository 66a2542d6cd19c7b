import { describe, expect, it } from '@jest/globals'
import { createFakeWorld } from './fake-world.js'
import { dns, never, type Pending, pending, requestFor, settle, start, valid } from './orders.js'

describe('an order that is proven by DNS', () => {
  it('has the CA look at a record only when name servers show it', async () => {
    const shown = { isVisible: false }
    const world = await createFakeWorld({}, { isVisible: () => shown.isVisible })
    const config = { directory_url: world.ca.directoryUrl, challenge_type: 'dns-01', dns_provider: 'dns-test' }
    const connector = start(world.host, config)
    const request = await requestFor([dns('slow.test')])
    const looks = () => world.ca.seen.filter(({ path, payload }) => path.startsWith('/chall/') && payload !== null)
    const look = async ({ orderId, progress }: Pending) => {
      const outcome = await connector.poll?.({ orderId, progress, request, signal: never })
      if (outcome === undefined) throw new Error('it cannot poll')
      return outcome
    }
    const first = pending(await look(pending(await connector.issue(request))))
    expect(first).toMatchObject({ waitingFor: 'validation', detail: expect.stringContaining('does not have it') })
    world.host.clock.advance(600)
    const second = pending(await look(first))
    expect(looks()).toEqual([])
    expect(world.host.published.records).toHaveLength(1)
    shown.isVisible = true
    let outcome = await look(second)
    for (let turn = 0; outcome.status === 'pending' && turn < 10; turn += 1) outcome = await look(outcome)
    expect(outcome.status).toBe('valid')
    expect(looks()).toHaveLength(1)
  })

  it('whose record never comes to be seen is given up without the CA having looked', async () => {
    const world = await createFakeWorld({}, { isVisible: () => false })
    const connector = start(world.host, {
      directory_url: world.ca.directoryUrl,
      challenge_type: 'dns-01',
      dns_provider: 'dns-test',
      dns_propagation_timeout: 60,
    })
    const outcome = await settle(world.host, () => connector, await requestFor([dns('never.test')]))
    expect(outcome).toMatchObject({ status: 'invalid', reason: expect.stringContaining('is not visible') })
    expect(world.ca.seen.filter(({ path }) => path.startsWith('/chall/'))).toEqual([])
    expect(world.host.published.records).toEqual([])
  })

  it.each([
    ['Something\nelse answers', /^blind\.test: dns-01/],
    ['two of three saw nothing', /^unauthorized: two of three saw nothing; blind\.test: dns-01/],
  ])('that the CA ends with the words %j says each thing once', async (orderDetail, beginning) => {
    const world = await createFakeWorld({ orderDetail }, { isBlind: true })
    const config = { directory_url: world.ca.directoryUrl, challenge_type: 'dns-01', dns_provider: 'dns-test' }
    const outcome = await settle(world.host, () => start(world.host, config), await requestFor([dns('blind.test')]))
    const { reason } = outcome as { reason: string }
    expect(outcome.status).toBe('invalid')
    expect(reason.match(/Something else answers/g)).toHaveLength(1)
    expect(reason).toMatch(beginning)
  })

  it.each([
    ['dns-01', '_acme-challenge'],
    ['dns-persist-01', '_validation-persist'],
  ])('by %s is proven where a CNAME leads to', async (challenge_type, label) => {
    const aliases = { [`${label}.kept.test`]: 'kept.zone.test' }
    const written: string[] = []
    const world = await createFakeWorld({ offers: [challenge_type] }, { aliases })
    const config = { directory_url: world.ca.directoryUrl, challenge_type, dns_provider: 'dns-test' }
    const copy = () => {
      written.push(...world.host.published.records.map(({ name }) => name))
      return start(world.host, config)
    }
    valid(await settle(world.host, copy, await requestFor([dns('kept.test')])))
    written.push(...world.host.published.records.map(({ name }) => name))
    expect([...new Set(written)]).toEqual(['kept.zone.test'])
  })
})
