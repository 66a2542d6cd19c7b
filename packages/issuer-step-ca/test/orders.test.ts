import { createHash } from 'node:crypto'
import { parseCertificate, parseCsr, splitCertificates } from '@certctl/pki'
import { createIssuanceRequest, type HttpAnswer } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { askedAt, connectorTo, failureOf, issue, names, never, revocationOf, tokenIn } from './fake-bench.js'
import { type FakeStepCa, fakeStepCa } from './fake-step-ca.js'

const warningsOf = ({ host }: FakeStepCa) => host.logged.filter(({ level }) => level === 'warn')
const signs = (world: FakeStepCa) => askedAt(world, '/1.0/sign')

describe('a token', () => {
  it('names the approved names, the one address it is for and its CSR, and lives five minutes', async () => {
    const world = await fakeStepCa()
    const asked = [...names, { type: 'ip', value: '2001:db8::1' }, { type: 'uri', value: 'spiffe://x.test/w' }] as const
    const request = await createIssuanceRequest({ names: asked })
    await connectorTo(world).issue(request)
    const token = tokenIn(signs(world)[0])
    const hash = createHash('sha256').update(parseCsr(request.csrPem).der).digest('base64url')
    expect(token).toMatchObject({
      alg: 'ES256',
      iss: 'adm',
      aud: 'https://ca.example.test:9000/1.0/sign',
      sub: 'www.example.test',
      sans: ['www.example.test', '2001:db8::1', 'spiffe://x.test/w'],
      cnf: { 'x5rt#S256': hash },
    })
    expect((token.exp ?? 0) - (token.iat ?? 0)).toBe(300)
    expect(token.iat).toBe(Math.floor(world.host.now().getTime() / 1000))
  })

  it('is another for each request', async () => {
    const world = await fakeStepCa()
    world.claims = undefined
    await issue(connectorTo(world, { validity_days: 90 }))
    const ids = signs(world).map((request) => tokenIn(request).jti)
    expect(ids).toHaveLength(2)
    expect(new Set(ids).size).toBe(2)
    expect(ids[0]).toMatch(/^[0-9a-f]{64}$/)
  })

  it('for a certificate with another common name has that as its subject', async () => {
    const world = await fakeStepCa()
    const { certificate } = await issue(connectorTo(world), { commonName: 'Web Server 1' })
    expect(tokenIn(signs(world)[0]).sub).toBe('Web Server 1')
    expect(certificate.names).toEqual(names)
  })
})

describe('a lifetime', () => {
  it('of zero days is left to the provisioner, unless policy allows less than its default', async () => {
    const world = await fakeStepCa()
    const notAfter = new Date(Math.ceil(world.host.now().getTime() / 1000) * 1000 + 7 * 86_400_000)
    await issue(connectorTo(world), { notAfter })
    expect(signs(world)[0]?.json()).not.toHaveProperty('notAfter')
    const soon = new Date(Math.ceil(world.host.now().getTime() / 1000) * 1000 + 3_600_000)
    const { certificate } = await issue(connectorTo(world), { notAfter: soon })
    expect(certificate.notAfter).toEqual(soon)
    expect(warningsOf(world)).toEqual([])
  })

  it('is never beyond what policy allows, whatever is configured', async () => {
    const world = await fakeStepCa()
    world.claims = { maxTLSCertDuration: '2160h' }
    const notAfter = new Date(Math.ceil(world.host.now().getTime() / 1000) * 1000 + 5 * 86_400_000)
    expect((await issue(connectorTo(world, { validity_days: 90 }), { notAfter })).certificate.notAfter).toEqual(
      notAfter,
    )
    const over = new Date(world.host.now().getTime() - 1000)
    expect(await failureOf(issue(connectorTo(world), { notAfter: over }))).toMatch(/^policy_denied: /)
  })

  it('above the maximum of the provisioner is asked for as that, once, with a warning that says why', async () => {
    const world = await fakeStepCa()
    world.claims = { maxTLSCertDuration: '72h0m0s' }
    const { certificate } = await issue(connectorTo(world, { validity_days: 90 }))
    expect(signs(world)).toHaveLength(1)
    expect(signs(world)[0]?.json()).toMatchObject({ notAfter: '259200s' })
    expect(warningsOf(world)).toHaveLength(1)
    expect(warningsOf(world)[0]?.fields).toMatchObject({ asked: '90d', notAfter: certificate.notAfter.toISOString() })
  })

  it('above a maximum that is told by the refusal only is learnt from it', async () => {
    const world = await fakeStepCa()
    world.claims = undefined
    world.caMaxSeconds = 48 * 3600
    const connector = connectorTo(world, { validity_days: 90 })
    await issue(connector)
    await issue(connector)
    expect(signs(world).map((request) => (request.json() as { notAfter: string }).notAfter)).toEqual([
      '7776000s',
      '172800s',
      '172800s',
    ])
  })

  it('below the minimum is refused in the words of the CA, and not asked for again', async () => {
    const world = await fakeStepCa()
    const notAfter = new Date(world.host.now().getTime() + 60_000)
    expect(await failureOf(issue(connectorTo(world), { notAfter }))).toMatch(
      /^upstream_rejected: .*less than the authorized minimum/,
    )
    expect(signs(world)).toHaveLength(1)
  })
})

describe('an order', () => {
  it('has the intermediate as its chain', async () => {
    const { chainPem, certificate } = await issue(connectorTo(await fakeStepCa()))
    expect(splitCertificates(chainPem).map((pem) => parseCertificate(pem).subjectText)).toEqual([
      certificate.issuerText,
    ])
  })

  it('whose CSR has other names is refused before a token is made', async () => {
    const world = await fakeStepCa()
    const csrNames = [...names, { type: 'dns', value: 'admin.example.test' }] as const
    expect(await failureOf(issue(connectorTo(world), { csrNames }))).toMatch(/^csr_rejected: .*admin\.example\.test/)
    expect(world.requests).toEqual([])
  })

  it('asked again is the same certificate, and for another key a conflict', async () => {
    const world = await fakeStepCa()
    const request = await createIssuanceRequest({ names })
    const first = await connectorTo(world).issue(request)
    expect(await connectorTo(world).issue({ ...request, attempt: 2 })).toEqual(first)
    expect(signs(world)).toHaveLength(1)
    const { csrPem } = await createIssuanceRequest({ names })
    expect(await failureOf(connectorTo(world).issue({ ...request, csrPem }))).toMatch(/^conflict: /)
  })

  it('goes on after the CA was restarted', async () => {
    const world = await fakeStepCa()
    const connector = connectorTo(world)
    await issue(connector)
    world.host.clock.advance(10)
    world.restart()
    await issue(connector)
  })
})

describe('a refused token', () => {
  it('under clocks that differ says by how much', async () => {
    const world = await fakeStepCa()
    world.clockSeconds = 600
    expect(await failureOf(issue(connectorTo(world)))).toMatch(
      /^upstream_rejected: .*our clock is 600 s behind the CA's/,
    )
    expect(await failureOf(connectorTo(world).test?.(never))).toMatch(/^connection_failed: Our clock is 600 s behind/)
    world.clockSeconds = -600
    expect(await failureOf(issue(connectorTo(world)))).toMatch(/our clock is 600 s ahead of the CA's/)
  })

  it('under clocks that agree lists what else it can be, and where the CA says more', async () => {
    const world = await fakeStepCa()
    world.dnsNames = ['other.example.test']
    expect(await failureOf(issue(connectorTo(world)))).toMatch(
      /request-id f00d.*ca\.example\.test is not among dnsNames/,
    )
  })
})

describe('a revocation', () => {
  it('has its own token, a decimal serial number, and reason and words as given', async () => {
    const world = await fakeStepCa()
    const issued = await issue(connectorTo(world))
    await connectorTo(world).revoke?.(revocationOf(issued, 'keyCompromise'))
    const serial = BigInt(`0x${issued.certificate.serialNumber}`).toString()
    const [request] = askedAt(world, '/1.0/revoke')
    expect(request?.json()).toMatchObject({ serial, reasonCode: 1, reason: 'replaced by another', passive: true })
    expect(tokenIn(request)).toMatchObject({ sub: serial, aud: 'https://ca.example.test:9000/1.0/revoke' })
    expect(tokenIn(request)).not.toHaveProperty('sans')
    const hex = BigInt(serial).toString(16)
    expect(world.revoked.get(hex)).toEqual({ reasonCode: 1, reason: 'replaced by another' })
  })

  it('of a CA without a database is not offered, and neither is a hold', async () => {
    const world = await fakeStepCa()
    const issued = await issue(connectorTo(world))
    expect(await failureOf(connectorTo(world).revoke?.(revocationOf(issued, 'certificateHold')))).toMatch(
      /^unsupported: .*certificateHold/,
    )
    world.hasDatabase = false
    expect(await failureOf(connectorTo(world).revoke?.(revocationOf(issued)))).toMatch(/^unsupported: .*configure db/)
  })
})

describe('an answer of', () => {
  const cases: readonly (readonly [string, HttpAnswer, RegExp])[] = [
    ['another product', { status: 404, body: '404 page not found' }, /^upstream_rejected: /],
    ['a proxy, as a page', { status: 502, body: '<html>Bad Gateway</html>' }, /^upstream_unavailable: [^<]*$/],
    ['a redirecting proxy', { status: 302, headers: { location: 'http://169.254.169.254/' } }, /^upstream_protocol: /],
    ['a stranger', { status: 201, json: { crt: 'x' } }, /^upstream_protocol: .*cannot be read/],
    ['half a stranger', { status: 201, json: { ca: 'x' } }, /^upstream_protocol: .*check that ca_url/],
  ]
  it.each(cases)('%s has the right code', async (_, answer, expected) => {
    const world = await fakeStepCa()
    const connector = connectorTo(world)
    await issue(connector)
    world.queued.push(answer)
    expect(await failureOf(issue(connector))).toMatch(expected)
  })

  it('a limit carries the time to come back', async () => {
    const world = await fakeStepCa()
    world.queued.push({ status: 429, headers: { 'retry-after': '3600' } })
    await expect(issue(connectorTo(world))).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 3600 })
  })

  it('a CA that makes no CRL says so; one that does gives it as it is; a page is no CRL', async () => {
    const world = await fakeStepCa()
    expect(await failureOf(connectorTo(world).crl?.(never))).toMatch(/^unsupported: .*crl\.enabled/)
    world.crl = new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x01])
    expect(await connectorTo(world).crl?.(never)).toEqual(world.crl)
    for (const bytes of [[0x3c, 0x68], [0x30, 0x09, 0x00], [0x30, 0x82, 0x01], []]) {
      world.crl = new Uint8Array(bytes)
      expect(await failureOf(connectorTo(world).crl?.(never))).toMatch(/^upstream_protocol: .*no CRL/)
    }
  })

  it('a well CA is told with provisioner and limit', async () => {
    const world = await fakeStepCa()
    expect((await connectorTo(world).test?.(never))?.detail).toMatch(
      /provisioner "adm" \(ES256, .*\) issues for up to 1d$/,
    )
    world.claims = undefined
    expect((await connectorTo(world).test?.(never))?.detail).toMatch(/as long as the CA allows/)
    world.queued.push({ status: 500, json: { status: 'error' } })
    expect(await failureOf(connectorTo(world).test?.(never))).toMatch(/^upstream_unavailable: /)
  })
})
