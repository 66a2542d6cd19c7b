import { CertctlError, createRegistry, defineIssuer, z } from '@certctl/core'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { systemActor } from '../../src/access/principal.js'
import { createConnection } from '../../src/inventory/create-connection.js'
import { updateConnection } from '../../src/inventory/update-connection.js'
import { issuerMaintenance } from '../../src/schedule/issuer-maintenance.js'
import { createTestServices, type TestDatabase, type TestServices, testDatabase } from '../postgres.js'

let database: TestDatabase
let services: TestServices
/** What each call was made with, and how it is answered. */
let calls: string[]
let answer: () => Promise<{ nextInSeconds: number }>

const definition = (type: string, operations: readonly 'maintain'[]) =>
  defineIssuer({
    type,
    displayName: 'A CA whose tokens end',
    configSchema: z.strictObject({ token: z.string().describe('Which one.') }),
    capabilities: { operations: [...operations], names: ['dns'], honours: [], revocationReasons: [], metered: false },
    create: ({ token }) => ({
      issue: async () => ({ status: 'invalid' as const, orderId: 'x', reason: 'a fake' }),
      ...(operations.length === 0
        ? {}
        : {
            async maintain() {
              calls.push(token)
              return await answer()
            },
          }),
    }),
  })

function registryOf() {
  const registry = createRegistry()
  registry.add({ kind: 'issuer', definition: definition('Ending', ['maintain']), package: 'ending', version: '1' })
  registry.add({ kind: 'issuer', definition: definition('Lasting', []), package: 'lasting', version: '1' })
  return registry
}

beforeEach(async () => {
  calls = []
  answer = async () => ({ nextInSeconds: 1800 })
  database = await testDatabase()
  services = await createTestServices({ database, registry: registryOf() })
  await add('iss-ending', 'Ending')
})
afterEach(async () => {
  await services.close()
  await database.close()
})

async function add(id: string, type: string, enabled = true): Promise<void> {
  await createConnection(services, 'issuer', { id, name: id, type, config: { token: id }, enabled, actor: systemActor })
}

async function after(seconds: number, on = services): Promise<number> {
  services.clock.advance(seconds)
  const before = calls.length
  await issuerMaintenance.run(on, new AbortController().signal)
  return calls.length - before
}

const events = async (type: string) => {
  const { rows } = await services.store.events.page({}, { limit: 50, count: false })
  return rows.filter((event) => event.type === type)
}

describe('credentials that end', () => {
  it('are kept alive at once, and then whenever the connector said', async () => {
    expect(await after(0)).toBe(1)
    expect(await after(1700)).toBe(0)
    expect(await after(101)).toBe(1)
  })

  it('are kept alive by one copy of the server, not by each', async () => {
    const other = await createTestServices({
      database,
      registry: registryOf(),
      clock: services.clock,
      serverId: 'other',
    })
    const signal = new AbortController().signal
    await Promise.all([issuerMaintenance.run(services, signal), issuerMaintenance.run(other, signal)])
    expect(calls).toEqual(['iss-ending'])
    await other.close()
  })

  it('are not those of disabled issuers, nor of ones that have none', async () => {
    await add('iss-disabled', 'Ending', false)
    await add('iss-lasting', 'Lasting')
    await after(0)
    expect(calls).toEqual(['iss-ending'])
  })

  it('that were changed are kept alive at once, as they are then', async () => {
    await after(0)
    const changes = { id: 'iss-ending', config: { token: 'new' }, actor: systemActor, check: () => undefined }
    await updateConnection(services, 'issuer', changes)
    expect(await after(0)).toBe(1)
    expect(calls).toEqual(['iss-ending', 'new'])
  })

  it('that were changed while the call was under way are kept alive again', async () => {
    answer = async () => {
      answer = async () => ({ nextInSeconds: 1800 })
      const changes = { id: 'iss-ending', config: { token: 'new' }, actor: systemActor, check: () => undefined }
      await updateConnection(services, 'issuer', changes)
      return { nextInSeconds: 1800 }
    }
    await after(0)
    await after(0)
    expect(calls).toEqual(['iss-ending', 'new'])
  })

  it.each([
    [0, 9, 10],
    [-5, 9, 10],
    [Number.NaN, 86_000, 86_400],
    [10_000_000, 86_000, 86_400],
  ])('whose connector says %d seconds are asked about within sane bounds', async (nextInSeconds, notYet, again) => {
    answer = async () => ({ nextInSeconds })
    await after(0)
    expect(await after(notYet)).toBe(0)
    expect(await after(again - notYet)).toBe(1)
  })

  it('that cannot be kept alive are tried again soon, then less often, and told after the third time until it works', async () => {
    answer = async () => await Promise.reject(new CertctlError('unauthenticated', 'the token has ended'))
    expect(await after(0)).toBe(1)
    expect(await after(29)).toBe(0)
    expect(await after(1)).toBe(1)
    expect(await events('issuer.maintenance_failed')).toEqual([])
    expect(await after(59)).toBe(0)
    expect(await after(1)).toBe(1)
    expect(await events('issuer.maintenance_failed')).toMatchObject([
      {
        severity: 'warning',
        issuer_id: 'iss-ending',
        title: expect.stringMatching(/3 times so far.*the token has ended; run: certctl issuers test iss-ending/),
      },
    ])
    for (let time = 0; time < 10; time++) expect(await after(900)).toBe(1)
    expect(await events('issuer.maintenance_failed')).toHaveLength(1)
    expect(await events('issuer.maintenance_restored')).toEqual([])
    answer = async () => ({ nextInSeconds: 1800 })
    await after(900)
    expect(await events('issuer.maintenance_restored')).toHaveLength(1)
    expect(await services.metrics.text()).toMatch(
      /certctl_issuer_maintenance_total\{issuer_type="Ending",outcome="failed"\} 13/,
    )
  })

  it('are left alone for as long as the other side asks', async () => {
    answer = async () => await Promise.reject(new CertctlError('rate_limited', 'later', { retryAfterSeconds: 3600 }))
    await after(0)
    expect(await after(3500)).toBe(0)
    expect(await after(101)).toBe(1)
  })

  it('of one issuer that is broken do not keep others waiting', async () => {
    await add('iss-second', 'Ending')
    let broken = true
    answer = async () => {
      const isFirst = broken
      broken = false
      return isFirst ? await Promise.reject(new Error('a fault')) : { nextInSeconds: 1800 }
    }
    expect(await after(0)).toBe(2)
    expect(await after(31)).toBe(1)
  })
})
