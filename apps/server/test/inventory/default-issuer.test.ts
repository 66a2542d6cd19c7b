import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { defaultIssuer } from '../../src/inventory/default-issuer.js'
import { createTestServices, type TestServices } from '../postgres.js'

let services: TestServices
beforeEach(async () => {
  services = await createTestServices()
})
afterEach(async () => await services.close())

async function add(id: string, enabled = true): Promise<void> {
  const now = services.clock.now()
  const row = { kind: 'issuer', type: 'X', config: '{}', secrets: null, source: 'api' } as const
  await services.store.connections.insert({ ...row, id, name: id, enabled, created_at: now, updated_at: now })
}

describe('a certificate that names no issuer', () => {
  it('is for the only one that is enabled', async () => {
    await add('iss-off', false)
    await add('iss-only')
    expect(await defaultIssuer(services)).toBe('iss-only')
  })

  it('is for the built-in one where there are several', async () => {
    await add('iss-local')
    await add('iss-other')
    expect(await defaultIssuer(services)).toBe('iss-local')
  })

  it('is refused, naming the field and the choice, where it could be for several', async () => {
    await add('iss-a')
    await add('iss-b')
    await expect(defaultIssuer(services)).rejects.toMatchObject({
      code: 'request_malformed',
      errors: [{ field: 'issuer_id', message: 'must be given: choose one of iss-a, iss-b' }],
    })
  })

  it('is refused where there is none', async () => {
    await expect(defaultIssuer(services)).rejects.toThrow('there is none')
  })
})
