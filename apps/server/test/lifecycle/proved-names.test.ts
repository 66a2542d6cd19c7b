import { get } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { type ChallengeAnswer, createRegistry, defineIssuer, z } from '@certctl/core'
import { createTestCa, type TestCa } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { systemActor } from '../../src/access/principal.js'
import { createConnection } from '../../src/inventory/create-connection.js'
import { requestCertificate } from '../../src/lifecycle/asking/request-certificate.js'
import { fulfilOrder } from '../../src/lifecycle/order/fulfil-order.js'
import { createTestServices, type TestDatabase, type TestServices, testDatabase } from '../postgres.js'
import { makeCsr, operator } from './scene.js'

const thumbprint = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'
/** Nobody else listens there, nor takes a port that is free until it is needed, and again afterwards. */
const host = '127.0.0.62'
const environment = { CERTCTL_CHALLENGE_HOST: host }

let database: TestDatabase
let ca: TestCa
let port: number
let copies: TestServices[]
/** What the CA found when it came, per order. */
let found: string[]

beforeEach(async () => {
  database = await testDatabase()
  ca = await createTestCa(new Date('2026-11-25T12:00:00Z'))
  port = await freePort()
  copies = []
  found = []
})
afterEach(async () => {
  for (const copy of copies) await copy.close()
  await database.close()
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port: free } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return free
}

/** In three looks, like an ACME client: publish, have the CA come, take the certificate and the answer away. */
function provingIssuer() {
  return defineIssuer({
    type: 'Proving',
    displayName: 'A CA that comes and looks',
    configSchema: z.strictObject({}),
    capabilities: {
      operations: ['poll'],
      names: ['dns'],
      honours: ['notAfter'],
      revocationReasons: [],
      metered: false,
    },
    create: (_, { challenges }) => ({
      issue: async ({ id }) => ({ status: 'pending', orderId: id, progress: 'publish', retryAfterSeconds: 1 }),
      async poll({ orderId, progress, request }) {
        const token = orderId.replace(/[^\w-]/g, '')
        const keyAuthorization = `${token}.${thumbprint}`
        const answer: ChallengeAnswer = {
          by: 'server',
          kind: 'http-01',
          name: 'www.example.test',
          port,
          token,
          keyAuthorization,
        }
        if (progress === 'publish') {
          const isReady = (await challenges.publish(answer)) === 'published'
          return { status: 'pending', orderId, progress: isReady ? 'validate' : 'publish', retryAfterSeconds: 1 }
        }
        const body = await fetched(token)
        found.push(body)
        if (body !== keyAuthorization) return { status: 'invalid', orderId, reason: `found "${body}"` }
        await challenges.withdraw(answer)
        const certificatePem = await ca.sign(request.csrPem, {
          names: request.names,
          notAfter: new Date('2027-01-25T12:00:00Z'),
        })
        return { status: 'valid', certificatePem, chainPem: ca.intermediatePem }
      },
    }),
  })
}

/** What the CA reads; empty where nobody listens. */
async function fetched(token: string): Promise<string> {
  return await new Promise((resolve) => {
    get({ host, port, path: `/.well-known/acme-challenge/${token}`, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part
      })
      response.once('close', () => resolve(body))
    }).once('error', () => resolve(''))
  })
}

async function copy(serverId: string): Promise<TestServices> {
  const registry = createRegistry()
  registry.add({ kind: 'issuer', definition: provingIssuer(), package: 'proving', version: '1' })
  const made = await createTestServices({ database, registry, environment, serverId, clock: copies[0]?.clock })
  copies.push(made)
  return made
}

/** One round of a worker of this copy. */
async function work(services: TestServices): Promise<number> {
  services.clock.advance(600)
  const now = services.clock.now()
  const until = new Date(now.getTime() + 60_000)
  const claim = { kinds: ['issue'] as const, server: services.server.id, now, until, limit: 50 }
  const jobs = await services.store.jobs.claimForServer(claim)
  const signal = new AbortController().signal
  await Promise.all(jobs.map(async (job) => await fulfilOrder(services, { ...job, lease: job.lease ?? '' }, signal)))
  return jobs.length
}

async function order(services: TestServices, count: number): Promise<string[]> {
  await createConnection(services, 'issuer', {
    id: 'iss-p',
    name: 'P',
    type: 'Proving',
    config: {},
    enabled: true,
    actor: systemActor,
  })
  const ids: string[] = []
  for (let at = 0; at < count; at++) {
    const csrPem = await makeCsr({
      names: [{ type: 'dns', value: 'www.example.test' }],
      common_name: 'www.example.test',
      key: 'EC-P256',
    })
    const asked = {
      commonName: 'www.example.test',
      name: `www-${at}`,
      sans: [],
      targetIds: [],
      issuerId: 'iss-p',
      csrPem,
    }
    ids.push((await requestCertificate(services, { actor: operator, ...asked })).id)
  }
  return ids
}

async function issued(services: TestServices, ids: readonly string[]): Promise<number> {
  const holders = await Promise.all(ids.map(async (id) => await services.store.holders.listOfCertificate(id)))
  return holders.flat().filter(({ current_version_id }) => current_version_id !== null).length
}

describe('names that a CA comes to look at', () => {
  it('are proved for all orders at once, through one port, which is closed afterwards', async () => {
    const one = await copy('server-one')
    const ids = await order(one, 5)
    for (let round = 0; round < 3; round++) await work(one)
    expect(found).toHaveLength(5)
    expect(await issued(one, ids)).toBe(5)
    expect(await one.store.challenges.listServed(one.clock.now())).toEqual([])
    expect(await fetched('anything')).toBe('')
  })

  it('are proved by the copy that is left, when the one that published is gone', async () => {
    const one = await copy('server-one')
    const ids = await order(one, 2)
    await work(one)
    await work(one)
    const two = await copy('server-two')
    // As after a kill: its port is closed, its rows stay.
    await one.challenges.close()
    expect(await fetched('anything')).toBe('')
    await two.challenges.publish('iss-other', {
      by: 'server',
      kind: 'http-01',
      name: 'other.test',
      port,
      token: 'x',
      keyAuthorization: `x.${thumbprint}`,
    })
    await work(two)
    expect(found).toHaveLength(2)
    expect(await issued(two, ids)).toBe(2)
  })
})
