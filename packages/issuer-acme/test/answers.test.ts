import { issuedRefOf } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import type { FakeSwitches } from './fake-switches.js'
import { createFakeWorld } from './fake-world.js'
import { dns, never, pending, requestFor, settle, start, valid } from './orders.js'

async function open(switches: FakeSwitches = {}, over: object = {}) {
  const world = await createFakeWorld(switches)
  const connector = start(world.host, { directory_url: world.ca.directoryUrl, ...over })
  return { ...world, connector, copy: () => connector }
}

async function stateOf(
  host: { state: { list(prefix: string): AsyncIterable<{ key: string }> } },
  prefix: string,
): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of host.state.list(prefix)) keys.push(key)
  return keys
}

const refusals: [string, NonNullable<FakeSwitches['refuseOrders']>, string, RegExp][] = [
  [
    'a limit',
    { type: 'rateLimited', status: 429, detail: 'too many certificates', headers: { 'retry-after': '3600' } },
    'rate_limited',
    /too many certificates/,
  ],
  [
    'an account that a person must unpause',
    { type: 'userActionRequired', status: 403, headers: { link: '<https://ca.test/terms>;rel="terms-of-service"' } },
    'upstream_rejected',
    /https:\/\/ca\.test\/terms/,
  ],
  [
    'a name it never issues for',
    { type: 'rejectedIdentifier', status: 400, detail: 'policy forbids' },
    'identifier_rejected',
    /policy forbids/,
  ],
  ['a CAA record', { type: 'caa', status: 403 }, 'upstream_rejected', /CAA record/],
  ['a fault of its own', { type: 'serverInternal', status: 500 }, 'upstream_unavailable', /serverInternal/],
  [
    'a word nobody knows',
    { type: 'moonPhase', status: 400, detail: 'waning' },
    'upstream_rejected',
    /moonPhase: waning/,
  ],
]

const limits: [string, boolean | undefined][] = [
  ['too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s', true],
  ['too many certificates (50) already issued for "example.test" in the last 168h0m0s', true],
  ['too many failed authorizations (5) for "www.example.test" in the last 1h0m0s', true],
  ['too many new orders (300) from this account in the last 3h0m0s', undefined],
  ['Service busy; retry later.', undefined],
]

describe('what the CA says of an order', () => {
  it.each(limits)('says of a limit whether it is of these names alone: %s', async (detail, isNarrow) => {
    const refuseOrders = { type: 'rateLimited', status: 429, detail, headers: { 'retry-after': '3600' } }
    const { connector } = await open({ refuseOrders })
    const refused = { code: 'rate_limited', retryAfterSeconds: 3600, isNarrow }
    await expect(connector.issue(await requestFor([dns('a.test')]))).rejects.toMatchObject(refused)
  })

  it.each(refusals)(
    '%s becomes the right code, and nothing is stored or asked twice',
    async (_, refuseOrders, code, message) => {
      const { connector, ca, host } = await open({ refuseOrders })
      await expect(connector.issue(await requestFor([dns('a.test')]))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      })
      expect(ca.seen.filter(({ path }) => path === '/new-order')).toHaveLength(1)
      expect(await stateOf(host, 'order/')).toEqual([])
    },
  )

  it('a limit carries the time the CA named, and is not slept through', async () => {
    const { connector, host } = await open({
      refuseOrders: { type: 'rateLimited', status: 429, headers: { 'retry-after': '3600' } },
    })
    const before = host.now().getTime()
    await expect(connector.issue(await requestFor([dns('a.test')]))).rejects.toMatchObject({ retryAfterSeconds: 3600 })
    expect(host.now().getTime() - before).toBeLessThan(1000)
  })

  it('an order on another host is refused by name, and not written down', async () => {
    const { connector, host, ca } = await open({ orderHost: 'https://169.254.169.254' })
    const answer = connector.issue(await requestFor([dns('a.test')]))
    await expect(answer).rejects.toMatchObject({
      code: 'policy_denied',
      message: expect.stringContaining('169.254.169.254'),
    })
    expect(await stateOf(host, 'order/')).toEqual([])
    expect(ca.issued()).toBe(0)
  })

  it('a directory that redirects is not followed', async () => {
    const { connector, ca } = await open({
      everything: { status: 302, headers: { location: 'http://169.254.169.254/latest' } },
    })
    await expect(connector.test?.(never)).rejects.toMatchObject({
      code: 'upstream_protocol',
      message: expect.stringMatching(/redirects are not followed/),
    })
    expect(ca.seen).toEqual([])
  })

  it('a web page in place of a directory says which setting to look at', async () => {
    const { connector } = await open({ everything: { status: 200, body: '<html>Welcome</html>' } })
    await expect(connector.test?.(never)).rejects.toMatchObject({
      code: 'upstream_protocol',
      message: expect.stringMatching(/directory_url/),
    })
  })

  it('a page in HTML in place of an order leaves the order as it is', async () => {
    const { connector, ca, host, copy } = await open()
    const request = await requestFor([dns('a.test')])
    const { orderId, progress } = pending(await connector.issue(request))
    ca.switches = { everything: { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' } }
    await expect(connector.poll?.({ orderId, progress, request, signal: never })).rejects.toMatchObject({
      code: 'upstream_protocol',
    })
    ca.switches = {}
    valid(await settle(host, copy, { ...request, attempt: 2 }))
    expect(ca.orders()).toHaveLength(1)
  })

  it('an order that is forgotten is expired, and an invalid one says why', async () => {
    const { connector } = await open()
    const request = await requestFor([dns('a.test')])
    const lost = { orderId: 'https://acme.example.test/order/999', progress: undefined, request, signal: never }
    expect(await connector.poll?.(lost)).toMatchObject({ status: 'expired' })
    const failing = await open({ failsSigning: true })
    expect(await settle(failing.host, failing.copy, request)).toMatchObject({
      status: 'invalid',
      reason: 'unauthorized: it went wrong',
    })
  })

  it('an account that the CA has forgotten is made again with the same key', async () => {
    const { connector, ca, host, copy } = await open()
    valid(await settle(host, copy, await requestFor([dns('a.test')])))
    const [account] = await stateOf(host, 'account/')
    ca.forget()
    const request = await requestFor([dns('b.test')])
    await expect(connector.issue(request)).rejects.toMatchObject({ code: 'upstream_rejected' })
    valid(await settle(host, copy, { ...request, attempt: 2 }))
    expect(await stateOf(host, 'account/')).toEqual([account])
  })

  it('terms that are not agreed to are named, and no account is made', async () => {
    const { connector, ca } = await open({ termsOfService: 'https://ca.test/terms' }, { terms_agreed: false })
    await expect(connector.issue(await requestFor([dns('a.test')]))).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('https://ca.test/terms'),
    })
    expect(ca.seen).toEqual([])
  })
})

describe('an order', () => {
  it('that the CA gives to two requests at once is one’s; the other waits and has its own', async () => {
    const { connector, ca, host } = await open({ reusesOrders: true })
    const [first, second] = [await requestFor([dns('same.test')]), await requestFor([dns('same.test')])]
    const one = pending(await connector.issue(first))
    const other = pending(await connector.issue(second))
    expect(other.orderId).not.toBe(one.orderId)
    const done = valid(await settle(host, () => connector, { ...first, attempt: 2 }))
    let outcome = await connector.poll?.({ ...other, request: second, signal: never })
    for (let look = 1; outcome?.status === 'pending' && look < 10; look += 1)
      outcome = await connector.poll?.({
        orderId: outcome.orderId,
        progress: outcome.progress,
        request: second,
        signal: never,
      })
    if (outcome === undefined) throw new Error('it cannot poll')
    expect(valid(outcome).certificatePem).not.toBe(done.certificatePem)
    expect(ca.issued()).toBe(2)
  })

  it('whose process died after publishing leaves nothing behind, and no challenge is answered twice', async () => {
    const { connector, ca, host } = await open({ validationPolls: 8 })
    const request = await requestFor([dns('a.test'), dns('b.test')])
    const { orderId, progress } = pending(await connector.issue(request))
    const look = async () => (await connector.poll?.({ orderId, progress, request, signal: never })) ?? raise()
    let outcome = await look()
    expect(host.published.challenges).toHaveLength(2)
    // What each look returned was lost with its process: the next one knows no more than the first.
    for (let n = 1; n <= 5 && outcome.status === 'pending'; n += 1) outcome = await look()
    valid(outcome)
    expect(host.published.challenges).toEqual([])
    expect(ca.seen.filter(({ path }) => path.startsWith('/chall/'))).toHaveLength(2)
  })

  it('that meets a limit when its names are to be proven carries the time on, and goes on after it', async () => {
    const headers = { 'retry-after': '90' }
    const { connector, ca, host } = await open({ refuseChallenges: { type: 'rateLimited', status: 429, headers } })
    const request = await requestFor([dns('a.test')])
    const { orderId, progress } = pending(await connector.issue(request))
    const look = async () => (await connector.poll?.({ orderId, progress, request, signal: never })) ?? raise()
    await expect(look()).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 90 })
    ca.switches = { refuseChallenges: { type: 'malformed', status: 400 } }
    pending(await look())
    ca.switches = {}
    valid(await settle(host, () => connector, { ...request, attempt: 2 }))
    expect(ca.orders()).toHaveLength(1)
    expect(host.published.challenges).toEqual([])
  })

  it('that needs no proof reads no authorization and takes nothing back', async () => {
    const { host, copy, ca } = await open({ preValidated: true })
    valid(await settle(host, copy, await requestFor([dns('known.test')])))
    expect(ca.seen.some(({ path }) => path.startsWith('/authz/'))).toBe(false)
  })

  it('whose names are proven already is done, whatever challenges are listed', async () => {
    const { host, copy } = await open({ preValidated: true })
    valid(await settle(host, copy, await requestFor([dns('known.test')])))
    expect(host.published.challenges).toEqual([])
  })

  it('whose names can only be proven in another way says in which, and nothing stays open', async () => {
    const { host, copy, ca } = await open({ offers: ['dns-01', 'dns-account-01'] })
    const outcome = await settle(host, copy, await requestFor([dns('a.test')]))
    expect(outcome).toMatchObject({
      status: 'invalid',
      reason: expect.stringMatching(/by http-01, and the CA offers dns-\w+-01, dns-/),
    })
    expect(ca.seen.at(-1)).toMatchObject({ payload: { status: 'deactivated' } })
  })

  it('falls back to dns-01 where the standing record is not offered, and warns when nothing cleans up', async () => {
    const scripts = { dns_present_script: '/etc/certctl/dns/create-record.sh', challenge_type: 'dns-persist-01' }
    const { host, copy } = await open({ offers: ['dns-01'] }, scripts)
    valid(await settle(host, copy, await requestFor([dns('a.test')])))
    expect(host.logged).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringMatching(/set dns_cleanup_script/) }),
    )
  })

  it('hands configured scripts on as a provider of their own', async () => {
    const { host } = await open()
    const asked: unknown[] = []
    const dnsOf = async (instance: unknown) => {
      asked.push(instance)
      return await host.dns('any')
    }
    const watched = { ...host, dns: dnsOf }
    const scripts = {
      dns_present_script: '/etc/certctl/dns/create-record.sh',
      dns_cleanup_script: '/etc/certctl/dns/delete-record.sh',
    }
    const config = { directory_url: 'https://acme.example.test/directory', challenge_type: 'dns-01', ...scripts }
    valid(await settle(host, () => start(watched, config), await requestFor([dns('*.a.test')])))
    expect(asked[0]).toEqual({
      type: 'script',
      config: { present_script: scripts.dns_present_script, cleanup_script: scripts.dns_cleanup_script },
    })
  })

  it('for which only a wildcard by http-01 would do is refused before the CA is asked', async () => {
    const { connector, ca } = await open()
    await expect(connector.issue(await requestFor([dns('*.a.test')]))).rejects.toMatchObject({
      code: 'identifier_rejected',
      message: expect.stringMatching(/by DNS only/),
    })
    const mail = { type: 'email', value: 'a@a.test' } as const
    await expect(connector.issue(await requestFor([mail]))).rejects.toMatchObject({ code: 'identifier_rejected' })
    expect(ca.seen).toEqual([])
  })

  it('whose answers cannot be taken back is issued all the same, and they are taken back later', async () => {
    const { host } = await open()
    const config = { directory_url: 'https://acme.example.test/directory' }
    const stuck = {
      ...host,
      challenges: { ...host.challenges, withdraw: () => Promise.reject(new Error('database is away')) },
    }
    valid(await settle(host, () => start(stuck, config), await requestFor([dns('a.test')])))
    expect(host.published.challenges).toHaveLength(1)
    await start(host, config).maintain?.(never)
    expect(host.published.challenges).toEqual([])
    expect(await stateOf(host, 'leftover/')).toEqual([])
  })

  it('waits for agents that have not confirmed, and answers where it is told to', async () => {
    const { host, connector, ca } = await open({}, { challenge_by: 'agents', http_port: 8080 })
    let isConfirmed = false
    const publish: typeof host.challenges.publish = async (answer) => {
      await host.challenges.publish(answer)
      return isConfirmed ? 'published' : 'waiting'
    }
    const challenges = { ...host.challenges, publish }
    const copy = start(
      { ...host, challenges },
      { directory_url: ca.directoryUrl, challenge_by: 'agents', http_port: 8080 },
    )
    const request = await requestFor([dns('held.test')])
    const { orderId, progress } = pending(await connector.issue(request))
    const waiting = pending((await copy.poll?.({ orderId, progress, request, signal: never })) ?? raise())
    expect(waiting.detail).toMatch(/agents that hold held\.test/)
    expect(host.published.challenges).toMatchObject([{ by: 'agents', port: 8080, name: 'held.test', kind: 'http-01' }])
    isConfirmed = true
    valid(await settle(host, () => copy, { ...request, attempt: 2 }))
  })

  it('is given up when its names are not proven in time', async () => {
    const { host, connector } = await open({}, { order_timeout_seconds: 600 })
    const mute = { ...host, challenges: { ...host.challenges, publish: async () => 'waiting' as const } }
    const copy = start(mute, { directory_url: 'https://acme.example.test/directory', order_timeout_seconds: 600 })
    const request = await requestFor([dns('slow.test')])
    const { orderId, progress } = pending(await connector.issue(request))
    pending((await copy.poll?.({ orderId, progress, request, signal: never })) ?? raise())
    host.clock.advance(601)
    expect(await copy.poll?.({ orderId, progress, request, signal: never })).toMatchObject({
      status: 'expired',
      reason: expect.stringMatching(/600 s/),
    })
  })
})

describe('a request', () => {
  it('whose CSR names a common name beside its names is refused', async () => {
    const { connector } = await open()
    const request = { ...(await requestFor([dns('a.test')])), csrPem: (await requestFor([dns('b.test')])).csrPem }
    await expect(connector.issue(request)).rejects.toMatchObject({
      code: 'csr_rejected',
      message: expect.stringMatching(/lacks a\.test, asks for b\.test as well/),
    })
  })
})

describe('revocation', () => {
  it('by an account that has proven the names, where the one that ordered is not known here', async () => {
    const { host, copy, ca } = await open({ revokesByProof: true })
    const issued = valid(await settle(host, copy, await requestFor([dns('adopted.test')])))
    const rebound = start(host, {
      directory_url: ca.directoryUrl,
      eab_kid: 'x',
      eab_hmac: Buffer.alloc(32, 200).toString('base64'),
    })
    valid(await settle(host, () => rebound, await requestFor([dns('adopted.test')])))
    const [first] = await stateOf(host, 'account/')
    await host.state.delete(first ?? '')
    const request = {
      id: 'r',
      attempt: 1,
      firstAskedAt: host.now(),
      reason: 'superseded',
      reasonText: 'new',
      signal: never,
    } as const
    const outcome = await rebound.revoke?.({ ...request, certificate: issuedRefOf(issued) })
    expect(outcome).toEqual({ status: 'confirmed' })
    expect(ca.revocations()).toBe(1)
  })
})

function raise(): never {
  throw new Error('it is not there')
}
