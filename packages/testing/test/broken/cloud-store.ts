import {
  CertctlError,
  type CertificateMaterial,
  defineTarget,
  type HttpResponse,
  messageOf,
  secret,
  type TargetDefinition,
  type TargetHost,
  z,
} from '@certctl/core'
import { fingerprintOf, keyMatches } from '@certctl/pki'
import { createTestHost, type HttpAnswer, type SeenRequest, type TargetWorld } from '../../src/index.js'

/** A store that takes a pair, serves it at once, and never gives a key back. */
export function fakeCloudStore(): TargetWorld {
  let serving: string | undefined
  const host = createTestHost({
    http(request: SeenRequest): HttpAnswer {
      if (request.headers.authorization !== 'Bearer cloud-store-token') return { status: 401 }
      if (request.path !== '/v1/pair') return { status: 404 }
      if (request.method === 'GET') return { status: 200, json: { fingerprint: serving ?? null } }
      const { certificate, key } = pairSchema.parse(request.json())
      if (!keyMatches(certificate, key)) return { status: 422, json: { error: 'key does not fit' } }
      serving = fingerprintOf(certificate)
      return { status: 200, json: {} }
    },
  })
  return { host, serving: () => serving }
}

const pairSchema = z.object({ certificate: z.string(), key: z.string() })
const statusSchema = z.object({ fingerprint: z.string().nullable() })

export const cloudConfig = { token: 'cloud-store-token' }
const configSchema = z.strictObject({ token: secret().describe('Bearer token.') })
type Config = z.output<typeof configSchema>

export interface CloudParts {
  /** What is said of a failure after which the old pair could, or could not, be put back. */
  failure(cause: unknown, restored: boolean): CertctlError
}
const sound: CloudParts = {
  failure: (cause, restored) =>
    restored
      ? new CertctlError('deploy_failed', `${messageOf(cause)}; the old pair is back`, { cause })
      : new CertctlError('deploy_torn', `${messageOf(cause)}; the old pair could not be put back`, { cause }),
}

/** Puts back what the agent still has, and says so where it has nothing. */
export function cloudTarget(parts: Partial<CloudParts> & { keeps?: boolean } = {}): TargetDefinition<Config> {
  const { failure } = { ...sound, ...parts }
  return defineTarget({
    type: 'Cloud',
    displayName: 'Cloud store',
    configSchema,
    capabilities: { platforms: ['linux'], verifies: 'api', undo: 'best-effort', holds: 'one' },
    create(config, host) {
      const store = createStore(config, host)
      return {
        async deploy({ signal, previous, ...material }) {
          const { fingerprint } = material
          const held = await store.read(signal)
          try {
            if (held !== fingerprint) await store.write(material, signal)
            const served = await host.confirmServed({ fingerprint, signal })
            return { changed: held !== fingerprint, served, location: 'cloud', effective: 'now' }
          } catch (cause) {
            const restored = parts.keeps === true ? false : await restore(store, held, previous)
            throw failure(cause, restored)
          }
        },
        async verify({ fingerprint, signal }) {
          const found = await store.read(signal)
          const report = { matches: found === fingerprint, location: 'cloud' }
          return found === undefined ? report : { ...report, foundFingerprint: found }
        },
      }
    },
  })
}

type Store = ReturnType<typeof createStore>

async function restore(store: Store, held: string | undefined, previous: CertificateMaterial | undefined) {
  const signal = AbortSignal.timeout(60_000)
  if (previous === undefined || previous.fingerprint !== held) return (await store.read(signal)) === held
  await store.write(previous, signal)
  return true
}

function createStore(config: Config, host: TargetHost) {
  const http = host.http({
    baseUrl: 'https://cloud.example.test/v1',
    headers: { authorization: `Bearer ${config.token.reveal()}` },
  })
  return {
    async read(signal: AbortSignal): Promise<string | undefined> {
      const response = await http.request({ method: 'GET', path: '/pair', signal })
      return statusSchema.parse(requireOk(response).json()).fingerprint ?? undefined
    },
    async write(
      { certificatePem, privateKeyPem }: Pick<CertificateMaterial, 'certificatePem' | 'privateKeyPem'>,
      signal: AbortSignal,
    ) {
      const json = { certificate: certificatePem, key: privateKeyPem.reveal() }
      requireOk(await http.request({ method: 'PUT', path: '/pair', json, signal }))
    },
  }
}

function requireOk(response: HttpResponse): HttpResponse {
  if (response.status === 200) return response
  throw new CertctlError('deploy_failed', `The store answered ${response.status}`)
}
