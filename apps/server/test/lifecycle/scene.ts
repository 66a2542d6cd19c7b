import type { JobReport, WorkItem } from '@certctl/api'
import { createRegistry } from '@certctl/core'
import { createCsr, generateKey, type KeyAlgorithm, parseCsr, parseGeneralName } from '@certctl/pki'
import { type CertificateRequest, requestCertificate } from '../../src/lifecycle/asking/request-certificate.js'
import { acceptCsr } from '../../src/lifecycle/csr/accept-csr.js'
import type { LeasedJob } from '../../src/lifecycle/order/begin-attempt.js'
import { fulfilOrder } from '../../src/lifecycle/order/fulfil-order.js'
import { settleReport } from '../../src/lifecycle/settle-report.js'
import type { Actor } from '../../src/store/audit-entry.js'
import { claimAgentWork } from '../../src/work/claim-work.js'
import { createTestServices, type TestDatabase, type TestServices } from '../postgres.js'
import { createFakeCa, type FakeCa } from './fake-ca.js'

export const operator: Actor = { type: 'User', id: 'key-op', name: 'operator' }

export interface Scene {
  readonly services: TestServices
  readonly ca: FakeCa
  readonly issuerId: string
  /** Adds an agent, described unless it is an old one. */
  agent(id: string, options?: { old?: boolean }): Promise<SceneAgent>
  target(id: string, agentId: string, config?: object): Promise<void>
  request(input: Partial<CertificateRequest>): Promise<{ id: string; jobIds: string[] }>
  /** What a worker does: claims what is due and works it off, one job after the other. Returns how many there were. */
  work(): Promise<number>
  claimServerJobs(): Promise<LeasedJob[]>
  close(): Promise<void>
}

export interface SceneAgent {
  readonly id: string
  readonly actor: Actor
  claim(holding?: readonly string[], options?: { old?: boolean; boot?: string }): Promise<WorkItem[]>
  /** A CSR with a new key for what a work item asks. */
  csr(item: WorkItem): Promise<string>
  submit(item: WorkItem, csrPem: string): Promise<string>
  report(item: WorkItem, report: Partial<JobReport>): Promise<void>
  /** Reports a deployment as served. */
  deployed(item: WorkItem, report?: Partial<JobReport>): Promise<void>
}

export interface SceneOptions {
  metered?: boolean
  lifeDays?: number
  /** Whether the CA says when it wants a renewal. */
  opinions?: boolean
  database?: TestDatabase
  /** Variables of the server's environment. */
  environment?: Readonly<Record<string, string>>
}

/** A server without edges, a CA and agents that a test moves step by step. */
export async function createScene({
  metered = false,
  lifeDays = 90,
  opinions = false,
  database,
  environment,
}: SceneOptions = {}): Promise<Scene> {
  const registry = createRegistry()
  const services = await createTestServices({ registry, database, environment })
  const ca = await createFakeCa(services.clock, { metered, lifeDays, opinions })
  registry.add({ kind: 'issuer', definition: ca.definition, package: 'fake-ca', version: '0.0.0' })
  const issuerId = 'iss-fake'
  await addIssuer(services, issuerId, ca.definition.type)
  const claimServerJobs = async (): Promise<LeasedJob[]> => {
    const now = services.clock.now()
    const until = new Date(now.getTime() + 60_000)
    const jobs = await services.store.jobs.claimForServer({
      kinds: ['issue'],
      server: services.server.id,
      now,
      until,
      limit: 25,
    })
    return jobs.flatMap((job) => (job.lease === null ? [] : [{ ...job, lease: job.lease }]))
  }
  return {
    services,
    ca,
    issuerId,
    claimServerJobs,
    agent: async (id, options) => await addAgent(services, id, options),
    target: async (id, agentId, config = {}) => await addTarget(services, { id, agentId, config }),
    request: async (input) =>
      await requestCertificate(services, { actor: operator, sans: [], targetIds: [], issuerId, ...input }),
    async work() {
      const jobs = await claimServerJobs()
      for (const job of jobs) await fulfilOrder(services, job, new AbortController().signal)
      return jobs.length
    },
    close: async () => await services.close(),
  }
}

/** A scene of its own for one story, closed however that ends. */
export async function withScene(options: SceneOptions, story: (scene: Scene) => Promise<void>): Promise<void> {
  const scene = await createScene(options)
  try {
    await story(scene)
  } finally {
    await scene.close()
  }
}

/** Another one beside the scene's own. */
export async function addIssuer({ store, clock }: TestServices, id: string, type: string): Promise<void> {
  const now = clock.now()
  await store.transaction(
    async (tx) =>
      await tx.connections.insert({
        id,
        kind: 'issuer',
        type,
        name: id,
        config: '{}',
        enabled: true,
        source: 'api',
        created_at: now,
        updated_at: now,
      }),
  )
}

async function addTarget(
  { store }: TestServices,
  { id, agentId, config }: { id: string; agentId: string; config: object },
): Promise<void> {
  await store.transaction(
    async (tx) =>
      await tx.targets.insert({
        id,
        name: id,
        type: 'Probe',
        agent_id: agentId,
        config: JSON.stringify(config),
        created_at: tx.now,
        updated_at: tx.now,
      }),
  )
}

async function addAgent(services: TestServices, id: string, { old = false } = {}): Promise<SceneAgent> {
  await services.store.transaction(async (tx) => {
    await tx.agents.insert({ id, name: id, key_hash: Buffer.from(id), registered_at: tx.now })
    if (old) return
    await tx.connectorTypes.replaceAll(id, [
      {
        agent_id: id,
        kind: 'target',
        type: 'Probe',
        aliases: [],
        schema: '{}',
        capabilities: JSON.stringify({ holds: 'one' }),
        package: 'target-probe',
        version: '1.0.0',
        reported_at: tx.now,
      },
    ])
  })
  const actor: Actor = { type: 'Agent', id, name: id }
  const report: SceneAgent['report'] = async (item, said) =>
    await settleReport(services, {
      jobId: item.id,
      agentId: id,
      actor,
      report: { lease: item.lease ?? '', outcome: 'done', duration_ms: 1, ...said },
    })
  return {
    id,
    actor,
    async claim(holding = [], { old: isOld = old, boot } = {}) {
      const answer = await claimAgentWork(services, {
        agentId: id,
        holding: isOld ? undefined : holding,
        waitSeconds: 0,
        leaseSeconds: isOld ? undefined : 60,
        boot,
        signal: new AbortController().signal,
      })
      return answer.jobs
    },
    csr: makeCsr,
    submit: async (item, csrPem) => await submitCsr(services, { item, csrPem, actor }),
    report,
    async deployed(item, said = {}) {
      const { fingerprint, target_generation, certificate_generation } = item.deployment ?? {}
      const receipt = { changed: true, served: 'served' as const, location: '/tmp/x', effective: 'now' as const }
      await report(item, { outcome: 'done', fingerprint, target_generation, certificate_generation, receipt, ...said })
    },
  }
}

export async function makeCsr(item: Pick<WorkItem, 'names' | 'sans' | 'common_name' | 'key'>): Promise<string> {
  const { privateKeyPem } = await generateKey((item.key ?? 'EC-P256') as KeyAlgorithm)
  const names = item.names ?? (item.sans ?? []).map((name) => parseGeneralName(name))
  return await createCsr({ privateKeyPem, commonName: item.common_name || undefined, names })
}

async function submitCsr(
  services: TestServices,
  { item, csrPem, actor }: { item: WorkItem; csrPem: string; actor: Actor },
): Promise<string> {
  const job = item.lease === undefined ? undefined : { id: item.id, lease: item.lease }
  const row = await services.store.jobs.get(item.id)
  return await acceptCsr(services, { holderId: row?.holder_id ?? '', csrPem, job, actor })
}

/** The only item of this type; fails where there is none, or more. */
export function only(items: readonly WorkItem[], type?: WorkItem['type']): WorkItem {
  const found = items.filter((item) => type === undefined || item.type === type)
  const [first] = found
  if (first === undefined || found.length > 1)
    throw new Error(
      `expected one ${type ?? 'job'}, got ${JSON.stringify(items.map(({ id, type: kind }) => [id, kind]))}`,
    )
  return first
}

export function keyOf(csrPem: string): string {
  return parseCsr(csrPem).publicKey.spkiSha256
}

/** A certificate on one target, issued and served: what most stories begin with. */
export async function served(
  scene: Scene,
  { name = 'www.example.test', agentId = 'agent-a', targetId = 'target-a' } = {},
): Promise<{ id: string; agent: SceneAgent; fingerprint: string }> {
  const agent = await scene.agent(agentId)
  await scene.target(targetId, agentId)
  const { id } = await scene.request({ commonName: name, targetIds: [targetId] })
  const asked = only(await agent.claim())
  await agent.submit(asked, await agent.csr(asked))
  await scene.work()
  const deployment = only(await agent.claim(), 'Deployment')
  await agent.deployed(deployment)
  return { id, agent, fingerprint: deployment.deployment?.fingerprint ?? '' }
}
