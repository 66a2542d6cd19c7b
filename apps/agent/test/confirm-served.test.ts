import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createSecureContext } from 'node:tls'
import { type Endpoint, targetSettingsSchema } from '@certctl/core'
import { openConnection, startTls } from '@certctl/kit'
import { createMaterial, type Material, type TestLeaf } from '@certctl/testing'
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { confirmServed, notServed } from '../src/confirm-served.js'
import { isSibling } from '../src/is-sibling.js'
import { servedOf } from '../src/wire-looks.js'

let material: Material
const servers: Server[] = []

beforeAll(async () => {
  material = await createMaterial()
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** Serves what it is told, connection by connection; the last for ever. */
async function serve(...leafs: TestLeaf[]): Promise<Endpoint & { asked(): (string | undefined)[] }> {
  const asked: (string | undefined)[] = []
  const contexts = leafs.map((leaf) =>
    createSecureContext({ cert: leaf.certificatePem + leaf.chainPem, key: leaf.privateKeyPem.reveal() }),
  )
  const server = createServer({
    SNICallback: (name, done) => {
      asked.push(name)
      done(null, contexts[Math.min(asked.length, contexts.length) - 1])
    },
  })
  server.on('tlsClientError', () => undefined)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, asked: () => asked }
}

interface Case {
  endpoints: readonly Endpoint[]
  expected?: TestLeaf
  before?: readonly TestLeaf[]
  ownKeys?: readonly string[]
  listed?: readonly string[]
  grace?: number
  attempts?: number
  signal?: AbortSignal
}

async function confirm({
  endpoints,
  expected = material.leafs[0],
  before = [],
  ownKeys = [],
  grace = 0,
  attempts = 3,
  listed,
  signal,
}: Case) {
  const pauses: number[] = []
  const settings = targetSettingsSchema.parse({
    grace,
    post_deploy_verify: { attempts, timeout: '50s', backoff: '2s' },
  })
  const known = {
    certificatePem: expected.certificatePem,
    listed: listed && new Set(listed),
    own: new Set(before.map((leaf) => leaf.fingerprint)),
    holdsKey: (spki: string) => ownKeys.includes(spki),
    now: new Date(),
  }
  const { outcome, looks } = await confirmServed(
    {
      net: { connect: openConnection, startTls },
      endpoints,
      settings,
      expected: {
        fingerprint: expected.fingerprint,
        names: expected.names,
        isSibling: (seen) => isSibling(seen, known),
      },
      now: () => new Date(),
      delay: async (seconds) => void pauses.push(seconds),
    },
    signal ?? new AbortController().signal,
  )
  return { outcome, looks, pauses }
}

describe('a deployment', () => {
  it('is served when every endpoint shows the new certificate', async () => {
    const { outcome, looks, pauses } = await confirm({
      endpoints: [await serve(material.leafs[0]), await serve(material.leafs[0])],
    })
    expect(outcome).toBe('served')
    expect(looks).toHaveLength(2)
    expect(pauses).toEqual([0.5])
  })

  it('is looked at once more when it is served, since an old worker may still answer; one that does not stop is a failure', async () => {
    const [fresh, old] = material.leafs
    const lingering = await confirm({ endpoints: [await serve(fresh, old, old, fresh)], before: [old] })
    expect([lingering.outcome, lingering.pauses]).toEqual(['served', [0.5, 0.5, 0.5]])
    const half = await confirm({ endpoints: [await serve(fresh, old)], before: [old], attempts: 1 })
    expect([half.outcome, half.looks[0]?.verdict]).toEqual(['not served', 'other'])
    const night = await confirm({ endpoints: [await serve(fresh, old)], before: [old], grace: 3600 })
    expect(night.outcome).toBe('later')
  })

  it('is looked at again while the server still shows the old one, with growing pauses of at most five seconds', async () => {
    const [fresh, old] = material.leafs
    const { outcome, pauses } = await confirm({
      endpoints: [await serve(old, old, old, old, fresh)],
      before: [old],
      attempts: 9,
    })
    expect(outcome).toBe('served')
    expect(pauses).toEqual([2, 3, 4.5, 5, 0.5])
  })

  it('is not served when one of two endpoints keeps the old certificate, and says which', async () => {
    const [fresh, old] = material.leafs
    const stale = await serve(old)
    const { outcome, looks } = await confirm({ endpoints: [await serve(fresh), stale], before: [old] })
    expect(outcome).toBe('not served')
    const error = notServed(looks, fresh.fingerprint)
    expect(error.code).toBe('deploy_failed')
    expect(error.message).toContain(
      `127.0.0.1:${stale.port} serves another certificate (${old.fingerprint.slice(0, 16)}`,
    )
  })

  it('may come later where a grace window covers it', async () => {
    const [fresh, old] = material.leafs
    expect(
      (await confirm({ endpoints: [await serve(old)], before: [old], grace: 3600, expected: fresh })).outcome,
    ).toBe('later')
  })

  it('without an endpoint is unverifiable, never served', async () => {
    expect((await confirm({ endpoints: [] })).outcome).toBe('unverifiable')
  })

  it('is not served where nobody answers', async () => {
    const { outcome, looks } = await confirm({ endpoints: [{ host: '127.0.0.1', port: 1 }] })
    expect(outcome).toBe('not served')
    expect(looks[0]).toMatchObject({ verdict: 'unreachable' })
    expect(servedOf(looks, '')).toEqual([
      expect.objectContaining({ endpoint: '127.0.0.1:1', chain_ok: false, detail: expect.any(String) }),
    ])
    expect(servedOf(looks, '')[0]).not.toHaveProperty('fingerprint')
  })

  it('is interrupted between two looks', async () => {
    const controller = new AbortController()
    controller.abort(new Error('stop'))
    await expect(
      confirm({ endpoints: [await serve(material.leafs[1])], signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'aborted' })
  })
})

describe('a sibling behind the same address', () => {
  it('is neutral: the deployment is unverifiable and not undone', async () => {
    const [mine, sibling] = material.leafs
    const { outcome, looks } = await confirm({ endpoints: [await serve(sibling)], expected: mine })
    expect(outcome).toBe('unverifiable')
    expect(looks[0]?.verdict).toBe('sibling')
  })

  it('does not hide this server: one look that meets it is enough', async () => {
    const [mine, sibling] = material.leafs
    expect(
      (await confirm({ endpoints: [await serve(sibling, sibling, mine, sibling)], expected: mine, attempts: 5 }))
        .outcome,
    ).toBe('served')
  })

  it('is not what this target itself held before: a reload that did nothing is a failure', async () => {
    const [mine, old] = material.leafs
    expect((await confirm({ endpoints: [await serve(old)], expected: mine, before: [old] })).outcome).toBe('not served')
  })

  it('is not a certificate whose key is on this host', async () => {
    const [mine, old] = material.leafs
    const { X509Certificate, createHash } = await import('node:crypto')
    const spki = new X509Certificate(old.certificatePem).publicKey.export({ type: 'spki', format: 'der' })
    const hash = createHash('sha256').update(spki).digest('hex')
    expect((await confirm({ endpoints: [await serve(old)], expected: mine, ownKeys: [hash] })).outcome).toBe(
      'not served',
    )
  })

  it('is who the server lists, and nobody else, where it lists them', async () => {
    const [mine, sibling, stranger] = material.leafs
    const listed = [sibling.fingerprint]
    expect((await confirm({ endpoints: [await serve(sibling)], expected: mine, listed })).outcome).toBe('unverifiable')
    expect((await confirm({ endpoints: [await serve(stranger)], expected: mine, listed })).outcome).toBe('not served')
    expect(
      (await confirm({ endpoints: [await serve(sibling)], expected: mine, listed, before: [sibling] })).outcome,
    ).toBe('not served')
  })

  it('has the same names, by the same issuer', async () => {
    const { createTestCa } = await import('@certctl/testing')
    const { generateKey, parseCertificate } = await import('@certctl/pki')
    const { Secret } = await import('@certctl/core')
    const [mine] = material.leafs
    const foreign = await createTestCa()
    const { privateKeyPem, spki } = await generateKey('EC-P256')
    const leafFrom = async (ca: typeof foreign, names: TestLeaf['names']): Promise<TestLeaf> => {
      const certificatePem = await ca.certify(spki, { names })
      const { fingerprint, serialNumber } = parseCertificate(certificatePem)
      return {
        certificatePem,
        chainPem: ca.intermediatePem,
        privateKeyPem: new Secret(privateKeyPem),
        fingerprint,
        names,
        serialNumber,
      }
    }
    const otherNames = await leafFrom(material.ca, [{ type: 'dns', value: 'other.example.test' }])
    const otherIssuer = await leafFrom(foreign, mine.names)
    for (const stranger of [otherNames, otherIssuer])
      expect((await confirm({ endpoints: [await serve(stranger)], expected: mine })).outcome).toBe('not served')
  })
})

describe('what is asked', () => {
  it('is the first name of the certificate where the endpoint is an address', async () => {
    const endpoint = await serve(material.leafs[0])
    await confirm({ endpoints: [endpoint] })
    expect(endpoint.asked()).toEqual(['www.example.test', 'www.example.test'])
  })

  it('is the name the operator gave', async () => {
    const endpoint = await serve(material.leafs[0])
    await confirm({ endpoints: [{ ...endpoint, serverName: 'api.example.test' }] })
    expect(endpoint.asked()).toEqual(['api.example.test', 'api.example.test'])
  })
})

describe('what is reported', () => {
  it('says whether the chain that clients need was sent', async () => {
    const [leaf] = material.leafs
    const whole = await confirm({ endpoints: [await serve(leaf)] })
    expect(servedOf(whole.looks, leaf.chainPem)[0]?.chain_ok).toBe(true)
    const bare = await confirm({ endpoints: [await serve({ ...leaf, chainPem: '' })] })
    expect(servedOf(bare.looks, leaf.chainPem)[0]?.chain_ok).toBe(false)
    expect(servedOf(bare.looks, '')[0]?.chain_ok).toBe(true)
  })
})
