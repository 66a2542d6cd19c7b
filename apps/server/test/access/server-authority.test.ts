import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { splitCertificates } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { listenerNames } from '../../src/access/listener-names.js'
import { publishAuthority } from '../../src/access/published-authority.js'
import { openServerAuthority } from '../../src/access/server-authority.js'
import { createTestServices, type TestServices } from '../postgres.js'

describe("the server's own CA", () => {
  let services: TestServices
  beforeAll(async () => {
    services = await createTestServices()
  })
  afterAll(async () => await services.close())

  it('is one for all copies, also when they start at once', async () => {
    const copies = await Promise.all([1, 2, 3, 4].map(async () => await openServerAuthority(services)))
    const later = await openServerAuthority(services)
    expect(new Set([...copies, later].map(({ spkiSha256 }) => spkiSha256)).size).toBe(1)
  })

  it('may sign end entities only, and says so in a form that strict readers accept', async () => {
    const { certificatePem, spkiSha256 } = await openServerAuthority(services)
    const certificate = new X509Certificate(certificatePem)
    expect(certificate.ca).toBe(true)
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
    expect(spkiSha256).toBe(createHash('sha256').update(spki).digest('hex'))
  })

  it('issues a certificate for the names of the listener, with the CA behind it', async () => {
    const authority = await openServerAuthority(services)
    const now = services.clock.now()
    const { certificatePem } = await authority.issue({
      commonName: 'certctl.test',
      names: [
        { type: 'dns', value: 'certctl.test' },
        { type: 'ip', value: '127.0.0.1' },
      ],
      notBefore: now,
      notAfter: new Date(now.getTime() + 86_400_000),
    })
    const [leafPem = '', caPem = ''] = splitCertificates(certificatePem)
    const [leaf, ca] = [new X509Certificate(leafPem), new X509Certificate(caPem)]
    expect(leaf.checkHost('certctl.test')).toBe('certctl.test')
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).toBe(true)
    expect(caPem).toBe(authority.certificatePem)
  })

  it('keeps its private key sealed in the database', async () => {
    await openServerAuthority(services)
    const stored = await services.store.serverSecrets.find('server-authority')
    expect(stored?.includes('PRIVATE KEY')).toBe(false)
    expect(stored?.length).toBeGreaterThan(500)
  })

  it('is written for people to trust, whole, readable by all, and again only where it differs', async () => {
    const state = mkdtempSync(join(tmpdir(), 'cct-state-'))
    const path = await publishAuthority(state, 'one\n')
    expect(path).toBe(join(state, 'tls', 'ca.crt'))
    expect(statSync(path).mode & 0o777).toBe(0o644)
    const { ino } = statSync(path)
    await publishAuthority(state, 'one\n')
    expect(statSync(path).ino).toBe(ino)
    await publishAuthority(state, 'two\n')
    expect(readFileSync(path, 'utf8')).toBe('two\n')
    expect(readdirSync(join(state, 'tls'))).toEqual(['ca.crt'])
    rmSync(state, { recursive: true })
  })
})

describe('the names of the listener', () => {
  const texts = (server_host: string, public_url: string) =>
    listenerNames({ server_host, public_url }).map(({ value }) => value)

  it("are this machine's, the address it listens on, and the public one's host, each once", () => {
    const names = texts('127.0.0.1', 'https://certctl.example.com:8443')
    expect(names).toEqual(
      expect.arrayContaining(['localhost', '127.0.0.1', '::1', 'certctl.example.com', hostname().toLowerCase()]),
    )
    expect(new Set(names).size).toBe(names.length)
  })

  it('include every address of the machine where it listens on all', () => {
    expect(texts('0.0.0.0', 'https://localhost').length).toBeGreaterThanOrEqual(
      texts('127.0.0.1', 'https://localhost').length,
    )
    expect(texts('0.0.0.0', 'https://localhost')).not.toContain('0.0.0.0')
  })

  it('take an address in brackets out of them, and leave out what no certificate can carry', () => {
    expect(texts('127.0.0.1', 'https://[2001:db8::1]:8443')).toContain('2001:db8::1')
    expect(texts('-not-a-host-', 'https://localhost')).not.toContain('-not-a-host-')
  })
})
