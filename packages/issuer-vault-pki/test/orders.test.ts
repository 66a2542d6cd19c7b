import { parseCertificate, splitCertificates } from '@certctl/pki'
import { createIssuanceRequest, type HttpAnswer } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { connectorTo, failureOf, issue, names, never, revocationOf } from './fake-bench.js'
import { type FakeVault, fakeVault } from './fake-vault.js'

const warningsOf = ({ host }: FakeVault) => host.logged.filter(({ level }) => level === 'warn')

describe('an order', () => {
  it('asks for what policy allows, where that is less than ttl', async () => {
    const world = await fakeVault()
    const notAfter = new Date(world.host.now().getTime() + 3_600_000)
    const { certificate } = await issue(connectorTo(world), { notAfter })
    expect(certificate.notAfter.getTime()).toBeLessThanOrEqual(notAfter.getTime())
    expect(warningsOf(world)).toEqual([])
  })

  it('is refused before Vault is asked, where policy allows no time any more or the CSR has other names', async () => {
    const world = await fakeVault()
    const over = new Date(world.host.now().getTime() - 1000)
    expect(await failureOf(issue(connectorTo(world), { notAfter: over }))).toMatch(/^policy_denied: .*which is over/)
    const csrNames = [...names, { type: 'dns', value: 'admin.example.test' }] as const
    expect(await failureOf(issue(connectorTo(world), { csrNames }))).toMatch(/^csr_rejected: .*admin\.example\.test/)
    expect(world.requests).toEqual([])
  })

  it('sends names as texts with commas, each kind in its field', async () => {
    const world = await fakeVault()
    const asked = [
      ...names,
      { type: 'email', value: 'ops@example.test' },
      { type: 'ip', value: '192.0.2.1' },
      { type: 'ip', value: '2001:db8::1' },
      { type: 'uri', value: 'spiffe://example.test/web' },
    ] as const
    await issue(connectorTo(world, { role: 'unstored' }), { names: asked })
    expect(world.requests[0]?.json()).toMatchObject({
      common_name: 'www.example.test',
      alt_names: 'www.example.test,ops@example.test',
      ip_sans: '192.0.2.1,2001:db8::1',
      uri_sans: 'spiffe://example.test/web',
    })
  })

  it('gives a role that wants a common name the first DNS name, never a longer one than 64 characters', async () => {
    const world = await fakeVault()
    const long = `${'a'.repeat(60)}.example.test`
    const asked = [{ type: 'dns', value: long }, ...names] as const
    const request = await createIssuanceRequest({ names: asked, commonName: 'www.example.test' })
    await connectorTo(world).issue({ ...request, commonName: undefined })
    expect(world.requests[0]?.json()).toMatchObject({ common_name: 'www.example.test' })
  })

  it.each(['array', 'text', 'missing'] as const)(
    'has its chain in order, each once, when ca_chain is %s',
    async (chain) => {
      const world = await fakeVault()
      world.chain = chain
      const { chainPem, certificate } = await issue(connectorTo(world))
      const subjects = splitCertificates(chainPem).map((pem) => parseCertificate(pem).subjectText)
      expect(subjects[0]).toBe(certificate.issuerText)
      expect(subjects).toHaveLength(chain === 'missing' ? 1 : 2)
    },
  )

  it('that Vault cut short says until when, why, and what to do', async () => {
    const world = await fakeVault()
    const { certificate } = await issue(connectorTo(world, { ttl: '8760h' }))
    const [warning, ...more] = warningsOf(world)
    expect(more).toEqual([])
    expect(warning?.fields).toMatchObject({ asked: '365d', notAfter: certificate.notAfter.toISOString() })
    expect(String(warning?.fields?.because)).toMatch(/^TTL .* is longer than permitted maxTTL/)
    expect(String(warning?.fields?.remedy)).toMatch(/CERTCTL_VAULT_TTL/)
  })

  it('that would outlive the CA is placed once more, for what is left', async () => {
    const world = await fakeVault()
    world.caEnd = new Date(world.host.now().getTime() + 7_200_000)
    const { certificate } = await issue(connectorTo(world))
    expect(world.requests).toHaveLength(2)
    expect(certificate.notAfter.getTime()).toBeLessThanOrEqual(world.caEnd.getTime())
    expect(String(warningsOf(world)[0]?.fields?.because)).toContain(world.caEnd.toISOString())
  })

  it('of a CA that has ended is refused in its own words', async () => {
    const world = await fakeVault()
    world.caEnd = new Date(world.host.now().getTime() - 1000)
    expect(await failureOf(issue(connectorTo(world)))).toMatch(/^upstream_rejected: .*beyond the expiration/)
    expect(world.requests).toHaveLength(1)
  })

  it('asked again is the same certificate, and for another key a conflict', async () => {
    const world = await fakeVault()
    const request = await createIssuanceRequest({ names })
    const first = await connectorTo(world).issue(request)
    expect(await connectorTo(world).issue({ ...request, attempt: 2 })).toEqual(first)
    expect(world.requests).toHaveLength(1)
    const { csrPem } = await createIssuanceRequest({ names })
    expect(await failureOf(connectorTo(world).issue({ ...request, csrPem }))).toMatch(/^conflict: /)
  })
})

describe('a revocation', () => {
  it('goes by serial number with colons, and by the certificate where no serial number is kept', async () => {
    const world = await fakeVault()
    const stored = await issue(connectorTo(world))
    await connectorTo(world).revoke?.(revocationOf(stored))
    expect(world.requests.at(-1)?.json()).toEqual({
      serial_number: stored.certificate.serialNumber.match(/../g)?.join(':'),
    })
    const unstored = await issue(connectorTo(world, { role: 'unstored' }))
    await connectorTo(world).revoke?.(revocationOf(unstored))
    expect(world.requests.at(-1)?.json()).toEqual({ certificate: unstored.certificatePem })
    expect(world.revoked.size).toBe(2)
  })

  it('that a cluster has not written yet is requested, and confirmed when asked again', async () => {
    const world = await fakeVault()
    const issued = await issue(connectorTo(world))
    world.revocationState = 'pending'
    expect(await connectorTo(world).revoke?.(revocationOf(issued))).toMatchObject({ status: 'requested' })
    world.revocationState = 'revoked'
    expect(await connectorTo(world).revoke?.(revocationOf(issued))).toEqual({ status: 'confirmed' })
  })

  it('that is refused for another cause is not tried with the certificate', async () => {
    const world = await fakeVault()
    const issued = await issue(connectorTo(world))
    world.queued.push({ status: 400, json: { errors: ['revocation is disabled'] } })
    expect(await failureOf(connectorTo(world).revoke?.(revocationOf(issued)))).toMatch(/revocation is disabled/)
  })
})

describe('an answer of', () => {
  const cases: readonly (readonly [string, HttpAnswer, RegExp])[] = [
    ['a sealed node', { status: 503, json: { errors: ['Vault is sealed'] } }, /^upstream_unavailable: .*unseal/],
    [
      'a standby that redirects',
      { status: 307, headers: { location: 'https://169.254.169.254/' } },
      /^upstream_unavailable: .*standby.*not followed/,
    ],
    ['a disaster recovery standby', { status: 472 }, /^upstream_unavailable: .*standby/],
    ['a performance standby', { status: 473 }, /^upstream_unavailable: .*standby/],
    [
      'a node that lags behind',
      { status: 412, json: { errors: ['required index state not present'] } },
      /^upstream_unavailable: /,
    ],
    ['a node that is not initialized', { status: 501 }, /^upstream_unavailable: .*operator init/],
    [
      'a mount that is not there',
      { status: 404, json: { errors: ['no handler for route'] } },
      /^upstream_rejected: .*check mount/,
    ],
    ['a proxy, as a page', { status: 502, body: '<html>Bad Gateway</html>' }, /^upstream_unavailable: [^<]*$/],
    ['a stranger', { status: 200, json: { data: { certificate: 'x' } } }, /^upstream_protocol: .*cannot be read/],
    ['a stranger, redirecting', { status: 302, body: 'moved' }, /^upstream_protocol: .*check addr/],
  ]
  it.each(cases)('%s has the right code and says what to do', async (_, answer, expected) => {
    const world = await fakeVault()
    world.queued.push(answer)
    expect(await failureOf(issue(connectorTo(world)))).toMatch(expected)
  })

  it('a used-up quota carries the time to come back', async () => {
    const world = await fakeVault()
    world.queued.push({ status: 429, headers: { 'retry-after': '3600' }, json: { errors: ['quota exceeded'] } })
    await expect(issue(connectorTo(world))).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 3600 })
  })

  it('whatever length is one line of bounded length', async () => {
    const world = await fakeVault()
    world.queued.push({ status: 400, json: { errors: [`line\n\u001b[31m${'x'.repeat(100_000)}`] } })
    const sentence = await failureOf(issue(connectorTo(world)))
    expect(sentence.length).toBeLessThan(600)
    expect(sentence).not.toMatch(/\p{Cc}/u)
  })

  it('the CA certificates that is empty or a page is an error, not an empty chain', async () => {
    const world = await fakeVault()
    world.queued.push({ status: 204 }, { status: 204 })
    expect(await failureOf(connectorTo(world).caCertificates?.(never))).toMatch(/^upstream_rejected: .*has no CA yet/)
    world.queued.push({ status: 200, body: '<html>' })
    expect(await failureOf(connectorTo(world).caCertificates?.(never))).toMatch(/^upstream_protocol: /)
  })
})
