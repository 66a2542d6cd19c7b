import { randomUUID } from 'node:crypto'
import { type agentOperations, type agentWorkOperations, type HandlersOf, reply, type WorkAnswer } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { checkProofOfPossession, parseCertificate, parseCsr, sameNames } from '@certctl/pki'
import type { FakeAgentRow, FakeJob, FakeState } from './fake-state.js'

type Operations = typeof agentWorkOperations & Pick<typeof agentOperations, 'joinAgent'>

/** What the server does with each call of an agent. */
export function createHandlers(state: FakeState): Partial<HandlersOf<Operations, FakeAgentRow | undefined>> {
  return {
    async joinAgent({ body }) {
      const { row, apiKey } = state.join(body.token)
      row.name = body.name
      const { name, hostname, os, architecture, version } = body
      const agent = {
        id: row.id,
        name,
        hostname,
        status: 'Online' as const,
        registered_at: isoNow(state),
        os,
        architecture,
        ip_address: '',
        version,
      }
      return reply(201, { agent, api_key: apiKey })
    },
    async agentHeartbeat({ body }) {
      for (const job of state.jobs) if (body.holding?.includes(job.id) === true) job.lockedUntil = Date.now() + 60_000
      return reply(200, { status: 'heartbeat_recorded' as const, server_time: isoNow(state) })
    },
    async describeAgentConnectors({ body }) {
      state.connectors.push(body.connectors)
      return reply(204, undefined)
    },
    async getAgentWork({ query, signal, principal }) {
      const { wait = 0, lease = 60, holding = [] } = query
      const until = Date.now() + wait * 1000
      let jobs = claim(state, holding, lease)
      while (jobs.length === 0 && Date.now() < until && !signal.aborted) {
        await state.parked(until - Date.now(), signal)
        if (principal?.retired === true) throw new CertctlError('gone', 'The agent was retired')
        jobs = signal.aborted ? [] : claim(state, holding, lease)
        if (jobs.length === 0 && !signal.aborted) break
      }
      return reply(200, workAnswer(state, jobs))
    },
    async submitJobCsr({ params, body }) {
      const job = leased(state, params.job_id, body.lease)
      if (job.csrPem !== body.csr_pem) await certify(state, job, body.csr_pem)
      return reply(202, { status: 'csr_signed' as const })
    },
    async getAgentCertificate({ params, query }) {
      const certificate = state.certificates.get(params.cert_id)
      const version = certificate?.versions.findLast(
        (one) => query.fingerprint === undefined || one.fingerprint === query.fingerprint,
      )
      if (version === undefined) throw new CertctlError('not_found', 'There is no such version')
      const chain_pem = state.ca.intermediatePem
      const { leafPem, fingerprint, notAfter } = version
      return reply(200, {
        certificate_pem: `${leafPem}\n${chain_pem}`,
        leaf_pem: leafPem,
        chain_pem,
        fingerprint,
        not_after: notAfter.toISOString(),
      })
    },
    async reportJob({ params, body }) {
      const job = state.jobs.find((one) => one.id === params.job_id)
      if (job === undefined) throw new CertctlError('not_found', 'There is no such job')
      const taken = job.lease === body.lease
      state.reports.push({ jobId: job.id, report: body, taken })
      if (!taken) throw new CertctlError('conflict', 'The lease is lost')
      Object.assign(job, { state: 'done', report: body })
      return reply(200, { status: 'recorded' as const })
    },
    async reportObservations({ body }) {
      state.observations.push(...body.placements)
      return reply(204, undefined)
    },
    async reportDiscoveries({ params, body }) {
      state.discoveries.push(body)
      return reply(202, {
        id: 'dscan-1',
        agent_id: params.id,
        directories: body.directories ?? [],
        certificates_found: body.certificates?.length ?? 0,
        certificates_new: 0,
        errors_count: body.errors?.length ?? 0,
        scan_duration_ms: 0,
        started_at: isoNow(state),
      })
    },
  }
}

function isoNow(state: FakeState): string {
  return state.now().toISOString()
}

/** What is due, and what this agent does not say it holds although it was given it. */
function claim(state: FakeState, holding: readonly string[], leaseSeconds: number): FakeJob[] {
  for (const job of state.jobs) if (holding.includes(job.id)) job.lockedUntil = Date.now() + leaseSeconds * 1000
  const open = state.jobs.filter((job) => job.state !== 'done' && !holding.includes(job.id))
  for (const job of open) {
    job.lease = randomUUID()
    job.lockedUntil = Date.now() + leaseSeconds * 1000
    job.attempt += 1
    if (job.state === 'ready') job.state = 'active'
  }
  return open
}

function workAnswer(state: FakeState, jobs: readonly FakeJob[]): WorkAnswer {
  const current = [...state.certificates.values()].map(({ id, versions }) => {
    const version = versions.at(-1)
    return { certificate_id: id, spki_sha256: version === undefined ? [] : [version.spki] }
  })
  return {
    jobs: jobs.map((job) => state.itemOf(job)),
    count: jobs.length,
    server_time: isoNow(state),
    keys: [...current, ...state.otherKeys],
  }
}

function leased(state: FakeState, jobId: string, lease: string): FakeJob {
  const job = state.jobs.find((one) => one.id === jobId)
  if (job === undefined) throw new CertctlError('not_found', 'There is no such job')
  if (job.lease !== lease) throw new CertctlError('conflict', 'The lease is lost')
  return job
}

/** The same checks as the server makes of a CSR, then a certificate of it. */
async function certify(state: FakeState, job: FakeJob, csrPem: string): Promise<void> {
  if (job.state !== 'waiting_csr') throw new CertctlError('conflict', 'Another CSR was given for this job')
  const certificate = state.certificates.get(job.certificateId)
  if (certificate === undefined) throw new CertctlError('not_found', 'There is no such certificate')
  const csr = parseCsr(csrPem)
  checkProofOfPossession(csr)
  const { missing, extra } = sameNames(certificate.names, csr.names)
  if (missing.length + extra.length > 0)
    throw new CertctlError('csr_rejected', 'The names of the CSR are not those of the certificate')
  const leafPem = await state.ca.sign(csrPem)
  const { fingerprint, spkiSha256, notAfter } = parseCertificate(leafPem)
  certificate.versions.push({ leafPem, fingerprint, spki: spkiSha256, notAfter })
  Object.assign(job, { state: 'done', csrPem })
}
