import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { type IssuerConnector, isCertctlError, parseConfig } from '@certctl/core'
import { createHttpClient } from '@certctl/kit'
import { fingerprintOf, parseCertificate } from '@certctl/pki'
import { createIssuanceRequest, issuedRefOf, type RequestOverrides, testIssuer } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import stepCa from '../src/index.js'
import { type LiveHost, liveHost } from './live-host.js'
import { createProvisionerMaterial, type KeyKind, type ProvisionerMaterial } from './provisioner-material.js'
import { createStepCa, programs, type StepCa } from './step-ca-process.js'

const required = process.env.CERTCTL_TEST_REAL === 'required'
const never = new AbortController().signal
const names = [{ type: 'dns', value: 'www.example.test' }] as const
const kinds: readonly KeyKind[] = ['P-256', 'P-384', 'P-521', 'RSA', 'Ed25519']
const password = 'password-of-the-provisioners'

if (programs === undefined && !required) it.skip('skipped: step-ca is not installed', () => undefined)
else if (programs === undefined)
  it('step-ca and step are installed, since CERTCTL_TEST_REAL=required', () => expect(programs).toBeDefined())
else runLive(programs)

function runLive(found: { ca: string; cli: string }): void {
  let ca: StepCa
  const materials = new Map<string, ProvisionerMaterial>()
  beforeAll(async () => {
    for (const kind of kinds) materials.set(kind, await createProvisionerMaterial(kind, password, { kind }))
    materials.set('long', await createProvisionerMaterial('long', password))
    const claims = { maxTLSCertDuration: '72h', defaultTLSCertDuration: '36h' }
    const all = [...materials.values()].map((material) => ({ material, ...(material.name === 'long' && { claims }) }))
    ca = await createStepCa(found, all)
    for (const [name, { jwe }] of materials) writeFileSync(ca.at(`${name}.jwe`), jwe, { mode: 0o600 })
    await ca.start()
  })
  afterAll(() => ca?.close())

  /** The provisioner that `step ca init` makes, with the key that the CA hands out. */
  const base = () => ({
    ca_url: ca.address,
    provisioner_name: 'adm',
    provisioner_password: ca.password,
    root_cert_path: ca.rootPath,
  })
  const connector = (over: object = {}, host: LiveHost = liveHost()): IssuerConnector =>
    stepCa.create(parseConfig(stepCa.configSchema, { ...base(), ...over }, stepCa.type), host)
  const provisionedBy = (name: string) => ({
    provisioner_name: name,
    provisioner_password: password,
    provisioner_key_path: ca.at(`${name}.jwe`),
  })
  const issued = async (issuer: IssuerConnector, over: Partial<RequestOverrides> = {}) => {
    const outcome = await issuer.issue(await createIssuanceRequest({ names, ...over }))
    if (outcome.status !== 'valid') throw new Error(`answered ${outcome.status}`)
    return { ...outcome, certificate: parseCertificate(outcome.certificatePem) }
  }
  const failure = async (work: Promise<unknown> | undefined): Promise<string> => {
    const error: unknown = await work?.then(
      () => new Error('it did not fail'),
      (reason: unknown) => reason,
    )
    return isCertctlError(error) ? `${error.code}: ${error.message}` : String(error)
  }
  const revokeWith = (issuer: IssuerConnector, outcome: { certificatePem: string; chainPem: string }) => {
    const asked = {
      id: 'r',
      attempt: 1,
      firstAskedAt: new Date(),
      reason: 'keyCompromise',
      reasonText: 'lost',
    } as const
    return issuer.revoke?.({ ...asked, certificate: issuedRefOf(outcome), signal: never })
  }
  const hoursLeft = ({ notAfter }: { notAfter: Date }): number => (notAfter.getTime() - Date.now()) / 3_600_000

  // The laws take one configuration and the process is not there yet, so the real one is put in when a connector is made.
  describe('contract, on the real product', () => {
    const definition: typeof stepCa = {
      ...stepCa,
      create: (_, host) => stepCa.create(parseConfig(stepCa.configSchema, base(), stepCa.type), host),
    }
    testIssuer({
      test: it,
      definition,
      config: { ca_url: 'https://ca.example.test', provisioner_name: 'adm', provisioner_password: 'a-placeholder' },
      createWorld: () => ({ host: liveHost(), sweep: false }),
    })
  })

  describe('a real step-ca', () => {
    it('signs with a chain that openssl verifies', async () => {
      const outcome = await issued(connector())
      writeFileSync(ca.at('chain.pem'), outcome.chainPem)
      writeFileSync(ca.at('www.pem'), outcome.certificatePem)
      const verify = ['verify', '-CAfile', ca.rootPath, '-untrusted', ca.at('chain.pem'), ca.at('www.pem')]
      expect(execFileSync('openssl', verify).toString()).toContain('OK')
    })

    it.each(kinds)('takes tokens signed with a provisioner key of type %s', async (kind) => {
      expect((await issued(connector(provisionedBy(kind)))).certificate.names).toEqual(names)
    })

    it.each(['jweJson', 'jwk', 'pem', 'encryptedPem'] as const)(
      'is asked with a provisioner key kept as %s',
      async (form) => {
        const text = materials.get('P-256')?.[form] ?? ''
        writeFileSync(ca.at(`key.${form}`), text, { mode: 0o600 })
        const over = { ...provisionedBy('P-256'), provisioner_key_path: ca.at(`key.${form}`) }
        expect((await issued(connector(over))).certificate.names).toEqual(names)
      },
    )

    it('signs names of every kind, and those of a CSR that has its name as its common name only', async () => {
      const asked = [
        ...names,
        { type: 'dns', value: '*.example.test' },
        { type: 'ip', value: '2001:db8::10' },
        { type: 'email', value: 'ops@example.test' },
        { type: 'uri', value: 'spiffe://example.test/web' },
      ] as const
      const { certificate } = await issued(connector(), { names: asked })
      expect(certificate.names).toHaveLength(asked.length)
      expect(certificate.names).toEqual(expect.arrayContaining([...asked]))
      expect((await issued(connector(), { csrNames: [] })).certificate.names).toEqual(names)
    })

    it('gives its default where nothing is asked for, and what policy allows where that is less', async () => {
      expect(hoursLeft((await issued(connector())).certificate)).toBeCloseTo(24, 0)
      expect(hoursLeft((await issued(connector(provisionedBy('long')))).certificate)).toBeCloseTo(36, 0)
      const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 + 7_200_000)
      expect((await issued(connector(), { notAfter })).certificate.notAfter).toEqual(notAfter)
    })

    it('is asked for no more than the maximum of its provisioner, in one request, and we say so', async () => {
      const host = liveHost()
      const { certificate } = await issued(connector({ ...provisionedBy('long'), validity_days: 90 }, host))
      expect(hoursLeft(certificate)).toBeCloseTo(72, 0)
      expect(host.sent.filter(({ path }) => path === '/1.0/sign')).toHaveLength(1)
      expect(host.warned).toHaveLength(1)
      expect(host.warned[0]?.fields).toMatchObject({ asked: '90d', notAfter: certificate.notAfter.toISOString() })
      expect(host.warned[0]?.fields.because).toMatch(/"long".* 3d /)
    })

    it('whose maximum is told by its refusal only is asked again with that, and refuses no second time', async () => {
      const host = liveHost()
      const issuer = connector({ validity_days: 90 }, host)
      expect(hoursLeft((await issued(issuer)).certificate)).toBeCloseTo(24, 0)
      await issued(issuer)
      expect(host.sent.filter(({ path }) => path === '/1.0/sign')).toHaveLength(3)
      expect(host.warned.map(({ fields }) => fields.asked)).toEqual(['90d', '90d'])
    })

    it('takes a token once, and never for another CSR', async () => {
      const host = liveHost()
      await issued(connector({}, host))
      const http = createHttpClient({ baseUrl: ca.address, tls: { caPem: ca.rootPem } })
      const sent = host.sent.find(({ path }) => path === '/1.0/sign')
      expect((await http.request({ method: 'POST', path: '/1.0/sign', json: sent?.json })).status).toBe(401)

      const other = await createIssuanceRequest({ names })
      const stolen = liveHost()
      const thief = { ...stolen, http: swapping(stolen, other.csrPem) }
      expect(await failure(issued(connector({}, thief)))).toMatch(/^upstream_rejected: step-ca, signing: answered 40/)
    })

    it('refuses a wrong key, a wrong password and an unknown provisioner, each told apart', async () => {
      const foreign = { ...provisionedBy('P-256'), provisioner_key_path: ca.at('P-384.jwe') }
      expect(await failure(issued(connector(foreign)))).toMatch(
        /^config_invalid: Our key has the id .* another provisioner's/,
      )
      const wrong = connector({ ...provisionedBy('P-256'), provisioner_password: 'wrong' })
      expect(await failure(issued(wrong))).toMatch(/^config_invalid: .*provisioner_password does not open it/)
      const nobody = connector({ provisioner_name: 'nobody' })
      expect(await failure(issued(nobody))).toMatch(
        /^config_invalid: step-ca has no JWK provisioner "nobody"; there are: adm, P-256/,
      )
    })

    it('refuses expired tokens, and we say that the clocks differ', async () => {
      expect(await failure(issued(connector({}, liveHost(-600))))).toMatch(
        /^upstream_rejected: .*our clock is \d+ s behind the CA's/,
      )
      expect(await failure(connector({}, liveHost(600)).test?.(never))).toMatch(
        /^connection_failed: Our clock is .* ahead/,
      )
    })

    it('is trusted by the fingerprint of its root, which is fetched once, and by no other', async () => {
      const host = liveHost()
      const pinned = { root_cert_path: undefined, root_fingerprint: fingerprintOf(ca.rootPem).toUpperCase() }
      await issued(connector(pinned, host))
      await issued(connector(pinned, host))
      expect(host.sent.filter(({ path }) => String(path).startsWith('/root/'))).toHaveLength(1)
      const other = connector({ ...pinned, root_fingerprint: 'ab'.repeat(32) })
      expect(await failure(issued(other))).toMatch(/^upstream_rejected: .*has no root with the fingerprint abab/)
      expect(await failure(issued(connector({ root_cert_path: undefined })))).toMatch(
        /^upstream_unavailable: .*certificate/,
      )
    })

    it('tells at a test what it is, and what its certificates are', async () => {
      expect((await connector(provisionedBy('long')).test?.(never))?.detail).toMatch(
        /^step-ca is well; provisioner "long" \(ES256, .*up to 3d$/,
      )
      const [issuing = '', root = ''] = (await connector().caCertificates?.(never)) ?? []
      expect(parseCertificate(issuing).subjectText).toContain('Live Intermediate CA')
      expect(fingerprintOf(root)).toBe(fingerprintOf(ca.rootPem))
      expect(await failure(connector().crl?.(never))).toMatch(/^unsupported: .*crl.enabled/)
    })

    it('restarted in the middle is unavailable while it is down and goes on after; its CRL then names what was revoked, before and after', async () => {
      const issuer = connector()
      const before = await issued(issuer)
      expect(await revokeWith(issuer, before)).toEqual({ status: 'confirmed' })
      expect(await revokeWith(issuer, before)).toEqual({ status: 'confirmed' })
      await ca.stop()
      expect(await failure(issued(issuer))).toMatch(/^upstream_unavailable: /)
      ca.configure((configuration) => {
        configuration.crl = { enabled: true, generateOnRevoke: true }
      })
      await ca.start()
      const after = await settled(() => issued(issuer))
      expect(await crlText(issuer)).not.toContain(after.certificate.serialNumber)
      expect(await revokeWith(issuer, after)).toEqual({ status: 'confirmed' })
      const text = await crlText(issuer)
      expect(text).toContain(before.certificate.serialNumber)
      expect(text).toContain(after.certificate.serialNumber)
      expect(text).toContain('key compromise')
    })

    it('without a database revokes nothing, and says so', async () => {
      const issuer = connector()
      const outcome = await issued(issuer)
      await ca.stop()
      ca.configure((configuration) => {
        delete configuration.db
        delete configuration.crl
      })
      await ca.start()
      expect(await failure(settled(async () => revokeWith(issuer, outcome)))).toMatch(/^unsupported: .*no database/)
    })
  })

  const crlText = async (issuer: IssuerConnector): Promise<string> => {
    writeFileSync(ca.at('crl.der'), (await issuer.crl?.(never)) ?? new Uint8Array())
    const args = [
      'crl',
      '-inform',
      'DER',
      '-in',
      ca.at('crl.der'),
      '-CAfile',
      ca.at('certs/intermediate_ca.crt'),
      '-text',
    ]
    return execFileSync('openssl', args, { stdio: 'pipe' }).toString().toLowerCase()
  }
}

/** Tokens made in the second in which the CA started count as older than it. */
async function settled<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt === 100 || !isCertctlError(error) || !error.message.includes('token was not accepted')) throw error
      await new Promise((resume) => setTimeout(resume, 50))
    }
  }
}

/** A host on which somebody puts another CSR beside the token. */
function swapping(host: LiveHost, csrPem: string): LiveHost['http'] {
  return (options) => {
    const client = host.http(options)
    return {
      request(request) {
        const { json } = request
        const isSign = typeof json === 'object' && json !== null && 'csr' in json
        return client.request(isSign ? { ...request, json: { ...json, csr: csrPem } } : request)
      },
    }
  }
}
