import { createCsr, encodePem, generateKey, parseCertificate } from '@certctl/pki'
import { createTestCa, type TestCa } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { dueRenewals } from '../../src/schedule/due-renewals.js'
import { expiryAlerts } from '../../src/schedule/expiry-alerts.js'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
let ca: TestCa
let issuer_id: string
const day = 86_400_000
beforeAll(async () => {
  app = await createTestApp()
  ca = await createTestCa(app.services.clock.now())
  issuer_id = String(
    (await app.admin('POST', '/api/v1/issuers', { name: 'CA', type: 'GenericCA', config: {} })).json.id,
  )
})
afterAll(async () => await app.close())

async function elsewhere(name: string, days = 60): Promise<{ pem: string; csr_pem: string }> {
  const { privateKeyPem } = await generateKey('EC-P256')
  const names = [
    { type: 'dns' as const, value: name },
    { type: 'dns' as const, value: `alias.${name}` },
  ]
  const csr_pem = await createCsr({ privateKeyPem, commonName: name, names })
  const notAfter = new Date(app.services.clock.now().getTime() + days * day)
  return { csr_pem, pem: await ca.sign(csr_pem, { names, notAfter }) }
}

const path = '/api/v1/certificates/import'

describe('importing a certificate', () => {
  it('takes it into care as it is: names, dates, serial number, chain', async () => {
    const { pem } = await elsewhere('a.example.test')
    const body = { certificate_pem: pem + ca.intermediatePem, issuer_id, tags: { from: 'file' } }
    const { status, json } = await app.admin('POST', path, body)
    const read = parseCertificate(pem)
    expect({ status, json }).toMatchObject({
      status: 201,
      json: {
        name: 'a.example.test',
        common_name: 'a.example.test',
        sans: expect.arrayContaining(['a.example.test', 'alias.a.example.test']),
        status: 'Active',
        source: 'import',
        serial_number: read.serialNumber,
        fingerprint_sha256: read.fingerprint,
        expires_at: read.notAfter.toISOString(),
        tags: { from: 'file' },
      },
    })
    const exported = await app.admin('GET', `/api/v1/certificates/${json.id}/export/pem`)
    expect(exported.json.full_pem).toBe(read.pem + ca.intermediatePem)
  })

  it('never renews it by surprise, and says how it would be', async () => {
    const { pem } = await elsewhere('b.example.test')
    const { json } = await app.admin('POST', path, { certificate_pem: pem, issuer_id })
    expect(json.renew_at).toBeUndefined()
    expect(json.notices).toEqual([expect.stringContaining('CSR')])
    app.services.clock.advance((58 * day) / 1000)
    await dueRenewals.run(app.services, new AbortController().signal)
    const { json: jobs } = await app.admin('GET', `/api/v1/jobs?certificate_id=${json.id}`)
    expect(jobs.data).toEqual([])
  })

  it('with a CSR is renewed in its time', async () => {
    const { pem, csr_pem } = await elsewhere('c.example.test')
    const { status, json } = await app.admin('POST', path, { certificate_pem: pem, csr_pem, issuer_id })
    expect(status).toBe(201)
    expect(typeof json.renew_at).toBe('string')
    app.services.clock.advance((58 * day) / 1000)
    await dueRenewals.run(app.services, new AbortController().signal)
    const { json: jobs } = await app.admin('GET', `/api/v1/jobs?certificate_id=${json.id}`)
    expect(jobs.data).toHaveLength(1)
  })

  it('says of one that has ended that it has', async () => {
    const { pem } = await elsewhere('d.example.test', 1)
    app.services.clock.advance((2 * day) / 1000)
    const { status, json } = await app.admin('POST', path, { certificate_pem: pem, issuer_id })
    expect({ status, json }).toMatchObject({ status: 201, json: { status: 'Expired' } })
  })

  it('refuses what is there already, naming it', async () => {
    const { pem } = await elsewhere('e.example.test')
    const first = await app.admin('POST', path, { certificate_pem: pem, issuer_id })
    const again = await app.admin('POST', path, { certificate_pem: pem, issuer_id, name: 'another name' })
    expect(again).toMatchObject({ status: 409, json: { detail: expect.stringContaining(String(first.json.id)) } })
  })

  it('refuses what is no certificate, and the certificate of a CA', async () => {
    for (const certificate_pem of ['nothing', ca.intermediatePem])
      expect(await app.admin('POST', path, { certificate_pem, issuer_id })).toMatchObject({
        status: 400,
        json: { errors: [{ field: 'certificate_pem' }] },
      })
  })

  it('refuses a private key in any field, and says nothing of it', async () => {
    const { pem, csr_pem } = await elsewhere('h.example.test')
    const { privateKeyPem: key } = await generateKey('EC-P256')
    const whole = { certificate_pem: pem, chain_pem: ca.intermediatePem, csr_pem }
    for (const [field, text] of Object.entries(whole)) {
      const { status, json } = await app.admin('POST', path, { ...whole, [field]: key + text, issuer_id })
      expect({ status, json }).toMatchObject({
        status: 400,
        json: { errors: [{ field, message: expect.stringContaining('private key') }] },
      })
      expect(JSON.stringify(json)).not.toContain(key.split('\n')[1])
    }
    expect((await app.admin('POST', path, { ...whole, issuer_id })).status).toBe(201)
  })

  it('refuses a CSR for other names', async () => {
    const { pem } = await elsewhere('f.example.test')
    const { csr_pem } = await elsewhere('g.example.test')
    const { status } = await app.admin('POST', path, { certificate_pem: pem, csr_pem, issuer_id })
    expect(status).toBe(400)
  })
})

describe('importing a certificate that has been in use for long', () => {
  const never = new AbortController().signal

  /** Of 88 days, of which five are left. */
  async function late(name: string): Promise<{ certificate_pem: string; csr_pem: string; issuer_id: string }> {
    const now = app.services.clock.now().getTime()
    const older = await createTestCa(new Date(now - 83 * day))
    const { csr_pem } = await elsewhere(name)
    return { certificate_pem: await older.sign(csr_pem, { notAfter: new Date(now + 5 * day) }), csr_pem, issuer_id }
  }

  it('tells at once that nobody will renew it in time', async () => {
    const { csr_pem: _, ...body } = await late('i.example.test')
    const { json } = await app.admin('POST', path, body)
    await expiryAlerts.run(app.services, never)
    const { json: events } = await app.admin('GET', `/api/v1/events?certificate_id=${json.id}`)
    expect(events.data).toContainEqual(expect.objectContaining({ type: 'certificate.expiring' }))
    const { json: plan } = await app.admin('GET', '/api/v1/certificates?status=Expiring&per_page=100')
    expect(plan.data).toContainEqual(expect.objectContaining({ id: json.id }))
  })

  it('renews it at once where a CSR came with it, and plans one more within its life and no more', async () => {
    const { json } = await app.admin('POST', path, await late('j.example.test'))
    const { json: planned } = await app.admin('GET', '/api/v1/plan?days=60')
    expect(planned.renewals).toBeLessThan(20)
    app.services.clock.advance(1)
    await dueRenewals.run(app.services, never)
    const { json: jobs } = await app.admin('GET', `/api/v1/jobs?certificate_id=${json.id}`)
    expect(jobs.data).toHaveLength(1)
  })
})

describe('importing names', () => {
  /** In octets that nobody made canonical: `_` is where the dot of the root is to stand. */
  async function written(names: readonly string[]): Promise<string> {
    const { csr_pem } = await elsewhere('m.example.test')
    const subject = [{ type: 'CN', value: names[0] ?? '' }]
    const pem = await ca.sign(csr_pem, { names: names.map((value) => ({ type: 'dns' as const, value })), subject })
    const octets = Buffer.from(parseCertificate(pem).der).toString('latin1').replaceAll('.test_', '.test.')
    return encodePem('CERTIFICATE', Buffer.from(octets, 'latin1'))
  }

  it.each([
    ['k.example.test', ['k.example.test', 'k.example.test', 'other.k.example.test']],
    ['l.example.test', ['l.example.test_', 'l.example.test', 'other.l.example.test_']],
  ])('keeps each once, and none with the dot of the root: %s', async (name, names) => {
    const { status, json } = await app.admin('POST', path, { certificate_pem: await written(names), issuer_id })
    expect({ status, json }).toMatchObject({
      status: 201,
      json: { common_name: name, sans: [name, `other.${name}`] },
    })
  })
})
