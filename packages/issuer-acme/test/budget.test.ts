import type { IssuerConnector } from '@certctl/core'
import { parseConfig } from '@certctl/core'
import { createTestIssuerHost, type TestIssuerHost } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import type { Acme } from '../src/acme.js'
import { recordFailures } from '../src/budget/failures.js'
import { configSchema } from '../src/config.js'
import { recordOrder } from '../src/order/ledger.js'
import { recordIssued } from '../src/order/record-issued.js'
import { createTransport } from '../src/transport/transport.js'
import { dns, never, start } from './orders.js'

const directory_url = 'https://acme-v02.api.letsencrypt.org/directory'

function open(url = directory_url): { acme: Acme; host: TestIssuerHost; connector: IssuerConnector } {
  const host = createTestIssuerHost()
  const config = parseConfig(configSchema, { directory_url: url }, 'ACME')
  return {
    acme: { config, host, transport: createTransport(config, host) },
    host,
    connector: start(host, { directory_url: url }),
  }
}

async function spend(acme: Acme, names: string, { times = 1, isExempt = false } = {}): Promise<void> {
  for (let n = 1; n <= times; n += 1)
    await recordOrder(
      acme,
      { url: `${directory_url}/${names}/${n}/${Math.random()}`, identifiers: names, isExempt },
      `${names}-${n}-${Math.random()}`,
    )
}

const ask = (connector: IssuerConnector, name: string, orders = 1) =>
  connector.budget?.({ names: [dns(name)], orders, signal: never })

describe('the budget', () => {
  it('of a CA without known limits has room', async () => {
    expect(await ask(open('https://ca.internal.test/directory').connector, 'a.test', 10_000)).toMatchObject({
      fits: true,
    })
  })

  it('has room for the fiftieth certificate below a domain in a week, not for the next, and says when', async () => {
    const { acme, host, connector } = open()
    for (let n = 1; n <= 49; n += 1) await spend(acme, `dns:h${n}.example.com`)
    expect(await ask(connector, 'new.example.com')).toMatchObject({ fits: true })
    expect(await ask(connector, 'new.example.com', 2)).toMatchObject({ fits: false })
    await spend(acme, 'dns:h50.example.com')
    const full = await ask(connector, 'new.example.com')
    expect(full).toMatchObject({
      fits: false,
      detail: expect.stringMatching(/50 of 50 orders below example\.com in 7 days/),
    })
    expect(await ask(connector, 'www.example.org')).toMatchObject({ fits: true })
    host.clock.advance(((full?.nextAt?.getTime() ?? 0) - host.now().getTime()) / 1000 + 1)
    expect(await ask(connector, 'new.example.com')).toMatchObject({ fits: true })
  })

  it('counts by public suffix: shops under co.uk and pages under github.io do not share', async () => {
    const { acme, connector } = open()
    for (let n = 1; n <= 50; n += 1) await spend(acme, `dns:a${n}.first.co.uk,dns:b${n}.first.github.io`)
    expect(await ask(connector, 'x.second.co.uk')).toMatchObject({ fits: true })
    expect(await ask(connector, 'x.second.github.io')).toMatchObject({ fits: true })
    expect(await ask(connector, '*.first.co.uk')).toMatchObject({ fits: false })
  })

  it('allows the same names five times a week, in whatever order they are given', async () => {
    const { acme, connector } = open()
    await spend(acme, 'dns:a.example.com,dns:b.example.com', { times: 5 })
    const names = [dns('b.example.com'), dns('a.example.com')]
    expect(await connector.budget?.({ names, orders: 1, signal: never })).toMatchObject({ fits: false })
  })

  it('does not count orders that replace a certificate', async () => {
    const { acme, connector } = open()
    await spend(acme, 'dns:a.example.com', { times: 60, isExempt: true })
    expect(await ask(connector, 'a.example.com')).toMatchObject({ fits: true })
  })

  it('never holds a renewal back for what was spent on new names below its domain', async () => {
    const { acme, connector } = open()
    const old = { identifiers: [dns('old.example.com')], authorizations: [], finalize: 'x', status: 'valid' }
    await recordIssued(acme, old, 'chain')
    for (let n = 1; n <= 50; n += 1) await spend(acme, `dns:h${n}.example.com`)
    expect(await ask(connector, 'old.example.com')).toMatchObject({ fits: true })
    expect(await ask(connector, 'new.example.com')).toMatchObject({ fits: false })
  })

  it('stops after five failures of a name within an hour, and goes on after it', async () => {
    const { acme, host, connector } = open()
    for (let n = 1; n <= 5; n += 1)
      await recordFailures(acme, [
        {
          url: `https://x/${n}`,
          status: 'invalid',
          identifier: { type: 'dns', value: 'Bad.example.com' },
          challenges: [],
        },
      ])
    expect(await ask(connector, 'bad.example.com')).toMatchObject({
      fits: false,
      detail: expect.stringMatching(/failures to prove bad\.example\.com in an hour/),
    })
    expect(await ask(connector, '*.bad.example.com')).toMatchObject({ fits: false })
    host.clock.advance(3601)
    expect(await ask(connector, 'bad.example.com')).toMatchObject({ fits: true })
  })

  it('of more orders than ever fit has no time at which they would', async () => {
    const answer = await ask(open().connector, 'a.example.com', 400)
    expect(answer).toMatchObject({ fits: false })
    expect(answer?.nextAt).toBeUndefined()
  })

  it('of staging is wider', async () => {
    const { acme, connector } = open('https://acme-staging-v02.api.letsencrypt.org/directory')
    await spend(acme, 'dns:a.example.com', { times: 20 })
    expect(await ask(connector, 'a.example.com')).toMatchObject({ fits: true })
  })
})
