import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createTestServices, type TestServices } from '../postgres.js'

describe('transaction', () => {
  let services: TestServices

  beforeAll(async () => {
    services = await createTestServices()
  })
  afterAll(async () => await services.close())

  it('writes its entries when it commits', async () => {
    await services.store.transaction(async (tx) => {
      tx.audit.append({
        actor: { type: 'System', id: 'system', name: 'system' },
        action: 'thing.made',
        resource_type: 'thing',
        resource_id: 't-1',
      })
    })
    const [entry] = await services.store.auditEvents.list({ resource_id: 't-1' }, { limit: 5 })
    expect(entry?.action).toBe('thing.made')
  })
})
