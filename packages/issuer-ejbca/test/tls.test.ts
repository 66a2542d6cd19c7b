import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type IssuerHost, parseConfig } from '@certctl/core'
import { createNodeHost } from '@certctl/kit'
import { createIssuanceRequest, createMemoryState, createTestIssuerHost, type HttpAnswer } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import ejbca from '../src/index.js'
import { type HttpsEjbca, startHttpsEjbca } from './https-server.js'

let world: HttpsEjbca
beforeAll(async () => {
  world = await startHttpsEjbca()
})
afterAll(() => world?.close())

function start(changes: Readonly<Record<string, string | undefined>> = {}) {
  const nothing = () => undefined
  const { challenges, dns } = createTestIssuerHost()
  const node = createNodeHost({
    instance: { id: 'iss-ejbca' },
    state: createMemoryState(() => new Date()),
    log: { debug: nothing, info: nothing, warn: nothing },
  })
  const host: IssuerHost = { ...node, challenges, dns }
  return ejbca.create(parseConfig(ejbca.configSchema, { ...world.config, ...changes }, ejbca.type), host)
}
const request = () => createIssuanceRequest({ names: [{ type: 'dns', value: 'www.example.test' }] })
const never = new AbortController().signal

describe('over real TLS', () => {
  it('the client certificate is proven, the server is checked against its CA, and a certificate is issued and revoked', async () => {
    const connector = start()
    expect((await connector.test?.(never))?.detail).toContain('EJBCA 9.3.7')
    const outcome = await connector.issue(await request())
    if (outcome.status !== 'valid') throw new Error(outcome.status)
    const { vendorRef, certificatePem, chainPem } = outcome
    const certificate = { vendorRef, certificatePem, chainPem, serialNumber: '', fingerprint: '' }
    const revocation = { id: 'r', attempt: 1, firstAskedAt: new Date(), reasonText: 'x', signal: never }
    expect(await connector.revoke?.({ ...revocation, certificate, reason: 'keyCompromise' })).toEqual({
      status: 'confirmed',
    })
    expect(world.fake.certificates.at(-1)?.revoked).toBe('KEY_COMPROMISE')
  })

  it('without the CA of the server nothing is sent', async () => {
    const before = world.fake.calls.length
    await expect(start({ server_ca_path: undefined }).issue(await request())).rejects.toMatchObject({
      code: 'upstream_unavailable',
    })
    expect(world.fake.calls).toHaveLength(before)
  })

  it('a client certificate of another CA is not let in', async () => {
    const [leaf] = world.server.leafs
    writeFileSync(join(world.folder, 'other.pem'), leaf.certificatePem)
    writeFileSync(join(world.folder, 'other.key'), leaf.privateKeyPem.reveal())
    const others = {
      client_cert_path: join(world.folder, 'other.pem'),
      client_key_path: join(world.folder, 'other.key'),
    }
    await expect(start(others).issue(await request())).rejects.toMatchObject({ code: 'upstream_rejected' })
  })

  it.each<[string, HttpAnswer, string]>([
    ['a redirect', { status: 302, headers: { location: 'https://localhost:1/' } }, 'upstream_protocol'],
    ['a page with 200', { status: 200, body: '<html>login</html>' }, 'upstream_protocol'],
    ['half a document', { status: 201, body: '{"certificate":"MII' }, 'upstream_protocol'],
    ['a huge document', { status: 201, body: `{"certificate":"${'A'.repeat(5_000_000)}"}` }, 'upstream_protocol'],
    ['a gateway’s page', { status: 502, body: '<html>Bad Gateway</html>' }, 'upstream_unavailable'],
  ])('%s gets the right code, and no certificate', async (_what, answer, code) => {
    world.instead = answer
    try {
      await expect(start().issue(await request())).rejects.toMatchObject({ code })
    } finally {
      world.instead = undefined
    }
  })
})
