import { describe, expect, it } from '@jest/globals'
import { connectorTo, failureOf, issue, never } from './fake-bench.js'
import { appRole, type FakeVault, fakeVault } from './fake-vault.js'

const may = ['pki/sign/web', 'pki/revoke', 'auth/token/renew-self']
const byAppRole = { token: undefined, ...appRole }
const loginsOf = ({ requests }: FakeVault) => requests.filter(({ path }) => path === '/v1/auth/approle/login')
const warningsOf = ({ host }: FakeVault) => host.logged.filter(({ level }) => level === 'warn')

/** A token that ends in an hour, and the connector that has it. */
function withToken(world: FakeVault, over: { renewable?: boolean; maxSeconds?: number; may?: string[] } = {}) {
  const from = world.host.now().getTime()
  const { renewable = true, maxSeconds } = over
  const maxUntil = maxSeconds === undefined ? undefined : new Date(from + maxSeconds * 1000)
  const expiresAt = new Date(from + 3_600_000)
  world.tokens.set('s.one', { expiresAt, creationTtl: 3600, renewable, maxUntil, may: over.may ?? may })
  return connectorTo(world, { token: 's.one' })
}

describe('a given token', () => {
  it('without an end is looked at once a day', async () => {
    const world = await fakeVault()
    expect(await connectorTo(world).maintain?.(never)).toEqual({ nextInSeconds: 86_400 })
  })

  it('lives as long as it is maintained when it is asked to be', async () => {
    const world = await fakeVault()
    const connector = withToken(world)
    for (let round = 1; round <= 10; round += 1) {
      const { nextInSeconds = 0 } = (await connector.maintain?.(never)) ?? {}
      expect(nextInSeconds).toBeGreaterThan(600)
      world.host.clock.advance(nextInSeconds)
      await issue(connector)
    }
    expect(warningsOf(world)).toEqual([])
  })

  it('that comes to its largest age is warned of while there is time', async () => {
    const world = await fakeVault()
    const connector = withToken(world, { maxSeconds: 5400 })
    const warnedAfter: number[] = []
    const begin = world.host.now().getTime()
    for (let round = 1; round <= 6 && warnedAfter.length === 0; round += 1) {
      world.host.clock.advance((await connector.maintain?.(never))?.nextInSeconds ?? 0)
      if (warningsOf(world).length > 0) warnedAfter.push((world.host.now().getTime() - begin) / 1000)
    }
    expect(warnedAfter[0]).toBeLessThan(5400)
    expect(warningsOf(world)[0]?.fields).toMatchObject({ because: 'it has reached its largest age' })
  })

  it('that cannot be renewed is warned of, and never asked to be', async () => {
    const world = await fakeVault()
    const connector = withToken(world, { renewable: false })
    world.host.clock.advance(2400)
    await connector.maintain?.(never)
    expect(warningsOf(world)[0]?.fields).toMatchObject({ because: 'it is not renewable' })
    expect(world.requests.some(({ path }) => path.endsWith('renew-self'))).toBe(false)
  })

  it('whose policy forbids renewal says which right is missing', async () => {
    const world = await fakeVault()
    const connector = withToken(world, { may: ['pki/sign/web'] })
    world.host.clock.advance(2400)
    expect(await failureOf(connector.maintain?.(never))).toMatch(/"update" on auth\/token\/renew-self/)
  })

  it('that is over is called expired where its end was seen, and unknown where it was not', async () => {
    const world = await fakeVault()
    const connector = withToken(world)
    await connector.maintain?.(never)
    world.host.clock.advance(3601)
    expect(await failureOf(issue(connector))).toMatch(/^upstream_rejected: .*its token expired at /)
    expect(await failureOf(connector.maintain?.(never))).toMatch(/its token expired at /)
    expect(await failureOf(issue(connectorTo(world, { token: 's.never-seen' })))).toMatch(/does not know its token/)
  })

  it('that lacks a right is good, and the right is named', async () => {
    const world = await fakeVault()
    const connector = withToken(world, { may: ['pki/revoke'] })
    expect(await failureOf(issue(connector))).toMatch(/^upstream_rejected: .*token is good.*"update" on pki\/sign\/web/)
    expect(await failureOf(connector.test?.(never))).toMatch(/lacks "update" on pki\/sign\/web; /)
  })

  it('goes to no other address, also when a standby asks for that', async () => {
    const world = await fakeVault()
    world.standby = true
    expect(await failureOf(issue(withToken(world)))).toMatch(/^upstream_unavailable: /)
    expect(new Set(world.requests.map(({ url }) => url.host))).toEqual(new Set(['vault.example.test:8200']))
  })
})

describe('an AppRole', () => {
  it('logs in once for many orders and copies, and again when its token is about to end', async () => {
    const world = await fakeVault()
    await issue(connectorTo(world, byAppRole))
    await issue(connectorTo(world, byAppRole))
    expect(loginsOf(world)).toHaveLength(1)
    world.host.clock.advance(1180)
    await issue(connectorTo(world, byAppRole))
    expect(loginsOf(world)).toHaveLength(2)
  })

  it('logs in again where Vault does not know the token any more, and once only', async () => {
    const world = await fakeVault()
    const connector = connectorTo(world, byAppRole)
    await issue(connector)
    world.tokens.clear()
    await issue(connector)
    expect(loginsOf(world)).toHaveLength(2)
    world.tokens.clear()
    world.secretIdUsesLeft = 0
    expect(await failureOf(issue(connector))).toMatch(/^upstream_rejected: .*used up/)
    expect(loginsOf(world)).toHaveLength(3)
  })

  it('does not use the token of another role', async () => {
    const world = await fakeVault()
    await issue(connectorTo(world, byAppRole))
    expect(await failureOf(issue(connectorTo(world, { ...byAppRole, role_id: 'other' })))).toMatch(/check role_id/)
  })

  it('gives the token of one Vault to no other', async () => {
    const world = await fakeVault()
    await issue(connectorTo(world, byAppRole))
    const [given] = [...world.tokens.keys()].slice(-1)
    await failureOf(issue(connectorTo(world, { ...byAppRole, addr: 'https://other.example.test:8200' })))
    await failureOf(issue(connectorTo(world, { ...byAppRole, namespace: 'other' })))
    const sent = world.requests.filter(({ headers }) => headers['x-vault-token'] === given)
    expect(new Set(sent.map(({ url, headers }) => `${url.host} ${headers['x-vault-namespace'] ?? ''}`))).toEqual(
      new Set(['vault.example.test:8200 ']),
    )
  })

  it('is maintained through the largest age of each token', async () => {
    const world = await fakeVault()
    const connector = connectorTo(world, byAppRole)
    const end = world.host.now().getTime() + 4 * 3_600_000
    while (world.host.now().getTime() < end) {
      world.host.clock.advance((await connector.maintain?.(never))?.nextInSeconds ?? 0)
      const before = loginsOf(world).length
      await issue(connector)
      expect(loginsOf(world)).toHaveLength(before)
    }
    expect(warningsOf(world)).toEqual([])
    expect(loginsOf(world).length).toBeLessThan(8)
  })
})

describe('a connection test', () => {
  it('says what it found, and orders nothing', async () => {
    const world = await fakeVault()
    expect((await withToken(world).test?.(never))?.detail).toMatch(
      /^Vault or OpenBao 2\.7\.2: .* signs until .*; the token lasts 1h more and is renewable$/,
    )
    expect(world.requests.some(({ path }) => path.includes('/sign/'))).toBe(false)
    const clear = connectorTo(world, { addr: 'http://vault.example.test:8200' })
    expect((await clear.test?.(never))?.detail).toMatch(/everybody on the way can read the token/)
  })

  it('asks health outside of the namespace, and the rest inside', async () => {
    const world = await fakeVault()
    world.namespace = 'team'
    await connectorTo(world, { namespace: 'team' }).test?.(never)
    const [health, ...rest] = world.requests.map(({ headers }) => headers['x-vault-namespace'])
    expect(health).toBeUndefined()
    expect(new Set(rest)).toEqual(new Set(['team']))
  })

  it('names a sealed node and a wrong token', async () => {
    const world = await fakeVault()
    expect(await failureOf(connectorTo(world, { token: 's.wrong' }).test?.(never))).toMatch(/does not know its token/)
    world.sealed = true
    expect(await failureOf(connectorTo(world).test?.(never))).toMatch(/^upstream_unavailable: .*unseal/)
  })

  it('does not stumble over a performance standby, which forwards', async () => {
    const world = await fakeVault()
    world.queued.push({ status: 473, json: { initialized: true, sealed: false, standby: true, version: '1.18.0+ent' } })
    expect((await connectorTo(world).test?.(never))?.detail).toMatch(/1\.18\.0\+ent/)
  })
})
