import { describe, expect, it } from '@jest/globals'
import { apiError, type Operation, operations, parseRequest, replyFaults } from '../src/index.js'

/** What a request looks like once the web server has it. */
function asked(operation: Operation, given: { params?: object; query?: object; body?: unknown }) {
  return parseRequest(operation, { params: { ...given.params }, query: { ...given.query }, body: given.body })
}

function answered(operation: Operation, status: number, body: unknown): string[] {
  const schema = operation.responses[status]
  return schema === undefined ? [`${status} is not declared`] : replyFaults(schema, body)
}

const agent = { id: 'agent-1767225600000000000-1' }
const job = { ...agent, job_id: 'job-1767225600000000000-2' }
const fingerprint = 'ab'.repeat(32)
const csr = '-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n'

describe('an older agent', () => {
  it('beats, with the five texts it sends', () => {
    const body = { version: '1.0.0', hostname: 'web-1', os: 'linux', architecture: 'amd64', ip_address: '10.0.0.7' }
    expect(asked(operations.agentHeartbeat, { params: agent, body }).body).toEqual(body)
    expect(answered(operations.agentHeartbeat, 200, { status: 'heartbeat_recorded' })).toEqual([])
  })

  it('polls without any parameter and gets items with the names it knows', () => {
    expect(asked(operations.getAgentWork, { params: agent }).query).toEqual({})
    const items = [
      {
        id: 'job-1',
        type: 'Renewal',
        certificate_id: 'mc-1',
        common_name: 'a.example',
        sans: ['a.example'],
        status: 'AwaitingCSR',
      },
      {
        id: 'job-2',
        type: 'Deployment',
        certificate_id: 'mc-1',
        target_id: 'target-1',
        target_type: 'NGINX',
        target_config: { cert_path: '/etc/nginx/a.pem' },
        status: 'Running',
      },
    ]
    const work = { jobs: items, count: 2, server_time: '2026-01-31T12:00:00Z' }
    expect(answered(operations.getAgentWork, 200, work)).toEqual([])
    expect(answered(operations.getAgentWork, 200, { ...work, jobs: null })).not.toEqual([])
  })

  it('sends a CSR, with or without the certificate it is for', () => {
    asked(operations.submitAgentCsr, { params: agent, body: { csr_pem: csr, certificate_id: 'mc-1' } })
    asked(operations.submitAgentCsr, { params: agent, body: { csr_pem: csr, certificate_id: '' } })
    expect(answered(operations.submitAgentCsr, 202, { status: 'csr_signed' })).toEqual([])
    expect(answered(operations.submitAgentCsr, 200, { status: 'csr_signed' })).not.toEqual([])
  })

  it('fetches the certificate and may ignore what came later', () => {
    asked(operations.getAgentCertificate, { params: { ...agent, cert_id: 'mc-1' } })
    const answer = {
      certificate_pem: 'x',
      leaf_pem: 'x',
      chain_pem: '',
      fingerprint,
      not_after: '2026-04-30T12:00:00Z',
    }
    expect(answered(operations.getAgentCertificate, 200, answer)).toEqual([])
  })

  it('says Running, Completed and Failed, and nothing else', () => {
    asked(operations.setAgentJobStatus, { params: job, body: { status: 'Running' } })
    asked(operations.setAgentJobStatus, { params: job, body: { status: 'Completed', error: '' } })
    asked(operations.setAgentJobStatus, { params: job, body: { status: 'Failed', error: 'deployment failed: x' } })
    for (const status of ['', 'Pending'])
      expect(() => asked(operations.setAgentJobStatus, { params: job, body: { status } })).toThrow('status')
  })

  it('verifies before it completes, also with empty fingerprints', () => {
    const body = {
      target_id: 'target-1',
      expected_fingerprint: '',
      actual_fingerprint: '',
      verified: false,
      error: 'dial',
    }
    expect(asked(operations.verifyJob, { params: { id: job.job_id }, body }).body).toEqual(body)
  })

  it('reports what it discovered, nulls and all', () => {
    const found = {
      fingerprint_sha256: fingerprint,
      common_name: 'a.example',
      sans: null,
      serial_number: '1a',
      issuer_dn: 'CN=ca',
      subject_dn: 'CN=a.example',
      not_before: '2026-01-01T00:00:00Z',
      not_after: '2027-01-01T00:00:00Z',
      key_algorithm: 'ECDSA',
      key_size: 256,
      is_ca: false,
      pem_data: '-----BEGIN CERTIFICATE-----',
      source_path: '/etc/ssl/a.pem',
      source_format: 'PEM',
    }
    const body = {
      agent_id: agent.id,
      directories: ['/etc/ssl'],
      certificates: [found],
      errors: null,
      scan_duration_ms: 12,
    }
    asked(operations.reportDiscoveries, { params: agent, body })
    const scan = {
      id: 'dscan-1',
      agent_id: agent.id,
      directories: ['/etc/ssl'],
      certificates_found: 1,
      certificates_new: 1,
      errors_count: 0,
      scan_duration_ms: 12,
      started_at: '2026-01-01T00:00:00Z',
      completed_at: '2026-01-01T00:00:01Z',
    }
    expect(answered(operations.reportDiscoveries, 202, scan)).toEqual([])
  })
})

describe('an older client of the command line', () => {
  it('imports with fields that were always in vain', () => {
    const body = {
      name: 'a',
      common_name: 'a.example',
      sans: ['a.example'],
      environment: 'imported',
      owner_id: 'o-1',
      team_id: 't-1',
      issuer_id: 'iss-local',
      renewal_policy_id: 'rp-1',
      status: 'Active',
      serial_number: '1a',
      expires_at: '0001-01-01T00:00:00Z',
    }
    const parsed = asked(operations.createCertificate, { body }).body
    expect(parsed).not.toHaveProperty('status')
    expect(parsed).not.toHaveProperty('serial_number')
    expect(parsed).toMatchObject({ name: 'a', issuer_id: 'iss-local' })
  })

  it('sends back what it read when it changes something', () => {
    const read = {
      id: 'iss-1',
      name: 'new name',
      type: 'local',
      config: { token: '********' },
      enabled: false,
      last_tested_at: '0001-01-01T00:00:00Z',
      test_status: 'untested',
      source: 'api',
      hierarchy_mode: 'root',
      created_at: '2026-01-01T00:00:00Z',
      updated_at: '2026-01-01T00:00:00Z',
    }
    expect(asked(operations.updateIssuer, { params: { id: 'iss-1' }, body: read }).body).toEqual({
      name: 'new name',
      type: 'local',
      config: { token: '********' },
      enabled: false,
    })
  })

  it('renews by query or by body', () => {
    expect(asked(operations.renewCertificate, { params: { id: 'mc-1' }, query: { force: '1' } }).query).toEqual({
      force: true,
    })
    expect(asked(operations.renewCertificate, { params: { id: 'mc-1' }, body: { force: true } }).body).toEqual({
      force: true,
    })
  })

  it('retires with a reason, and must give one with force', () => {
    asked(operations.retireAgent, { params: agent, query: { force: 'true', reason: 'sold' } })
    expect(() => asked(operations.retireAgent, { params: agent, query: { force: 'true' } })).toThrow(
      'reason: must be given with force',
    )
    const counts = { active_targets: 2, active_certificates: 1, pending_jobs: 0 }
    const problem = {
      type: 'urn:certctl:problem:conflict',
      title: 'Conflicts with what is there',
      status: 409,
      detail: 'in use',
      code: 'conflict',
      error: 'blocked_by_dependencies',
      message: 'in use',
      request_id: 'r',
      counts,
    }
    expect(answered(operations.retireAgent, 409, problem)).toEqual([])
    const done = { retired_at: '2026-01-01T00:00:00Z', already_retired: false, cascade: true, counts }
    expect(answered(operations.retireAgent, 200, done)).toEqual([])
  })
})

describe('what is asked of a certificate', () => {
  const faults = (body: unknown) => {
    try {
      asked(operations.createCertificate, { body })
      return []
    } catch (error) {
      return (error as ReturnType<typeof apiError>).errors?.map(({ field }) => field) ?? []
    }
  }

  it('is one name at least, wherever it stands', () => {
    expect(faults({ common_name: 'a.example' })).toEqual([])
    expect(faults({ sans: ['10.0.0.7'] })).toEqual([])
    expect(faults({ csr_pem: csr })).toEqual([])
    expect(faults({})).toEqual(['common_name'])
    expect(faults({ common_name: '', sans: [] })).toEqual(['common_name'])
  })

  it('has no field that nobody knows', () => {
    expect(faults({ common_name: 'a.example', key_size: 2048, colour: 1 })).toEqual(['key_size', 'colour'])
    expect(faults([])).toEqual(['(whole)'])
    expect(faults(undefined)).toEqual(['(whole)'])
  })

  it('may be cleared with null, and stays where it is left out', () => {
    const body = { certificate_profile_id: null, tags: { a: 'b' } }
    expect(asked(operations.updateCertificate, { params: { id: 'mc-1' }, body }).body).toEqual(body)
  })

  it.each(['.hidden', '../etc', 'a/b', '', 'a'.repeat(65), 'a b', 'ä'])('never has the id %j', (id) => {
    expect(faults({ id, common_name: 'a.example' })).toEqual(['id'])
  })

  it('is listed in an order and with the fields that were asked for', () => {
    const query = { sort: '-notAfter', fields: 'id,name', status: 'Active', expires_before: '2026-01-01T00:00:00Z' }
    expect(asked(operations.listCertificates, { query }).query).toMatchObject({
      sort: { by: 'notAfter', descending: true },
      fields: ['id', 'name'],
    })
    for (const wrong of [
      { sort: 'colour' },
      { sort: '--name' },
      { fields: 'id,secret' },
      { expires_before: 'soon' },
      { stauts: 'Active' },
    ])
      expect(() => asked(operations.listCertificates, { query: wrong })).toThrow()
    const page = { total: 1, page: 1, per_page: 50 }
    expect(answered(operations.listCertificates, 200, { ...page, data: [{ id: 'mc-1', name: 'x' }] })).toEqual([])
  })
})

describe('an error of this package', () => {
  it('has the shape that the rest recognises, and its cause', () => {
    const cause = new Error('below')
    const error = apiError('conflict', 'taken', { status: 409, cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'CertctlError', code: 'conflict', message: 'taken', status: 409 })
    expect(error.cause).toBe(cause)
  })
})
