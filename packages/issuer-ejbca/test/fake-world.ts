import { createHash } from 'node:crypto'
import { keyMatches } from '@certctl/pki'
import type { HttpAnswer } from '@certctl/testing'
import { createTestIssuerHost, type IssuerWorld, type SeenRequest, type TestIssuerHost } from '@certctl/testing'
import {
  type Behaviour,
  type FakeEjbca,
  type FakeMaterial,
  type FakeRequest,
  fakeEjbca,
  json,
  page,
} from './fake-ejbca.js'

/** An OAuth provider that gives tokens to one client, each for five minutes. */
export function fakeProvider(now: () => Date, client = { id: 'certctl', secret: 'the-client-secret' }) {
  const given = new Map<string, number>()
  let asked = 0
  return {
    asked: () => asked,
    living: () => [...given].filter(([, end]) => end > now().getTime()).map(([token]) => token),
    revokeAll: () => given.clear(),
    answer(request: FakeRequest): HttpAnswer {
      asked += 1
      const form = new URLSearchParams(request.body)
      if (request.method !== 'POST') return json(405, { error: 'invalid_request' })
      if (form.get('grant_type') !== 'client_credentials') return json(400, { error: 'unsupported_grant_type' })
      if (form.get('client_id') !== client.id || form.get('client_secret') !== client.secret)
        return json(401, { error: 'invalid_client' })
      const token = createHash('sha256').update(`${asked}`).digest('hex')
      given.set(token, now().getTime() + 300_000)
      return json(200, { access_token: token, token_type: 'Bearer', expires_in: 300, scope: form.get('scope') ?? '' })
    },
  }
}

export const paths = { cert: '/etc/certctl/ejbca/client.pem', key: '/etc/certctl/ejbca/client.key' }
export const apiUrl = 'https://ejbca.example.test:8443'
export const tokenUrl = 'https://login.example.test/oauth/token'

export interface FakeWorld extends IssuerWorld {
  host: TestIssuerHost
  ejbca: FakeEjbca
  provider: ReturnType<typeof fakeProvider>
}

/** The fake on a host in memory, whose TLS material it checks as EJBCA's server would. */
export function fakeWorld(
  material: FakeMaterial & { adminKeyPem: string },
  options: Partial<Behaviour> & { staticToken?: string } = {},
): FakeWorld {
  const { staticToken, ...behaviour } = options
  const host: TestIssuerHost = createTestIssuerHost({
    http: async (seen) => {
      const request = { ...seen, headers: seen.headers, body: seen.text(), clientCertificate: provenBy(seen) }
      if (seen.url.origin === new URL(tokenUrl).origin) return provider.answer(request)
      return seen.url.origin === apiUrl ? await ejbca.answer(request) : page(404)
    },
  })
  const provider = fakeProvider(() => host.now())
  const tokens = () => [...provider.living(), ...(staticToken === undefined ? [] : [staticToken])]
  const ejbca = fakeEjbca(material, { now: () => host.now(), tokens, ...behaviour })
  host.files.put(paths.cert, material.adminPem)
  host.files.put(paths.key, material.adminKeyPem)
  return {
    host,
    ejbca,
    provider,
    issued: () => Math.max(ejbca.certificates.length, ejbca.requests.size),
    revocations: () =>
      ejbca.certificates.filter(({ revoked, revocationFiled }) => revoked !== undefined || revocationFiled === true)
        .length,
    settle: () => ejbca.decide('approved'),
  }
}

/** A server knows a client certificate only where the client holds its key. */
function provenBy({ options }: SeenRequest): string | undefined {
  const { certificatePem, privateKeyPem } = options.tls ?? {}
  if (certificatePem === undefined || privateKeyPem === undefined) return undefined
  return keyMatches(certificatePem, privateKeyPem.reveal()) ? certificatePem : undefined
}
