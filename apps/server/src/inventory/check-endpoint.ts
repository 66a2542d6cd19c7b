import { CertctlError, type Connection, messageOf } from '@certctl/core'
import { openConnection } from '@certctl/kit'
import { fingerprintOf, splitCertificates } from '@certctl/pki'
import type { Services } from '../services.js'
import type { HealthCheckRow } from '../store/health-checks.js'
import { type EndpointSight, type EndpointVerdict, judgeEndpoint } from './judge-endpoint.js'
import { anchorsOf } from './known-anchors.js'
import { type HostPort, parseEndpoint } from './parse-endpoint.js'

/** One look at an endpoint and what it is worth. */
export interface EndpointLook {
  verdict: EndpointVerdict
  leaf?: Uint8Array | undefined
  responseMs: number
  tlsVersion?: string | undefined
  cipherSuite?: string | undefined
}

/** Where the server may look: `private` allows internal networks, which are the purpose, but not this machine and its links. */
const policies = { public: 'public-only', private: 'scan', any: 'any' } as const

/** Shakes hands with an endpoint once and judges what it shows. Rejects `aborted` only. */
export async function checkEndpoint(
  services: Services,
  check: HealthCheckRow,
  { cas, signal }: { cas: readonly string[]; signal: AbortSignal },
): Promise<EndpointLook> {
  const place = parseEndpoint(check.endpoint)
  const name = check.server_name ?? place.host
  const begun = performance.now()
  const sight = await lookAt(services, { check, place, name, signal })
  const responseMs = Math.round(performance.now() - begun)
  const chain = 'chain' in sight ? sight.chain : []
  const fingerprints = await expectedOf(services, check)
  const own = await ownVersion(services, chain[0])
  const anchors = anchorsOf([...cas, ...splitCertificates(own?.chain_pem ?? '')])
  const expected = { name, fingerprints, anchors, revokedAt: own?.revoked_at ?? undefined, now: services.clock.now() }
  return { verdict: judgeEndpoint(sight, expected), leaf: chain[0], responseMs, ...('tls' in sight ? sight.tls : {}) }
}

interface Looking {
  check: HealthCheckRow
  place: HostPort
  name: string
  signal: AbortSignal
}

type Seen = { chain: readonly Uint8Array[]; tls: { tlsVersion: string; cipherSuite: string } }

async function lookAt(
  { config }: Services,
  { check, place, name, signal }: Looking,
): Promise<Seen | Extract<EndpointSight, { silent: string }>> {
  try {
    const connection = await openConnection({
      ...place,
      // Judged here and not by the platform, which says less, and not always the truth.
      tls: { serverName: name, insecure: true, minVersion: 'TLSv1.2' },
      addresses: policies[config.health_check_addresses],
      timeLimitSeconds: check.timeout_ms / 1000,
      signal,
    })
    return seenOf(connection)
  } catch (error) {
    if (signal.aborted) throw new CertctlError('aborted', 'The server is stopping', { cause: error })
    return { silent: messageOf(error) }
  }
}

function seenOf(connection: Connection): Seen {
  connection.on('error', () => undefined) // What happens to the connection after the handshake is of no interest.
  connection.destroy()
  const { chain = [], protocol = '', cipher = '' } = connection.peer ?? {}
  return { chain, tls: { tlsVersion: protocol, cipherSuite: cipher } }
}

/** What an operator wrote, else whatever may answer for the certificate. */
async function expectedOf({ store }: Services, check: HealthCheckRow): Promise<readonly string[]> {
  if (check.expected_fingerprint !== null) return [check.expected_fingerprint]
  return check.certificate_id === null ? [] : await store.healthChecks.listExpected(check.certificate_id)
}

/** What is known of a leaf that was issued here. The way to its CA was proven when it was recorded. */
async function ownVersion({ store }: Services, leaf: Uint8Array | undefined) {
  const version = leaf === undefined ? undefined : await store.versions.findByFingerprint(fingerprintOf(leaf))
  return version === undefined ? undefined : await store.versions.getWithDer(version.id)
}
