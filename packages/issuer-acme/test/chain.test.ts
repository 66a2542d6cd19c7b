import { fingerprintOf, parseCertificate } from '@certctl/pki'
import { createTestCa } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { createFakeWorld } from './fake-world.js'
import { dns, requestFor, settle, start, valid } from './orders.js'

/** The CA's own chain is one certificate long; two others are offered beside. */
async function chainFor(preferred_chain: string) {
  const [first, other] = [await createTestCa(), await createTestCa()]
  const alternateChains = [first.intermediatePem + first.rootPem, other.intermediatePem]
  const world = await createFakeWorld({ alternateChains })
  const config = {
    directory_url: world.ca.directoryUrl,
    ...(preferred_chain === ''
      ? {}
      : { preferred_chain: preferred_chain === 'root' ? fingerprintOf(first.rootPem) : preferred_chain }),
  }
  const outcome = valid(await settle(world.host, () => start(world.host, config), await requestFor([dns('a.test')])))
  return { outcome, alternateChains, world, root: first.rootPem }
}

describe('the chain', () => {
  it('is the CA’s own where none is preferred, and no other is fetched', async () => {
    const { outcome, alternateChains, world } = await chainFor('')
    expect(alternateChains).not.toContain(outcome.chainPem)
    expect(world.ca.seen.some(({ path }) => path.startsWith('/alternate'))).toBe(false)
  })

  it('is the one that leads to the root of this fingerprint, colons or not', async () => {
    const { outcome, alternateChains, root } = await chainFor('root')
    expect(outcome.chainPem).toBe(alternateChains[0])
    expect(parseCertificate(root).fingerprint).toHaveLength(64)
  })

  it('is the shortest where that is wished', async () => {
    const { outcome, alternateChains } = await chainFor('shortest')
    expect(outcome.chainPem).not.toBe(alternateChains[0])
  })

  it('of nobody’s name is the CA’s own, with a warning that lists what there is', async () => {
    const { outcome, alternateChains, world } = await chainFor('Unheard Of Root')
    expect(alternateChains).not.toContain(outcome.chainPem)
    expect(world.host.logged).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        fields: expect.objectContaining({ offered: expect.arrayContaining(['CN=Throw-away Root']) }),
      }),
    )
  })
})
