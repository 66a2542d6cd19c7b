import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type IssuerConnector, type IssuerHost, isCertctlError, Secret, type Stored, z } from '@certctl/core'
import { parseCertificate, splitCertificates } from '@certctl/pki'
import { createIssuanceRequest, issuedRefOf, type RequestOverrides, testIssuer } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import vault from '../src/index.js'
import { connectorOn, createToken, crlSerials, dataOf, liveHost, ocspStatus, prepare } from './live-world.js'
import { baoPath, type OpenBao, startOpenBao, until } from './openbao-process.js'

const required = process.env.CERTCTL_TEST_REAL === 'required'
const program = baoPath ?? ''
const never = new AbortController().signal
const tokenIn = (stored: Stored | undefined) => z.object({ token: z.string() }).parse(stored?.value)
const names = [{ type: 'dns', value: 'www.example.test' }] as const

if (baoPath === undefined && !required) it.skip('skipped: OpenBao is not installed', () => undefined)
else if (baoPath === undefined)
  it('OpenBao is installed, since CERTCTL_TEST_REAL=required', () => expect(baoPath).toBeDefined())
else runLive()

function runLive(): void {
  let bao: OpenBao
  let appRole: { role_id: string; secret_id: string }
  beforeAll(async () => {
    bao = await startOpenBao(program)
    appRole = await prepare(bao)
  })
  afterAll(() => bao?.close())

  const base = () => ({ addr: bao.address, ca_cert: bao.caPath, mount: 'int', role: 'web', ttl: '24h' })
  const withToken = (token: string, over: object = {}) => ({ ...base(), token, ...over })
  const rooted = (over: object = {}, host: IssuerHost = liveHost()) =>
    connectorOn(withToken(bao.rootToken(), over), host)
  const issued = async (connector: IssuerConnector, over: Partial<RequestOverrides> = {}) => {
    const outcome = await connector.issue(await createIssuanceRequest({ names, ...over }))
    if (outcome.status !== 'valid') throw new Error(`answered ${outcome.status}`)
    return { ...outcome, certificate: parseCertificate(outcome.certificatePem) }
  }
  const failure = async (work: Promise<unknown>): Promise<string> => {
    const error: unknown = await work.then(
      () => new Error('it did not fail'),
      (reason: unknown) => reason,
    )
    return isCertctlError(error) ? `${error.code}: ${error.message}` : String(error)
  }
  const revokeWith = (connector: IssuerConnector, outcome: { certificatePem: string; chainPem: string }) => {
    const asked = {
      id: 'r',
      attempt: 1,
      firstAskedAt: new Date(),
      reason: 'keyCompromise',
      reasonText: 'lost',
    } as const
    return connector.revoke?.({ ...asked, certificate: issuedRefOf(outcome), signal: never })
  }

  // The laws take one configuration and the process is not there yet, so the real one is put in when a connector is made.
  describe('contract, on the real product', () => {
    const config = { addr: 'https://127.0.0.1:8200', token: 's.placeholder', mount: 'int', role: 'web' }
    const definition: typeof vault = {
      ...vault,
      create: (given, host) =>
        vault.create({ ...given, addr: bao.address, ca_cert: bao.caPath, token: new Secret(bao.rootToken()) }, host),
    }
    testIssuer({
      test: it,
      definition,
      config,
      createWorld: () => ({ host: liveHost(), sweep: false }),
    })
  })

  describe('a real OpenBao', () => {
    it('signs with a chain that openssl verifies, and says revoked by OCSP and CRL after it was told, once or twice', async () => {
      const connector = rooted()
      const outcome = await issued(connector)
      const [issuing = '', root = ''] = splitCertificates(outcome.chainPem)
      const at = (name: string) => join(bao.directory, name)
      writeFileSync(at('root.pem'), root)
      writeFileSync(at('chain.pem'), issuing)
      writeFileSync(at('www.pem'), outcome.certificatePem)
      const verify = ['verify', '-CAfile', at('root.pem'), '-untrusted', at('chain.pem'), at('www.pem')]
      expect(execFileSync('openssl', verify).toString()).toContain('OK')

      const pems = { leaf: outcome.certificatePem, issuer: issuing }
      expect(await ocspStatus(bao, 'int', pems)).toBe('good')
      expect(await revokeWith(connector, outcome)).toEqual({ status: 'confirmed' })
      expect(await revokeWith(connector, outcome)).toEqual({ status: 'confirmed' })
      expect(await ocspStatus(bao, 'int', pems)).toBe('revoked')
      expect(await crlSerials(bao, 'int')).toContain(outcome.certificate.serialNumber)
    })

    it('revokes what a role did not store, by the certificate itself', async () => {
      const connector = rooted({ role: 'unstored' })
      const outcome = await issued(connector)
      expect(await revokeWith(connector, outcome)).toEqual({ status: 'confirmed' })
      expect(await crlSerials(bao, 'int')).toContain(outcome.certificate.serialNumber)
    })

    it('gets names of every kind in the fields it has for them, where the role ignores the CSR', async () => {
      const asked = [
        ...names,
        { type: 'dns', value: '*.example.test' },
        { type: 'ip', value: '192.0.2.10' },
        { type: 'email', value: 'ops@example.test' },
        { type: 'uri', value: 'spiffe://example.test/web' },
      ] as const
      const { certificate } = await issued(rooted({ role: 'fields' }), { names: asked })
      expect(certificate.names).toEqual(expect.arrayContaining([...asked]))
      expect(certificate.names).toHaveLength(asked.length)
    })

    it('keeps the one name of a CSR that has it as its common name only', async () => {
      const { certificate } = await issued(rooted(), { csrNames: [], commonName: 'www.example.test' })
      expect(certificate.names).toEqual(names)
    })

    it('shortens what is above the limit of the role, and we say by how much and why', async () => {
      const host = liveHost()
      const { certificate } = await issued(rooted({ ttl: '8760h' }, host))
      expect(host.warned).toHaveLength(1)
      expect(host.warned[0]?.fields.notAfter).toBe(certificate.notAfter.toISOString())
      expect(host.warned[0]?.fields.because).toMatch(/maxTTL/)
      const days = (certificate.notAfter.getTime() - Date.now()) / 86_400_000
      expect(days).toBeGreaterThan(29)
      expect(days).toBeLessThanOrEqual(30)
    })

    it('is asked for no more than the rest of its CA, where it refuses to outlive it', async () => {
      const host = liveHost()
      const { certificate } = await issued(rooted({ mount: 'short' }, host))
      expect(host.warned[0]?.fields.because).toMatch(/the CA certificate ends at/)
      expect(certificate.notAfter.getTime()).toBeLessThan(Date.now() + 2 * 3_600_000)
      expect(certificate.notAfter.getTime()).toBeGreaterThan(Date.now() + 1.9 * 3_600_000)
    })

    it('refuses what the role does not allow, in its own words', async () => {
      expect(await failure(issued(rooted({ role: 'strict' })))).toMatch(
        /^upstream_rejected: .*not allowed by this role/,
      )
      expect(await failure(issued(rooted({ role: 'nobody' })))).toMatch(/^upstream_rejected: .*unknown role/)
      expect(await failure(issued(rooted({ mount: 'nowhere' })))).toMatch(/^upstream_rejected: .*check mount/)
    })

    it('tells a wrong token, an expired one and one without the right apart', async () => {
      expect(await failure(issued(connectorOn(withToken('s.wrong'))))).toMatch(
        /^upstream_rejected: .*does not know its token/,
      )
      const powerless = await createToken(bao, { ttl: '1h', policies: ['default'] })
      expect(await failure(issued(connectorOn(withToken(powerless))))).toMatch(/good but may not .*int\/sign\/web/)
      const connector = await seenBeforeItEnds()
      await until(async () => (await failure(issued(connector))) !== 'Error: it did not fail')
      expect(await failure(issued(connector))).toMatch(/its token expired at 20/)
      expect(await failure(connector.test?.(never) ?? Promise.resolve())).toMatch(/its token expired at 20/)
    }, 400_000)

    /** A connector that has seen when its brief token ends. On a slow machine the briefest is over before that. */
    async function seenBeforeItEnds(): Promise<IssuerConnector> {
      for (let seconds = 2; ; seconds *= 2) {
        const connector = connectorOn(withToken(await createToken(bao, { ttl: `${seconds}s` })))
        try {
          await connector.maintain?.(never)
          return connector
        } catch (error) {
          if (seconds > 60) throw error
        }
      }
    }

    it('prolongs a token that is maintained, and warns of one that cannot be', async () => {
      // Half of its life is what a slow machine may take.
      const token = await createToken(bao, { ttl: '40s' })
      const connector = connectorOn(withToken(token))
      expect(await connector.maintain?.(never)).toEqual({ nextInSeconds: 30 })
      const lookUp = async () => dataOf(await bao.api('POST', 'auth/token/lookup', { token }))
      const endOf = async (): Promise<number> => Date.parse(String((await lookUp()).expire_time))
      const end = await endOf()
      const host = liveHost()
      const batch = { ttl: '40s', renewable: false }
      const fixed = connectorOn(withToken(await createToken(bao, batch)), host)
      await until(async () => Number((await lookUp()).ttl) <= 20)
      await connector.maintain?.(never)
      expect(await endOf()).toBeGreaterThan(end)
      await until(async () => {
        await fixed.maintain?.(never)
        return host.warned.length > 0
      })
      expect(host.warned[0]?.fields.because).toBe('it is not renewable')
    }, 400_000)

    it('logs in with an AppRole, again where its token was revoked, and shares it between copies', async () => {
      const host = liveHost()
      const config = { ...base(), ...appRole }
      await issued(connectorOn(config, host))
      const stored = await host.state.get('approle-token')
      await issued(connectorOn(config, host))
      expect(await host.state.get('approle-token')).toEqual(stored)
      const { token } = tokenIn(stored)
      await bao.api('POST', 'auth/token/revoke', { token })
      await issued(connectorOn(config, host))
      expect(tokenIn(await host.state.get('approle-token')).token).not.toBe(token)
      const wrong = connectorOn({ ...config, secret_id: 'wrong' })
      expect(await failure(issued(wrong))).toMatch(/^upstream_rejected: .*invalid role or secret ID.*check role_id/)
    })

    it('signs in its namespace, and has nothing there without', async () => {
      const inTeam = rooted({ namespace: 'team', mount: 'pki' })
      expect((await issued(inTeam)).certificate.issuerText).toContain('Team Root')
      expect(parseCertificate((await inTeam.caCertificates?.(never))?.[0] ?? '').subjectText).toContain('Team Root')
      expect((await inTeam.test?.(never))?.detail).toMatch(/Team Root signs until/)
      expect(await failure(issued(rooted({ namespace: 'nobody', mount: 'pki' })))).toMatch(/^upstream_rejected: /)
    })

    it('says at a test what is wrong, and what it is when nothing is', async () => {
      const good = await rooted().test?.(never)
      expect(good?.detail).toMatch(/^Vault or OpenBao 2\..*Live Issuing signs until .*the token has no end$/)
      const lacking = connectorOn(withToken(await createToken(bao, { ttl: '1h', policies: ['default'] })))
      expect(await failure(lacking.test?.(never) ?? Promise.resolve())).toMatch(
        /lacks "update" on int\/sign\/web and int\/revoke/,
      )
      expect(await failure(rooted({ role: 'nobody' }).test?.(never) ?? Promise.resolve())).toMatch(
        /reading role nobody/,
      )
      const untrusting = rooted({ ca_cert: undefined })
      expect(await failure(untrusting.test?.(never) ?? Promise.resolve())).toMatch(/^upstream_unavailable: /)
    })

    it('restarted in the middle is unavailable while it is down or sealed, and goes on where it was', async () => {
      const connector = rooted()
      const before = await issued(connector)
      await bao.stop()
      expect(await failure(issued(connector))).toMatch(/^upstream_unavailable: /)
      await bao.start()
      expect(await failure(issued(connector))).toMatch(/^upstream_unavailable: .*sealed/)
      expect(await failure(connector.test?.(never) ?? Promise.resolve())).toMatch(/^upstream_unavailable: .*sealed/)
      await bao.unseal()
      const after = await issued(connector)
      expect(after.certificate.issuerText).toBe(before.certificate.issuerText)
      expect(await revokeWith(connector, before)).toEqual({ status: 'confirmed' })
    })
  })
}
