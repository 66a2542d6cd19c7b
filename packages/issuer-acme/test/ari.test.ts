import { createTestCa, issuedRefOf } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { certIdOf } from '../src/ari.js'
import type { FakeSwitches } from './fake-switches.js'
import { createFakeWorld } from './fake-world.js'
import { dns, never, requestFor, settle, start, valid } from './orders.js'

/** The certificate of RFC 9773, appendix A. */
const vector = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`

async function issued(switches: FakeSwitches = {}) {
  const world = await createFakeWorld(switches)
  const connector = start(world.host, { directory_url: world.ca.directoryUrl })
  const outcome = valid(await settle(world.host, () => connector, await requestFor([dns('ari.test')])))
  return { world, connector, ref: issuedRefOf(outcome) }
}

describe('the identifier of renewal information', () => {
  it('is that of RFC 9773: the serial number keeps the octet in front of its high bit', () => {
    expect(certIdOf(vector)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE')
  })

  it('of a serial number without a high bit has no octet in front', async () => {
    const ca = await createTestCa()
    const { csrPem } = await requestFor([dns('low.test')])
    const pem = await ca.sign(csrPem, { serialNumber: Uint8Array.of(0x07, 0x65) })
    expect(certIdOf(pem)?.split('.')[1]).toBe('B2U')
  })
})

describe('renewal information', () => {
  it('is the CA’s window, with its explanation and when to ask again', async () => {
    const { connector, ref } = await issued()
    const info = await connector.renewalInfo?.(ref, never)
    expect(info).toMatchObject({ explanationUrl: 'https://acme.example.test/why', retryAfterSeconds: 21_600 })
    expect((info?.windowEnd.getTime() ?? 0) - (info?.windowStart.getTime() ?? 0)).toBe(3_600_000)
  })

  it('is asked for again when the CA says, and after six hours where it does not', async () => {
    const said = await issued({ renewalInfoAgain: '900' })
    expect(await said.connector.renewalInfo?.(said.ref, never)).toMatchObject({ retryAfterSeconds: 900 })
    const silent = await issued({ renewalInfoAgain: 'unsaid' })
    expect(await silent.connector.renewalInfo?.(silent.ref, never)).toMatchObject({ retryAfterSeconds: 21_600 })
  })

  it('in the past is passed on: this is how a CA announces that it will revoke', async () => {
    const { connector, ref, world } = await issued({ renewalInfo: 'past' })
    const info = await connector.renewalInfo?.(ref, never)
    expect(info?.windowEnd.getTime()).toBeLessThan(world.host.now().getTime())
  })

  it('whose window ends before it begins is no opinion, and somebody is told', async () => {
    const { connector, ref, world } = await issued({ renewalInfo: 'backwards' })
    expect(await connector.renewalInfo?.(ref, never)).toBeUndefined()
    expect(world.host.logged).toContainEqual(expect.objectContaining({ level: 'warn' }))
  })

  it('that the directory does not offer is not asked for, and orders replace nothing then', async () => {
    const { connector, ref, world } = await issued({ renewalInfo: 'none' })
    expect(await connector.renewalInfo?.(ref, never)).toBeUndefined()
    await settle(world.host, () => connector, await requestFor([dns('ari.test')], { previous: ref }))
    expect(world.ca.seen.filter(({ payload }) => JSON.stringify(payload).includes('replaces'))).toEqual([])
  })

  it('that the server cannot give is an error to be repeated, not an opinion', async () => {
    const { connector, ref } = await issued({ renewalInfo: 'broken' })
    await expect(connector.renewalInfo?.(ref, never)).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })
})

describe('a renewal', () => {
  it('says what it replaces; replaced already, it goes without', async () => {
    const { connector, ref, world } = await issued()
    const replaced = () =>
      world.ca.seen
        .filter(({ path }) => path === '/new-order')
        .map(({ payload }) => (payload as { replaces?: string }).replaces)
    const renew = async (over: object = {}) =>
      valid(await settle(world.host, () => connector, await requestFor([dns('ari.test')], { previous: ref, ...over })))
    await renew()
    await renew()
    const id = certIdOf(ref.certificatePem)
    expect(replaced()).toEqual([undefined, id, id, undefined])
  })

  it('that failed twice goes without, whatever it was that failed', async () => {
    const { connector, ref, world } = await issued()
    await connector.issue(await requestFor([dns('ari.test')], { previous: ref, attempt: 3 }))
    const orders = world.ca.seen.filter(({ path }) => path === '/new-order')
    expect(orders).toHaveLength(2)
    expect(orders.at(-1)?.payload).not.toHaveProperty('replaces')
  })

  it('does not name a certificate of another CA as replaced', async () => {
    const { connector, ref, world } = await issued()
    const foreign = { ...ref, vendorRef: 'https://other.example.test/account/1' }
    await connector.issue(await requestFor([dns('ari.test')], { previous: foreign }))
    expect(JSON.stringify(world.ca.seen.at(-1)?.payload)).not.toContain('replaces')
  })
})
