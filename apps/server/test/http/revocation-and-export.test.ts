import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCsr, generateKey } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startWorkers, type Workers } from '../../src/work/worker.js'
import { until } from '../races/steps.js'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
let workers: Workers
let issuerId: string
beforeAll(async () => {
  app = await createTestApp({ environment: { CERTCTL_CERT_EXPORT_RATE_LIMIT_PER_ACTOR_HR: '6' } })
  issuerId = String((await app.admin('POST', '/api/v1/issuers', { name: 'CA', type: 'GenericCA', config: {} })).json.id)
  workers = startWorkers(app.services)
})
afterAll(async () => {
  await workers.stop()
  await app.close()
})

async function issued(name: string): Promise<string> {
  const { privateKeyPem } = await generateKey('EC-P256')
  const csr_pem = await createCsr({ privateKeyPem, commonName: name, names: [{ type: 'dns', value: name }] })
  const { json } = await app.admin('POST', '/api/v1/certificates', { csr_pem, issuer_id: issuerId })
  const isIssued = async () =>
    (await app.admin('GET', `/api/v1/certificates/${json.id}`)).json.fingerprint_sha256 !== undefined
  await until(isIssued, `${name} is issued`)
  return String(json.id)
}

/** The octets as they come. */
async function download(path: string, key: string, body: object): Promise<{ type: string; octets: Buffer }> {
  return await new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const request = httpRequest({ host: '127.0.0.1', port: app.port, method: 'POST', path, headers, agent: false })
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ type: String(response.headers['content-type']), octets: Buffer.concat(chunks) }),
      )
    })
    request.end(JSON.stringify(body))
  })
}

describe('revoking over the API', () => {
  it('answers as older clients expect, tells what was revoked and where that stands', async () => {
    const id = await issued('a.example.test')
    const { status, json } = await app.admin('POST', `/api/v1/certificates/${id}/revoke`, {
      reason: 'cessation_of_operation',
      reason_text: 'the service ended',
    })
    expect({ status, json }).toMatchObject({ status: 200, json: { status: 'revoked' } })
    const { json: listed } = await app.admin('GET', `/api/v1/certificates/${id}/revocations`)
    expect(listed.data).toMatchObject([
      { reason: 'cessationOfOperation', reason_text: 'the service ended', state: 'here', attempts: 0 },
    ])
    expect((await app.admin('GET', `/api/v1/certificates/${id}`)).json).toMatchObject({
      status: 'Revoked',
      revocation_reason: 'cessationOfOperation',
    })
    expect(await app.admin('POST', `/api/v1/certificates/${id}/revoke`, {})).toMatchObject({
      status: 409,
      json: { code: 'already_revoked' },
    })
    expect(await app.admin('POST', `/api/v1/certificates/${id}/renew`, {})).toMatchObject({ status: 409 })
  })

  it('revokes one version of a certificate, and none of another', async () => {
    const [one, other] = [await issued('b.example.test'), await issued('c.example.test')]
    const { json } = await app.admin('GET', `/api/v1/certificates/${one}/versions`)
    const body = { version_id: json.data?.[0]?.id, reason: 'superseded' }
    expect(await app.admin('POST', `/api/v1/certificates/${other}/revoke`, body)).toMatchObject({ status: 404 })
    expect(await app.admin('POST', `/api/v1/certificates/${one}/revoke`, body)).toMatchObject({
      status: 200,
      json: { version_ids: [body.version_id] },
    })
  })

  it('refuses what is no reason, and what there is nothing to revoke of', async () => {
    const revoke = async (id: string, body: object) =>
      await app.admin('POST', `/api/v1/certificates/${id}/revoke`, body)
    const { json } = await app.admin('POST', '/api/v1/certificates', {
      common_name: 'd.example.test',
      issuer_id: issuerId,
    })
    const id = String(json.id)
    expect(await revoke(id, { reason: 'removeFromCRL' })).toMatchObject({ status: 400 })
    expect(await revoke(id, { reason: 'aaCompromise' })).toMatchObject({ status: 400 })
    expect(await revoke(id, {})).toMatchObject({ status: 409 })
    expect(await revoke('cert-none', {})).toMatchObject({ status: 404 })
    await app.admin('DELETE', `/api/v1/certificates/${id}`)
    expect(await revoke(id, {})).toMatchObject({ status: 400 })
  })
})

describe('exporting over the API', () => {
  it('gives PEM and PKCS #12 of the same certificate, recorded, and stops whoever asks for too many', async () => {
    const id = await issued('e.example.test')
    const key = app.keys.operator
    const pem = await app.call('GET', `/api/v1/certificates/${id}/export/pem`, { key })
    expect(pem.json).toMatchObject({ cert_pem: expect.stringContaining('BEGIN CERTIFICATE') })
    const path = `/api/v1/certificates/${id}/export/pkcs12`
    const { type, octets } = await download(path, key, { password: 'secret' })
    expect(type).toBe('application/x-pkcs12')
    expect(octets[0]).toBe(0x30)
    expect(certificatesIn(octets, 'secret')).toContain(String(pem.json.cert_pem).trim())
    const { json } = await app.call('POST', path, { key, body: { encoding: 'base64', format: 'legacy' } })
    expect(Buffer.from(String(json.pkcs12_base64), 'base64')[0]).toBe(0x30)

    const { json: audit } = await app.admin('GET', `/api/v1/audit?resource_id=${id}&per_page=100`)
    expect(audit.data?.map(({ action }) => action)).toEqual(expect.arrayContaining(['export_pem', 'export_pkcs12']))

    const statuses: number[] = []
    for (let n = 0; n < 4; n += 1) statuses.push((await app.call('POST', path, { key, body: {} })).status)
    expect(statuses).toEqual([200, 200, 200, 429])
    const refused = await app.call('POST', path, { key, body: {} })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(3000)
    expect(await app.admin('GET', `/api/v1/certificates/${id}/export/pem`)).toMatchObject({ status: 200 })
  })

  it('of another holder or version than there is says so', async () => {
    const id = await issued('f.example.test')
    const pem = async (query: string) => await app.admin('GET', `/api/v1/certificates/${id}/export/pem?${query}`)
    expect(await pem('agent_id=agent-none')).toMatchObject({ status: 404 })
    expect(await pem('version_id=ver-none')).toMatchObject({ status: 404 })
  })
})

/** What OpenSSL reads in it; without OpenSSL, nothing is claimed. */
function certificatesIn(octets: Buffer, password: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'certctl-export-'))
  try {
    writeFileSync(join(directory, 'file.p12'), octets)
    const argv = ['pkcs12', '-in', join(directory, 'file.p12'), '-passin', `pass:${password}`, '-nokeys']
    return spawnSync('openssl', argv, { encoding: 'utf8' }).stdout
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

describe('the certificates of a CA', () => {
  it('are given to whoever must trust it', async () => {
    const { json } = await app.call('GET', `/api/v1/issuers/${issuerId}/ca-certificates`, { key: app.keys.viewer })
    expect(json).toMatchObject({ certificates: [{ subject: 'CN=CertCtl Local CA', self_signed: true }] })
    expect(json.pem).toContain('BEGIN CERTIFICATE')
    expect(await app.admin('GET', '/api/v1/issuers/iss-none/ca-certificates')).toMatchObject({ status: 404 })
  })
})
