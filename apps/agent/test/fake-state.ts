import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type {
  DiscoveryReport,
  JobReport,
  Observations,
  RawRequest,
  reportedConnectorSchema,
  WorkItem,
} from '@certctl/api'
import type { z } from '@certctl/core'
import { CertctlError, type GeneralName } from '@certctl/core'
import type { TestCa } from '@certctl/testing'

type ReportedConnector = z.output<typeof reportedConnectorSchema>

export interface FakeAgentRow {
  id: string
  name?: string
  keyHash: string
  keyUsed: boolean
  retired: boolean
}

export interface FakeJob {
  id: string
  kind: 'issue' | 'deploy' | 'verify' | 'test' | 'scan' | 'challenge'
  challenge?: WorkItem['challenge']
  state: 'ready' | 'waiting_csr' | 'active' | 'done'
  certificateId: string
  targetId?: string | undefined
  lease?: string | undefined
  lockedUntil: number
  attempt: number
  csrPem?: string | undefined
  report?: JobReport | undefined
}

export interface FakeCertificate {
  id: string
  names: readonly GeneralName[]
  key: string
  versions: { leafPem: string; fingerprint: string; spki: string; notAfter: Date }[]
}

export interface FakeTarget {
  id: string
  type: string
  config: Record<string, unknown>
  generation: number
  timeLimitSeconds?: number
}

/** Everything the server knows, in the open for tests, and what changes it. */
export interface FakeState {
  readonly ca: TestCa
  readonly agents: FakeAgentRow[]
  readonly jobs: FakeJob[]
  readonly certificates: Map<string, FakeCertificate>
  readonly targets: Map<string, FakeTarget>
  readonly reports: { jobId: string; report: JobReport; taken: boolean }[]
  readonly observations: Observations['placements']
  readonly discoveries: DiscoveryReport[]
  readonly connectors: ReportedConnector[][]
  /** Operation by operation, as they came. */
  readonly calls: string[]
  /** Keys that are listed although no current version has them. */
  readonly otherKeys: { certificate_id: string; spki_sha256: string[] }[]
  /** Of the clock that the server tells; default: this machine's. */
  now(): Date
  setNow(now: () => Date): void
  authorize(operationId: string, request: RawRequest): FakeAgentRow | undefined
  newJoinSecret(): string
  join(token: string): { row: FakeAgentRow; apiKey: string }
  addAgent(id: string): string
  queue(job: Pick<FakeJob, 'kind'> & Partial<FakeJob>): FakeJob
  retire(agentId: string): void
  /** Ends every parked poll. */
  wakeAll(): void
  parked(ms: number, signal: AbortSignal): Promise<void>
  itemOf(job: FakeJob): WorkItem
}

export function createFakeState(ca: TestCa): FakeState {
  const secrets = new Map<string, FakeAgentRow | undefined>()
  const waiting = new Set<() => void>()
  let now = () => new Date()

  const state: FakeState = {
    ca,
    agents: [],
    jobs: [],
    certificates: new Map(),
    targets: new Map(),
    reports: [],
    observations: [],
    discoveries: [],
    connectors: [],
    calls: [],
    otherKeys: [],
    now: () => now(),
    setNow(clock) {
      now = clock
    },
    authorize(operationId, { headers, params }) {
      state.calls.push(operationId)
      if (operationId === 'joinAgent') return undefined
      const key = /^Bearer (.+)$/.exec(String(headers.authorization ?? ''))?.[1] ?? ''
      const row = state.agents.find((agent) => agent.keyHash === hashOf(key))
      if (row === undefined) throw new CertctlError('unauthenticated', 'Invalid API key')
      if (row.retired) throw new CertctlError('gone', `The agent ${row.id} was retired`)
      if (params.id !== row.id) throw new CertctlError('forbidden', 'Another agent')
      row.keyUsed = true
      return row
    },
    newJoinSecret() {
      const secret = randomBytes(32).toString('base64url')
      secrets.set(secret, undefined)
      return secret
    },
    join(token) {
      const secret = secretOf(token)
      if (!secrets.has(secret)) throw new CertctlError('unauthenticated', 'This join token is not known here')
      const before = secrets.get(secret)
      if (before?.keyUsed === true) throw new CertctlError('unauthenticated', 'This join token was used')
      const apiKey = `cca_${randomBytes(32).toString('base64url')}`
      const row = before ?? { id: `agent-${state.agents.length + 1}`, keyHash: '', keyUsed: false, retired: false }
      row.keyHash = hashOf(apiKey)
      if (before === undefined) state.agents.push(row)
      secrets.set(secret, row)
      return { row, apiKey }
    },
    addAgent(id) {
      const apiKey = `cca_${randomBytes(32).toString('base64url')}`
      state.agents.push({ id, keyHash: hashOf(apiKey), keyUsed: false, retired: false })
      return apiKey
    },
    queue(job) {
      const made = {
        id: `job-${randomUUID()}`,
        certificateId: 'mc-www',
        state: 'ready' as const,
        lockedUntil: 0,
        attempt: 0,
        ...job,
      }
      if (made.kind === 'issue') Object.assign(made, { state: 'waiting_csr' })
      state.jobs.push(made)
      state.wakeAll()
      return made
    },
    retire(agentId) {
      for (const agent of state.agents) if (agent.id === agentId) agent.retired = true
      state.wakeAll()
    },
    wakeAll() {
      for (const wake of waiting) wake()
    },
    async parked(ms, signal) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, ms)
        function done() {
          clearTimeout(timer)
          waiting.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        waiting.add(done)
        signal.addEventListener('abort', done)
      })
    },
    itemOf: (job) => itemOf(state, job),
  }
  return state
}

function itemOf(state: FakeState, job: FakeJob): WorkItem {
  const { id, kind, certificateId, targetId, lease, attempt } = job
  const common = {
    id,
    certificate_id: certificateId,
    attempt,
    ...(lease === undefined ? {} : { lease, locked_until: new Date(job.lockedUntil).toISOString() }),
  }
  const certificate = state.certificates.get(certificateId)
  const dns = (certificate?.names ?? []).filter((name) => name.type === 'dns').map((name) => name.value)
  if (kind === 'issue')
    return {
      ...common,
      type: 'Issuance',
      status: 'AwaitingCSR',
      ...(dns[0] === undefined ? {} : { common_name: dns[0] }),
      names: [...(certificate?.names ?? [])],
      key: certificate?.key ?? 'EC-P256',
    }
  const types = {
    deploy: 'Deployment',
    verify: 'Verification',
    test: 'Test',
    scan: 'Scan',
    challenge: 'Challenge',
  } as const
  const item: WorkItem = {
    ...common,
    type: types[kind],
    status: 'Running',
    ...targetPart(state, targetId),
    challenge: job.challenge,
  }
  const version = certificate?.versions.at(-1)
  const target = state.targets.get(targetId ?? '')
  if (version === undefined || target === undefined || kind === 'test') return item
  const before = certificate?.versions.at(-2)
  return {
    ...item,
    names: [...(certificate?.names ?? [])],
    ...(before === undefined ? {} : { previous_fingerprint: before.fingerprint }),
    deployment: {
      id: `${certificateId}.${target.id}`,
      fingerprint: version.fingerprint,
      spki_sha256: version.spki,
      not_after: version.notAfter.toISOString(),
      certificate_generation: 1,
      target_generation: target.generation,
      time_limit_seconds: target.timeLimitSeconds ?? 300,
    },
  }
}

function targetPart(state: FakeState, targetId: string | undefined) {
  const target = state.targets.get(targetId ?? '')
  return target === undefined ? {} : { target_id: target.id, target_type: target.type, target_config: target.config }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function secretOf(token: string): string {
  try {
    return JSON.parse(Buffer.from(token.replace(/^ccj_/, ''), 'base64url').toString('utf8')).s
  } catch {
    return ''
  }
}
