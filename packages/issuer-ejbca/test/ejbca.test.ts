import type { IssuerConnector } from '@certctl/core'
import { encodePem, parseCertificate, parseCsr, splitCertificates } from '@certctl/pki'
import { issuedRefOf } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { readCertificates } from '../src/answers.js'
import { placeOf } from '../src/index.js'
import { baseUrlOf } from '../src/transport.js'
import { caName } from './fake-ejbca.js'
import type { FakeWorld } from './fake-world.js'
import { mtlsConfig } from './material.js'
import { material, never, request, start, valid, worldOf } from './orders.js'

describe('the address', () => {
  it.each([
    ['https://ca.example.test', 'https://ca.example.test/ejbca/ejbca-rest-api'],
    ['https://ca.example.test:8443/', 'https://ca.example.test:8443/ejbca/ejbca-rest-api'],
    ['https://ca.example.test/ejbca', 'https://ca.example.test/ejbca/ejbca-rest-api'],
    ['https://ca.example.test/ejbca/ejbca-rest-api', 'https://ca.example.test/ejbca/ejbca-rest-api'],
    ['https://ca.example.test/ejbca/ejbca-rest-api/v1/', 'https://ca.example.test/ejbca/ejbca-rest-api'],
    ['https://proxy.example.test/pki/ejbca-rest-api', 'https://proxy.example.test/pki/ejbca-rest-api'],
  ])('%s leads to %s', (given, meant) => {
    expect(baseUrlOf(given)).toBe(meant)
  })
})

describe('an enrolment', () => {
  it('is one request with all that EJBCA needs, and its chain comes along', async () => {
    const world = worldOf()
    const asked = await request()
    const outcome = valid(await start(world).issue(asked))
    expect(world.ejbca.calls).toEqual(['POST /v1/certificate/pkcs10enroll'])
    expect(splitCertificates(outcome.chainPem)).toEqual([material.ca.intermediatePem, material.ca.rootPem])
    const { serialNumber } = parseCertificate(outcome.certificatePem)
    expect(outcome.vendorRef).toBe(`CN=Throw-away Issuing CA::${serialNumber.toUpperCase()}`)
    const [[username, entity] = ['', undefined]] = world.ejbca.entities
    expect(username).toBe('test-certificate')
    expect(entity?.password).toMatch(/^[A-Za-z0-9_-]{32}$/)
  })

  it('that is answered with a certificate for another key is handed on to be refused, and none is made after it', async () => {
    const world = worldOf()
    const { answer } = world.ejbca
    const other = await request()
    world.ejbca.answer = async (asked) =>
      await answer({
        ...asked,
        body: JSON.stringify({ ...JSON.parse(asked.body), certificate_request: other.csrPem }),
      })
    const asked = await request()
    const { certificatePem } = valid(await start(world).issue(asked))
    expect(parseCertificate(certificatePem).spkiSha256).toBe(parseCsr(other.csrPem).publicKey.spkiSha256)
    expect(world.ejbca.calls).toEqual(['POST /v1/certificate/pkcs10enroll'])
  })

  it('of a renewal is of the same end entity, since EJBCA wants one for one subject', async () => {
    const world = worldOf()
    await start(world).issue(await request())
    valid(await start(world).issue(await request()))
    expect(world.ejbca.entities.size).toBe(1)
    await expect(
      start(world, { ...mtlsConfig, username_template: 'certctl-{order_id}' }).issue(await request()),
    ).rejects.toThrow('same subject DN as another user')
  })

  it('is under a name that EJBCA does not change', async () => {
    const world = worldOf()
    const template = { ...mtlsConfig, username_template: 'ra/{common_name};"{certificate_id}"' }
    await start(world, template).issue(await request({ names: [{ type: 'dns', value: '*.example.test' }] }))
    expect([...world.ejbca.entities.keys()]).toEqual(['ra_*.example.test__test-certificate_'])
  })

  it('is not made for a CSR that asks for more than was approved', async () => {
    const world = worldOf()
    const csrNames = ['www.example.test', 'other.example.test'].map((value) => ({ type: 'dns', value }) as const)
    await expect(start(world).issue(await request({ csrNames }))).rejects.toMatchObject({ code: 'csr_rejected' })
    expect(world.ejbca.calls).toEqual([])
  })
})

describe('a certificate in an answer', () => {
  const der = Buffer.from(parseCertificate(material.ca.intermediatePem).der)
  it.each([
    ['base64 of DER', der.toString('base64')],
    ['base64 of DER in lines', der.toString('base64').replace(/(.{76})/g, '$1\n')],
    ['base64 of PEM', Buffer.from(material.ca.intermediatePem).toString('base64')],
    ['PEM with text around', `Issuer: x\n${material.ca.intermediatePem}end`],
    ['base64 of base64, as search results have it', Buffer.from(der.toString('base64')).toString('base64')],
  ])('may be %s', (_what, text) => {
    expect(readCertificates(text).map(({ pem }) => pem)).toEqual([material.ca.intermediatePem])
  })

  it.each([
    '',
    'garbage!',
    Buffer.from('<html>').toString('base64'),
    encodePem('CERTIFICATE', der).slice(0, 200),
    'MIIB',
  ])('is a protocol error where it is %j', (text) => {
    expect(() => readCertificates(text)).toThrow(expect.objectContaining({ code: 'upstream_protocol' }))
  })
})

describe('a revocation', () => {
  async function issued(world: FakeWorld) {
    return issuedRefOf(valid(await start(world).issue(await request())))
  }
  const revocation = { id: 'r-1', attempt: 1, firstAskedAt: new Date(), reasonText: 'x', signal: never }

  it.each([
    ['unspecified', 'UNSPECIFIED'],
    ['keyCompromise', 'KEY_COMPROMISE'],
    ['privilegeWithdrawn', 'PRIVILEGES_WITHDRAWN'],
    ['aACompromise', 'AA_COMPROMISE'],
  ] as const)('for %s is filed as %s', async (reason, word) => {
    const world = worldOf()
    const certificate = await issued(world)
    expect(await start(world).revoke?.({ ...revocation, certificate, reason })).toEqual({ status: 'confirmed' })
    expect(world.ejbca.certificates[0]?.revoked).toBe(word)
  })

  it('finds the certificate also where EJBCA writes the name of the CA in another way', async () => {
    const world = worldOf({ caDn: 'CN=Throw-away Issuing CA,O=Ex\\, ample/Works' })
    const certificate = await issued(world)
    await start(world).revoke?.({ ...revocation, certificate, reason: 'superseded' })
    expect(world.ejbca.certificates[0]?.revoked).toBe('SUPERSEDED')
  })

  it('of what EJBCA does not know is not found', async () => {
    const world = worldOf()
    const certificate = { ...(await issued(world)), vendorRef: 'CN=Throw-away Issuing CA::ABCDEF' }
    await expect(start(world).revoke?.({ ...revocation, certificate, reason: 'superseded' })).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it('that somebody must approve is requested once, and confirmed when it was', async () => {
    const world = worldOf({ approveRevocation: true })
    const certificate = await issued(world)
    const ask = (more: Partial<Parameters<NonNullable<IssuerConnector['revoke']>>[0]>) =>
      start(world).revoke?.({ ...revocation, certificate, reason: 'superseded', ...more })
    const first = await ask({})
    expect(first).toEqual({ status: 'requested', reference: 'waiting for approval' })
    expect(await ask({ attempt: 2, reference: 'waiting for approval' })).toEqual(first)
    expect(await ask({ attempt: 2 })).toEqual(first)
    const [one] = world.ejbca.certificates
    if (one !== undefined) one.revoked = 'SUPERSEDED'
    expect(await ask({ attempt: 3, reference: 'waiting for approval' })).toEqual({ status: 'confirmed' })
  })

  it('takes the reference apart at its last ::', () => {
    const certificate = issuedRefOf({ certificatePem: material.adminPem, chainPem: '' })
    expect(placeOf({ ...certificate, vendorRef: 'CN=a::b,O=c::d::0AFF' })).toEqual({
      issuerName: 'CN=a::b,O=c::d',
      serialNumber: '0AFF',
    })
    expect(placeOf(certificate)).toEqual({
      issuerName: 'CN=Throw-away Issuing CA',
      serialNumber: certificate.serialNumber,
    })
  })
})

describe('a test of the connection', () => {
  it('says which EJBCA answers and which CA we may use, and enrols nothing', async () => {
    const world = worldOf()
    expect(await start(world).test?.(never)).toEqual({
      detail: `EJBCA answers (REST interface 1.0, EJBCA 9.3.7 Community) and lets us use CA "${caName}", CN=Throw-away Issuing CA`,
    })
    expect(world.ejbca.calls).toEqual(['GET /v1/certificate/status', 'GET /v1/ca'])
  })

  it('names the CAs there are where ours is not among them', async () => {
    const refused = start(worldOf(), { ...mtlsConfig, ca_name: 'Isuing CA' }).test?.(never)
    await expect(refused).rejects.toMatchObject({ code: 'config_invalid' })
    await expect(refused).rejects.toThrow('no CA named "Isuing CA" (ca_name), but "ManagementCA", "Issuing CA"')
  })
})
