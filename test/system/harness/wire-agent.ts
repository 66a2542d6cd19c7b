import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type ClientOf, createClient, operations, type WorkItem } from '@certctl/api'
import { createCsr, fingerprintOf, generateKey, type KeyAlgorithm, parseCertificate, parseCsr } from '@certctl/pki'
import { type ControlPlane, sender } from './control-plane.js'

/** What one agent saw: everything a test wants to hold against the control plane's record. */
export interface Seen {
  /** Fingerprint by `target certificate`: what it serves. */
  readonly served: Map<string, string>
  /** Deployments that no honest control plane asks for: a certificate whose key was never made here, or is not the one named. */
  readonly wrong: string[]
  /** Requests that had no answer, or a 5xx. */
  readonly failed: string[]
  /** Those that failed again when they were asked once more. */
  readonly failedTwice: string[]
  requests: number
  /** Those that had an answer, refusals included. */
  answered: number
}

export interface WireAgent {
  readonly id: string
  readonly seen: Seen
  stop(): Promise<void>
}

type Api = ClientOf<typeof operations>

interface Agent {
  id: string
  api: Api
  seen: Seen
  stopping: AbortSignal
  /** CSR by job: the same job is answered with the same CSR. */
  csrs: Map<string, { asked: string; csrPem: string }>
  /** SPKI hashes of the keys it made. */
  keys: Set<string>
  running: Map<string, { lease: string; done: Promise<void> }>
  /** The deployment that began last, by place. */
  begun: Map<string, { lease: string }>
}

/** An agent that speaks the wire in this process and keeps its files in memory: twenty of them cost what one real one does. */
export async function startWireAgent(plane: ControlPlane, name: string): Promise<WireAgent> {
  const { body: made } = await plane.api.createAgent({ body: { id: name, name, hostname: `${name}.test` } })
  const stopping = new AbortController()
  const seen: Seen = { served: new Map(), wrong: [], failed: [], failedTwice: [], requests: 0, answered: 0 }
  const send = sender(plane.url, readFileSync(plane.caFile, 'utf8'), made.api_key)
  const api = createClient(operations, (wire) => send(wire))
  const agent: Agent = {
    id: made.id,
    api,
    seen,
    stopping: stopping.signal,
    csrs: new Map(),
    keys: new Set(),
    running: new Map(),
    begun: new Map(),
  }
  await api.describeAgentConnectors({ params: { id: made.id }, body: { connectors: [memoryTarget] } })
  const polling = pollUntilStopped(agent)
  return {
    id: made.id,
    seen,
    async stop() {
      stopping.abort()
      await polling
      await Promise.all([...agent.running.values()].map(({ done }) => done))
    },
  }
}

export const memoryTarget = {
  kind: 'target' as const,
  type: 'Memory',
  aliases: [],
  schema: { type: 'object', properties: {}, additionalProperties: false },
  capabilities: { holds: 'one' },
  package: 'target-memory',
  version: '1.0.0',
}

async function pollUntilStopped(agent: Agent): Promise<void> {
  while (!agent.stopping.aborted) {
    const held = [...agent.running.keys()]
    const query = { wait: 5, lease: 10, ...(held.length === 0 ? {} : { holding: held.join(',') }) }
    const answer = await asked(agent, 'work', () => agent.api.getAgentWork({ params: { id: agent.id }, query }))
    if (answer === undefined) await delay(250)
    else for (const item of answer.body.jobs) take(agent, item)
    if (answer?.body.jobs.length === 0) await delay(50)
  }
}

/** Once, and once more where there was no answer. What fails then, the next poll brings again; refusals are answers. */
async function asked<T>(agent: Agent, what: string, ask: () => Promise<T>): Promise<T | undefined> {
  for (const failures of [agent.seen.failed, agent.seen.failedTwice]) {
    agent.seen.requests += 1
    try {
      const answer = await ask()
      agent.seen.answered += 1
      return answer
    } catch (error) {
      const { status, message } = error as { status?: number; message: string }
      if (status !== undefined && status < 500) {
        agent.seen.answered += 1
        return undefined
      }
      failures.push(`${what}: ${status ?? 'no answer'}: ${message}`)
      await delay(500)
    }
  }
  return undefined
}

function take(agent: Agent, item: WorkItem): void {
  const known = agent.running.get(item.id)
  if (known !== undefined || item.lease === undefined) {
    if (known !== undefined && item.lease !== undefined) known.lease = item.lease
    return
  }
  const held = { lease: item.lease, done: Promise.resolve() }
  agent.running.set(item.id, held)
  held.done = run(agent, item, held).finally(() => agent.running.delete(item.id))
}

async function run(agent: Agent, item: WorkItem, held: { lease: string }): Promise<void> {
  if (item.status === 'AwaitingCSR') await handIn(agent, item, held)
  else if (item.type === 'Deployment') await deploy(agent, item, held)
  else await report(agent, item, { lease: held.lease, ...looked(agent, item) })
}

async function handIn(agent: Agent, item: WorkItem, { lease }: { lease: string }): Promise<void> {
  const csr_pem = await csrFor(agent, item)
  const params = { id: agent.id, job_id: item.id }
  await asked(agent, 'csr', () => agent.api.submitJobCsr({ params, body: { csr_pem, lease } }))
}

async function csrFor(agent: Agent, { id, names = [], common_name, key }: WorkItem): Promise<string> {
  const question = JSON.stringify([names, common_name, key])
  const made = agent.csrs.get(id)
  if (made?.asked === question) return made.csrPem
  const { privateKeyPem } = await generateKey((key ?? 'EC-P256') as KeyAlgorithm)
  const csrPem = await createCsr({ privateKeyPem, commonName: common_name || undefined, names })
  agent.keys.add(parseCsr(csrPem).publicKey.spkiSha256)
  agent.csrs.set(id, { asked: question, csrPem })
  return csrPem
}

async function deploy(agent: Agent, item: WorkItem, held: { lease: string }): Promise<void> {
  const { deployment, certificate_id: certificateId, target_id: targetId = '' } = item
  if (deployment === undefined) return void agent.seen.wrong.push(`${item.id} says nothing to deploy`)
  const { fingerprint, certificate_generation, target_generation } = deployment
  const params = { id: agent.id, cert_id: certificateId }
  const place = `${targetId} ${certificateId}`
  agent.begun.set(place, held)
  const material = await asked(agent, 'material', () =>
    agent.api.getAgentCertificate({ params, query: { fingerprint } }),
  )
  // Revoked or replaced meanwhile, or no answer: the lease runs out and the job is offered anew.
  if (material === undefined) return
  // A later one for the same place began while this one waited for its answer: it was given up, and must not undo the later one.
  if (agent.begun.get(place) !== held) return
  const leaf = parseCertificate(material.body.leaf_pem)
  if (fingerprintOf(material.body.leaf_pem) !== fingerprint || !agent.keys.has(leaf.spkiSha256))
    return void agent.seen.wrong.push(`${certificateId} for ${targetId}: no key of ours, or not what was named`)
  const changed = agent.seen.served.get(place) !== fingerprint
  agent.seen.served.set(place, fingerprint)
  const receipt = { changed, served: 'served' as const, location: place, effective: 'now' as const }
  await report(agent, item, {
    lease: held.lease,
    fingerprint,
    certificate_generation,
    target_generation,
    receipt,
  })
}

function looked(agent: Agent, { target_id: targetId, certificate_id: certificateId, deployment }: WorkItem) {
  const place = `${targetId} ${certificateId}`
  const found = agent.seen.served.get(place)
  const matches = found !== undefined && found === deployment?.fingerprint
  return {
    ...(deployment === undefined ? {} : { fingerprint: deployment.fingerprint }),
    verification: { matches, location: place, ...(found === undefined ? {} : { found_fingerprint: found }) },
    served: [],
  }
}

type Report = Omit<Parameters<Api['reportJob']>[0]['body'], 'outcome' | 'duration_ms'>

async function report(agent: Agent, item: WorkItem, said: Report): Promise<void> {
  const params = { id: agent.id, job_id: item.id }
  const body = { outcome: 'done' as const, duration_ms: 1, ...said }
  await asked(agent, 'report', () => agent.api.reportJob({ params, body }))
}
