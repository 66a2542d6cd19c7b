import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type IssuanceRequest, type IssuerConnector, type OrderOutcome, parseConfig } from '@certctl/core'
import { createCsr, generateKey, isCrlOf, parseCertificate, parseCrl, splitCertificates } from '@certctl/pki'
import { createIssuanceRequest, issuedRefOf } from '@certctl/testing'
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import openssl from '../src/index.js'
import { createRealCa, nodeHost, type RealCa, removeRealCas, removeTemplate, skipped } from './real-ca.js'

const never = new AbortController().signal
let ca: RealCa
let connector: IssuerConnector
let work: string

const start = (config: Readonly<Record<string, unknown>> = ca.config) =>
  openssl.create(parseConfig(openssl.configSchema, config, openssl.type), nodeHost())

async function valid(answer: Promise<OrderOutcome>) {
  const outcome = await answer
  if (outcome.status !== 'valid') throw new Error(`answered ${outcome.status}`)
  return outcome
}

const request = (overrides: Partial<Parameters<typeof createIssuanceRequest>[0]> = {}) =>
  createIssuanceRequest({ names: [{ type: 'dns', value: 'www.example.test' }], ...overrides })

/** What OpenSSL itself says of a certificate under this CA, its CRL asked too. */
function verify(certificatePem: string, crl: Uint8Array): string {
  const path = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(work, name), content)
    return join(work, name)
  }
  const crlPem = spawnSync('openssl', ['crl', '-inform', 'DER'], { input: crl }).stdout
  const [issuing = '', root = ''] = splitCertificates(readFileSync(join(ca.folder, 'ca/chain.pem'), 'utf8'))
  const argv = ['-x509_strict', '-crl_check', '-CRLfile', path('crl.pem', crlPem), '-CAfile', path('root.pem', root)]
  const files = ['-untrusted', path('issuing.pem', issuing), path('leaf.pem', certificatePem)]
  const { stdout, stderr } = spawnSync('openssl', ['verify', ...argv, ...files], { encoding: 'utf8' })
  return stdout + stderr
}

const suite = skipped === undefined ? describe : describe.skip

suite(skipped ?? 'the example scripts over the real openssl ca', () => {
  beforeEach(() => {
    ca = createRealCa()
    connector = start()
    work = mkdtempSync(join(tmpdir(), 'certctl-openssl-work-'))
  })
  afterEach(() => {
    removeRealCas()
    rmSync(work, { recursive: true, force: true })
  })
  afterAll(removeTemplate)

  it('issue, renew and revoke; the CRL then lists the one that was revoked and not the other', async () => {
    const first = await valid(connector.issue(await request()))
    const previous = issuedRefOf(first)
    const second = await valid(connector.issue({ ...(await request()), previous }))
    const before = (await connector.crl?.(never)) ?? new Uint8Array()
    expect(parseCrl(before).serialNumbers).toEqual([])
    expect(verify(first.certificatePem, before)).toMatch(/: OK/)
    const revocation = { id: 'r-1', attempt: 1, firstAskedAt: new Date(), signal: never, reasonText: 'replaced' }
    await connector.revoke?.({ ...revocation, certificate: previous, reason: 'keyCompromise' })

    const crl = (await connector.crl?.(never)) ?? new Uint8Array()
    expect(parseCrl(crl).serialNumbers).toEqual([previous.serialNumber])
    expect(isCrlOf(parseCrl(crl), parseCertificate(splitCertificates(first.chainPem)[0] ?? ''))).toBe(true)
    expect(verify(first.certificatePem, crl)).toContain('certificate revoked')
    expect(verify(second.certificatePem, crl)).toMatch(/: OK/)
    expect(
      spawnSync('openssl', ['crl', '-inform', 'DER', '-noout', '-text'], { input: crl }).stdout.toString(),
    ).toContain('Key Compromise')
  })

  it('the chain goes from the issuing CA to the root', async () => {
    const { chainPem } = await valid(connector.issue(await request()))
    const expected = splitCertificates(readFileSync(join(ca.folder, 'ca/chain.pem'), 'utf8'))
    expect(splitCertificates(chainPem)).toEqual(expected)
    expect(await connector.caCertificates?.(never)).toEqual(expected)
  })

  it('the certificate ends when policy says, has the usages that were asked for, and staples where it must', async () => {
    const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 + 10 * 86_400_000)
    const asked = await request({ notAfter, mustStaple: true, extendedKeyUsages: ['serverAuth', 'clientAuth'] })
    const certificate = parseCertificate((await valid(connector.issue(asked))).certificatePem)
    expect(certificate.notAfter).toEqual(notAfter)
    expect([...certificate.extendedKeyUsages].sort()).toEqual(['clientAuth', 'serverAuth'])
    expect(certificate.mustStaple).toBe(true)
    expect(certificate).toMatchObject({ isCa: false, keyUsages: ['digitalSignature'] })
  })

  it('an RSA key may encipher as well', async () => {
    const { privateKeyPem } = await generateKey('RSA-2048')
    const asked = await request()
    const csrPem = await createCsr({ privateKeyPem, names: asked.names, commonName: 'www.example.test' })
    const { certificatePem } = await valid(connector.issue({ ...asked, csrPem }))
    expect(parseCertificate(certificatePem).keyUsages).toEqual(['digitalSignature', 'keyEncipherment'])
  })

  it('what a CSR asks for beyond names is not had', async () => {
    const { privateKeyPem } = await generateKey('EC-P256')
    const asked = await request()
    const csrPem = await createCsr({ privateKeyPem, names: asked.names, extendedKeyUsages: ['OCSPSigning'] })
    const { certificatePem } = await valid(connector.issue({ ...asked, csrPem }))
    expect(parseCertificate(certificatePem).extendedKeyUsages).toEqual(['serverAuth'])
  })

  it('twelve orders at once are twelve certificates with serial numbers of their own, all in the database', async () => {
    const requests = await Promise.all(Array.from({ length: 12 }, () => request()))
    const outcomes = await Promise.all(requests.map((one) => valid(start().issue(one))))
    const serials = outcomes.map(({ certificatePem }) => parseCertificate(certificatePem).serialNumber)
    expect(new Set(serials).size).toBe(12)
    expect(ca.count('V')).toBe(12)
  })

  it('one order is one certificate, also for another server that asks at the same time', async () => {
    const asked: IssuanceRequest = await request()
    const outcomes = await Promise.all([1, 2, 3].map((attempt) => valid(start().issue({ ...asked, attempt }))))
    expect(new Set(outcomes.map(({ certificatePem }) => certificatePem)).size).toBe(1)
    expect(ca.count('V')).toBe(1)
  })

  it('a CRL of another CA is not published', async () => {
    const other = createRealCa()
    const chain = join(work, 'other.pem')
    const [, root = ''] = splitCertificates(readFileSync(join(other.folder, 'ca/chain.pem'), 'utf8'))
    writeFileSync(chain, root)
    await expect(start({ ...ca.config, ca_cert_path: chain }).crl?.(never)).rejects.toMatchObject({
      code: 'upstream_protocol',
      message: expect.stringContaining('not signed by a CA of ca_cert_path'),
    })
    const { ca_cert_path: _, ...unknown } = ca.config
    expect(parseCrl((await start(unknown).crl?.(never)) ?? '').issuerText).toBe('CN=Example Issuing CA')
  })

  it('revoking what this CA never issued fails with what openssl says', async () => {
    const other = createRealCa()
    const foreign = issuedRefOf(await valid(start(other.config).issue(await request())))
    writeFileSync(join(ca.folder, 'ca/issuing.pem'), 'no certificate')
    await expect(
      connector.revoke?.({
        ...{ id: 'r-1', attempt: 1, firstAskedAt: new Date(), signal: never, reasonText: 'x' },
        ...{ certificate: foreign, reason: 'superseded' },
      }),
    ).rejects.toMatchObject({ code: 'upstream_rejected' })
  })

  it('a test says what can be run and until when the CA lives, and signs nothing', async () => {
    const { detail } = (await connector.test?.(never)) ?? { detail: '' }
    expect(detail).toContain('sign, revoke, crl can be run')
    expect(detail).toContain('CN=Example Issuing CA')
    expect(ca.count('V')).toBe(0)
  })

  it('nothing stays behind in the folder of temporary files', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('tmp.'))
    await valid(connector.issue(await request()))
    const left = readdirSync(tmpdir()).filter((name) => name.startsWith('tmp.') && !before.includes(name))
    expect(left.filter((name) => existsSync(join(tmpdir(), name, 'request.pem')))).toEqual([])
  })

  it('make-ca does not make a second CA over a first', () => {
    const { status, stderr } = spawnSync(join(ca.folder, 'make-ca'), [join(ca.folder, 'data')], { encoding: 'utf8' })
    expect(status).not.toBe(0)
    expect(stderr).toContain('holds a CA already')
  })
})
