import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { GeneralName, Registry } from '@certctl/core'
import { type Certificate, createCsr, generateKey, parseCertificate, splitCertificates } from '@certctl/pki'
import { pino } from 'pino'
import { type Environment, readConfig } from '../../src/config.js'
import { syncEnvironmentInstances } from '../../src/connectors/environment-instances.js'
import { findConnectors } from '../../src/connectors/find-connectors.js'
import { requestCertificate } from '../../src/lifecycle/asking/request-certificate.js'
import { fulfilOrder } from '../../src/lifecycle/order/fulfil-order.js'
import { createTestApp, type TestApp } from '../http/test-app.js'
import { operator } from '../lifecycle/scene.js'
import type { TestClock, TestServices } from '../postgres.js'

export interface IssuerScene {
  readonly app: TestApp
  /** As a start with these variables would, besides those that the scene was made with. */
  configure(variables: Environment): Promise<void>
  /** Adds an issuer over the API; fails with the answer where it is refused. */
  add(id: string, type: string, config: object): Promise<void>
  /** A certificate through the lifecycle, as the store has it afterwards. */
  issue(issuerId: string, name: string): Promise<Issued>
  close(): Promise<void>
}

export interface Issued {
  certificate: Certificate
  chain: Certificate[]
  names: readonly GeneralName[]
  /** Whether the certificate is for the key of the CSR. */
  isForOurKey: boolean
}

/** Every connector of kinds that the server runs, found as the server finds them. */
export async function installedConnectors(environment: Environment = {}): Promise<Registry> {
  const manifest = fileURLToPath(new URL('../../package.json', import.meta.url))
  return await findConnectors({ config: readConfig(environment), log: pino({ level: 'silent' }), manifest })
}

/** A server on the real clock, since real CAs look at theirs, with what its environment describes. */
export async function createIssuerScene(environment: Environment = {}): Promise<IssuerScene> {
  const registry = await installedConnectors()
  const app = await createTestApp({ environment, registry, clock: createRunningClock() })
  const { services } = app
  const configure = async (variables: Environment): Promise<void> =>
    await syncEnvironmentInstances(services, readConfig({ ...services.config.environment, ...variables }).environment)
  await configure({})
  return {
    app,
    configure,
    async add(id, type, config) {
      const { status, text } = await app.admin('POST', '/api/v1/issuers', { id, name: id, type, config })
      if (status !== 201) throw new Error(`${id} was not taken: ${status} ${text}`)
    },
    issue: async (issuerId, name) => await issue(services, issuerId, name),
    close: async () => await app.close(),
  }
}

function createRunningClock(): TestClock {
  let aheadMs = 0
  return {
    now: () => new Date(Date.now() + aheadMs),
    advance: (seconds) => {
      aheadMs += seconds * 1000
    },
  }
}

const mostRounds = 100

/** Rounds of a worker until the certificate is there; time goes ahead only between them. */
async function issue(services: TestServices, issuerId: string, name: string): Promise<Issued> {
  const { privateKeyPem, spki } = await generateKey('EC-P256')
  const names = [{ type: 'dns' as const, value: name }]
  const csrPem = await createCsr({ privateKeyPem, commonName: name, names })
  const asked = { actor: operator, commonName: name, name: `${name} by ${issuerId}`, sans: [], targetIds: [] }
  const { id } = await requestCertificate(services, { ...asked, issuerId, csrPem })
  for (let round = 1; round <= mostRounds; round += 1) {
    await work(services)
    const [version] = await services.store.versions.listCurrentWithDer(id)
    if (version !== undefined) {
      const certificate = parseCertificate(version.der)
      const chain = splitCertificates(version.chain_pem).map((pem) => parseCertificate(pem))
      return { certificate, chain, names, isForOurKey: Buffer.from(certificate.publicKey.spki).equals(spki) }
    }
    // Longer and longer: how slow the CA is must not decide.
    await pause(Math.min(50 * round, 1000))
    services.clock.advance(5)
  }
  throw new Error(`${issuerId} gave no certificate:\n${await complaints(services, id)}`)
}

async function work(services: TestServices): Promise<void> {
  const now = services.clock.now()
  const claim = { kinds: ['issue'] as const, server: services.server.id, now, until: new Date(now.getTime() + 600_000) }
  const jobs = await services.store.jobs.claimForServer({ ...claim, limit: 10 })
  const { signal } = new AbortController()
  for (const job of jobs) await fulfilOrder(services, { ...job, lease: job.lease ?? '' }, signal)
}

async function complaints({ store, logged }: TestServices, certificateId: string): Promise<string> {
  const jobs = await store.jobs.listOpenOfCertificate(certificateId, 'issue')
  const lines = [...jobs, ...logged.filter(({ level }) => (level as number) >= 40)]
  return lines.map((line) => JSON.stringify(line)).join('\n')
}
