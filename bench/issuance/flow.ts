import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Secret } from '@certctl/core'
import { createCsr, generateKey, parseGeneralName } from '@certctl/pki'
import pg from 'pg'
import { createListenerCertificate } from '../../apps/server/src/access/listener-certificate.js'
import { systemActor } from '../../apps/server/src/access/principal.js'
import { openServerAuthority } from '../../apps/server/src/access/server-authority.js'
import { syncEnvironmentInstances } from '../../apps/server/src/connectors/environment-instances.js'
import { createHttpApp } from '../../apps/server/src/http/app.js'
import { httpSettingsOf } from '../../apps/server/src/http/settings.js'
import { createAgent } from '../../apps/server/src/inventory/create-agent.js'
import { requestCertificate } from '../../apps/server/src/lifecycle/asking/request-certificate.js'
import type { Services } from '../../apps/server/src/services.js'
import { connectionOf } from '../../apps/server/src/store/database.js'
import type { Store, Tx } from '../../apps/server/src/store/store.js'
import { startWorkers } from '../../apps/server/src/work/worker.js'
import { createTestServices } from '../../apps/server/test/postgres.js'
import { startCallers } from './callers.js'

/** A server with certificates that wait for the CSRs of their agent. */
export interface Flow {
  /** Hands in so many CSRs at once over HTTPS; resolves when each of them was answered with a certificate that is recorded. */
  issue(count: number): Promise<void>
  close(): Promise<void>
}

export interface FlowOptions {
  address: { url: Secret }
  /** How many certificates are made beforehand. */
  stock: number
  /** As one would write it without thinking about it: a transaction of its own for each, one chain for all of the record. */
  oneByOne: boolean
  /** Whether entries of the record are written; they are unless said otherwise. */
  isRecorded?: boolean | undefined
}

const atOnce = 64

export async function startFlow({ address, stock, oneByOne, isRecorded = true }: FlowOptions): Promise<Flow> {
  const environment = { CERTCTL_RENEWAL_CONCURRENCY: String(atOnce), CERTCTL_RATE_LIMIT_ENABLED: 'false' }
  const clock = { now: () => new Date(), advance: () => undefined }
  const made = await createTestServices({
    database: { url: address.url.reveal(), address, close: async () => undefined },
    clock,
    environment,
  })
  const store = isRecorded ? made.store : unrecorded(made.store)
  const log = Object.assign(Object.create(made.log) as typeof made.log, {
    info: () => undefined,
    debug: () => undefined,
  })
  const one = Object.assign(Object.create(store) as Store, {
    together: async <T>(_key: string, work: (tx: Tx) => Promise<T>) => await store.transaction(work),
  })
  const services: Services = { ...made, log, store: oneByOne ? one : store }
  if (oneByOne) await keepOneHead(address)
  await syncEnvironmentInstances(services, {})
  const { server, port } = await listen(services)
  const { row, apiKey } = await createAgent(services, {
    description: { name: 'bench', hostname: 'bench' },
    actor: systemActor,
  })
  const waiting = await makeStock(services, { agentId: row.id, stock })
  const workers = startWorkers(services)
  const callers = startCallers({ port, path: `/api/v1/agents/${row.id}/csr`, apiKey, atOnce })
  return {
    async issue(count) {
      const bodies = waiting.splice(0, count)
      if (bodies.length < count) throw new Error('the stock of certificates is used up')
      await callers.post(bodies)
    },
    async close() {
      await callers.close()
      server.closeAllConnections()
      server.close()
      await workers.stop()
      await made.close()
    },
  }
}

function unrecorded(store: Store): Store {
  const silent =
    <T>(work: (tx: Tx) => Promise<T>) =>
    async (tx: Tx) =>
      await work(Object.assign(Object.create(tx) as Tx, { audit: { append: () => undefined } }))
  return Object.assign(Object.create(store) as Store, {
    transaction: async <T>(work: (tx: Tx) => Promise<T>) => await store.transaction(silent(work)),
    together: async <T>(key: string, work: (tx: Tx) => Promise<T>) => await store.together(key, silent(work)),
  })
}

async function keepOneHead(address: { url: Secret }): Promise<void> {
  const client = new pg.Client(connectionOf(address))
  await client.connect()
  await client.query('delete from audit_heads where head > (select min(head) from audit_heads)')
  await client.end()
}

async function listen(services: Services): Promise<{ server: Server; port: number }> {
  const authority = await openServerAuthority(services)
  const { certificatePem, privateKeyPem } = (await createListenerCertificate(services, authority)).current()
  const settings = httpSettingsOf(services.config, { caSpkiSha256: async () => undefined, isStopping: () => false })
  const app = createHttpApp(services, settings)
  const server = createServer({ ...app.options, cert: certificatePem, key: privateKeyPem }, app.listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

async function makeStock(
  services: Services,
  { agentId, stock }: { agentId: string; stock: number },
): Promise<string[]> {
  const bodies: string[] = []
  const queue = Array.from({ length: stock }, (_, index) => index)
  const make = async (): Promise<void> => {
    for (let index = queue.shift(); index !== undefined; index = queue.shift())
      bodies.push(await makeOne(services, agentId, index))
  }
  await Promise.all(Array.from({ length: 8 }, make))
  return bodies
}

async function makeOne(services: Services, agentId: string, index: number): Promise<string> {
  const name = `host-${index}.bench.test`
  const id = `bench-${index}`
  await services.store.transaction(async (tx) => {
    await tx.targets.insert({
      id,
      name: id,
      type: 'Bench',
      agent_id: agentId,
      config: '{}',
      created_at: tx.now,
      updated_at: tx.now,
    })
  })
  await requestCertificate(services, { actor: systemActor, id, sans: [name], targetIds: [id], issuerId: 'iss-local' })
  const { privateKeyPem } = await generateKey('EC-P256')
  const csr_pem = await createCsr({ privateKeyPem, commonName: name, names: [parseGeneralName(name)] })
  return JSON.stringify({ csr_pem, certificate_id: id })
}
