import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { claimAgentWork } from '../../src/work/claim-work.js'
import { createTestServices, type TestServices } from '../postgres.js'

describe('a parked poll', () => {
  let services: TestServices

  beforeEach(async () => {
    services = await createTestServices()
    const row = { id: 'ag-1', name: 'ag-1', key_hash: Buffer.from('1'), registered_at: services.clock.now() }
    await services.store.transaction(async (tx) => void (await tx.agents.insert(row)))
  })
  afterEach(async () => await services.close())

  const park = async (signal: AbortSignal = new AbortController().signal) =>
    await claimAgentWork(services, {
      agentId: 'ag-1',
      holding: [],
      waitSeconds: 55,
      leaseSeconds: 60,
      boot: undefined,
      signal,
    })

  it('answers with nothing as soon as the server begins to stop', async () => {
    const parked = park()
    services.beginStop()
    expect(await parked).toMatchObject({ jobs: [], count: 0 })
  })

  it('is not parked at all when the server is stopping already', async () => {
    services.beginStop()
    expect(await park()).toMatchObject({ count: 0 })
  })

  it('ends when whoever asked has gone away', async () => {
    const gone = new AbortController()
    const parked = park(gone.signal)
    gone.abort()
    expect(await parked).toMatchObject({ count: 0 })
  })
})
