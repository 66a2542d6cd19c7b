import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createApiKey, revokeApiKey } from '../../src/access/api-keys.js'
import { type Authenticator, createAuthenticator } from '../../src/access/authenticator.js'
import { systemActor } from '../../src/access/principal.js'
import { createAgent } from '../../src/inventory/create-agent.js'
import { retireAgent } from '../../src/inventory/retire-agent.js'
import type { Store } from '../../src/store/store.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { until } from '../races/steps.js'

let services: TestServices
let authenticator: Authenticator
beforeEach(async () => {
  services = await createTestServices()
  authenticator = createAuthenticator(services)
})
afterEach(async () => {
  authenticator.close()
  await services.close()
})

describe('API keys', () => {
  it('say who somebody is, and are stored as hashes only', async () => {
    const { key, row } = await createApiKey(services, { name: 'Ann', role: 'viewer', actor: systemActor })
    expect(await authenticator.authenticate(key)).toMatchObject({
      kind: 'key',
      id: row.id,
      name: 'Ann',
      role: 'viewer',
    })
    await expect(authenticator.authenticate(`${key}x`)).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  it('end at their expiry, also while they are remembered', async () => {
    const expiresAt = new Date(services.clock.now().getTime() + 5000)
    const { key } = await createApiKey(services, { name: 'brief', role: 'viewer', expiresAt, actor: systemActor })
    await authenticator.authenticate(key)
    services.clock.advance(5)
    await expect(authenticator.authenticate(key)).rejects.toThrow('has expired')
  })

  it('that would have expired already are not made', async () => {
    const expiresAt = services.clock.now()
    const made = createApiKey(services, { name: 'late', role: 'viewer', expiresAt, actor: systemActor })
    await expect(made).rejects.toMatchObject({ code: 'request_malformed' })
  })

  it('that were revoked are refused by every copy of the server, though it remembered them', async () => {
    const { key, row } = await createApiKey(services, { name: 'leaver', role: 'viewer', actor: systemActor })
    await authenticator.authenticate(key)
    await revokeApiKey(services, { id: row.id, actor: systemActor })
    await until(
      async () =>
        await authenticator.authenticate(key).then(
          () => false,
          () => true,
        ),
    )
    await expect(authenticator.authenticate(key)).rejects.toThrow('Invalid API key')
  })

  it('that were revoked are refused after ten seconds even where the wake-up was lost', async () => {
    const { key, row } = await createApiKey(services, { name: 'leaver', role: 'viewer', actor: systemActor })
    await authenticator.authenticate(key)
    await services.store.apiKeys.revoke(row.id, services.clock.now())
    services.clock.advance(11)
    await expect(authenticator.authenticate(key)).rejects.toThrow('Invalid API key')
  })

  it('free their name when they are revoked', async () => {
    const { row } = await createApiKey(services, { name: 'same', role: 'viewer', actor: systemActor })
    await expect(createApiKey(services, { name: 'SAME', role: 'viewer', actor: systemActor })).rejects.toMatchObject({
      code: 'conflict',
    })
    await revokeApiKey(services, { id: row.id, actor: systemActor })
    await createApiKey(services, { name: 'SAME', role: 'viewer', actor: systemActor })
  })

  it('remember when they were used, written down now and then', async () => {
    const { key, row } = await createApiKey(services, { name: 'used', role: 'viewer', actor: systemActor })
    await authenticator.authenticate(key)
    services.clock.advance(3)
    await authenticator.authenticate(key)
    expect((await services.store.apiKeys.get(row.id))?.last_used_at).toBeNull()
    await authenticator.flush()
    expect((await services.store.apiKeys.get(row.id))?.last_used_at).toEqual(services.clock.now())
  })

  it('remember a use that could not be written down, for the next time', async () => {
    const { key, row } = await createApiKey(services, { name: 'used', role: 'viewer', actor: systemActor })
    let isDown = true
    const { apiKeys } = services.store
    const markUsed: typeof apiKeys.markUsed = async (ids, at) => {
      if (isDown) throw new Error('the database is away')
      await apiKeys.markUsed(ids, at)
    }
    const other = createAuthenticator({
      ...services,
      store: Object.assign(Object.create(services.store) as Store, { apiKeys: { ...apiKeys, markUsed } }),
    })
    try {
      await other.authenticate(key)
      await expect(other.flush()).rejects.toThrow('the database is away')
      isDown = false
      await other.flush()
      expect((await apiKeys.get(row.id))?.last_used_at).toEqual(services.clock.now())
    } finally {
      other.close()
    }
  })
})

describe('agent keys', () => {
  it('belong to one agent, until it is retired', async () => {
    const { row, apiKey } = await createAgent(services, {
      description: { name: 'web', hostname: 'web' },
      actor: systemActor,
    })
    expect(await authenticator.authenticate(apiKey)).toEqual({ kind: 'agent', id: row.id, name: 'web' })
    await retireAgent(services, { id: row.id, force: false, actor: systemActor })
    await until(
      async () =>
        await authenticator.authenticate(apiKey).then(
          () => false,
          () => true,
        ),
    )
    await expect(authenticator.authenticate(apiKey)).rejects.toMatchObject({ code: 'gone' })
  })

  const looksWhile = async (
    work: (agentId: string) => Promise<string>,
  ): Promise<{ apiKey: string; looks: () => number }> => {
    const { row, apiKey } = await createAgent(services, {
      description: { name: 'web', hostname: 'web' },
      actor: systemActor,
    })
    const agents = services.store.agents as { findByKeyHash: unknown }
    const { findByKeyHash } = services.store.agents
    let looks = 0
    agents.findByKeyHash = async (hash: Buffer) => {
      const found = await findByKeyHash(hash)
      looks += 1
      if (looks === 1) await untilHeard(await work(row.id))
      return found
    }
    await authenticator.authenticate(apiKey)
    return { apiKey, looks: () => looks }
  }

  it('are not remembered when the agent was retired while they were looked up', async () => {
    const { apiKey } = await looksWhile(async (id) => {
      await retireAgent(services, { id, force: false, actor: systemActor })
      return id
    })
    await expect(authenticator.authenticate(apiKey)).rejects.toMatchObject({ code: 'gone' })
  })

  it('are remembered though somebody else changed while they were looked up', async () => {
    const { apiKey, looks } = await looksWhile(async () => 'agent-somebody-else')
    await authenticator.authenticate(apiKey)
    expect(looks()).toBe(1)
  })
})

/** Wakes it once more, and waits until this copy has heard of that. */
async function untilHeard(agentId: string): Promise<void> {
  let heard = false
  const off = services.wakes.on('agent', (subject) => {
    heard ||= subject === agentId
  })
  await services.store.transaction(async (tx) => tx.wake('agent', agentId))
  await until(async () => heard)
  off()
}
