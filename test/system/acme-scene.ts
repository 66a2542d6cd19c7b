import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { unusedPort } from '@certctl/testing'
import { type Pebble, pebblePrograms, startPebble } from '../../packages/issuer-acme/test/pebble/processes.js'
import { type Balancer, startBalancer } from './harness/balancer.js'
import { type ControlPlane, startControlPlane } from './harness/control-plane.js'
import { startPostgres, type TestPostgres } from './harness/postgres.js'
import { until } from './harness/until.js'
import { startWireAgent, type WireAgent } from './harness/wire-agent.js'

/** What the database says of one certificate with one holder. */
export interface Standing {
  /** Current version; null: none yet. */
  version: string | null
  isServed: boolean
}

export interface AcmeScene {
  postgres: TestPostgres
  pebble: Pebble
  plane: ControlPlane
  agents: readonly WireAgent[]
  /** By certificate, seen a moment ago. */
  standings: ReadonlyMap<string, Standing>
  stop(): Promise<void>
}

const eab = { kid: 'kid-1', hmac: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' }
const agentCount = 4
const day = 86_400

export const issuerId = 'iss-acme-prod'

/**
 * A Pebble that refuses a fifth of all nonces and wants EAB, and two copies of the server that prove names to it by http-01: each listens
 * on an address of its own, and what the CA asks at its port comes to either, as behind a balancer on port 80.
 */
export async function startAcmeScene(): Promise<AcmeScene> {
  const folder = mkdtempSync(join(tmpdir(), 'certctl-acme-'))
  const balancer = await startBalancer()
  const httpPort = await unusedPort()
  const placeOf = (number: number) => ({ host: `127.0.0.${number + 1}`, port: httpPort })
  balancer.send([placeOf(1), placeOf(2)])
  const [pebble, postgres] = await Promise.all([startCa(balancer), startPostgres()])
  const plane = await startControlPlane({
    folder,
    databaseUrl: postgres.url,
    copies: 2,
    env: settingsFor(pebble, httpPort),
    envOf: (number) => ({ CERTCTL_CHALLENGE_HOST: placeOf(number).host }),
  })
  const agents: WireAgent[] = []
  for (let number = 1; number <= agentCount; number += 1) agents.push(await startWireAgent(plane, `edge-${number}`))
  const watch = watchStandings(postgres)
  return {
    postgres,
    pebble,
    plane,
    agents,
    standings: watch.standings,
    async stop() {
      await watch.stop()
      await Promise.all(agents.map((agent) => agent.stop()))
      await plane.stop()
      await Promise.all([postgres.stop(), pebble.close()])
      balancer.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function startCa({ port }: Balancer): Promise<Pebble> {
  if (pebblePrograms === undefined) throw new Error('Pebble is not installed')
  return await startPebble(pebblePrograms, {
    httpPort: port,
    config: {
      externalAccountBindingRequired: true,
      externalAccountMACKeys: { [eab.kid]: eab.hmac },
      profiles: {
        default: { description: 'usual', validityPeriod: 90 * day },
        shortlived: { description: 'short', validityPeriod: 6 * day },
      },
    },
    // Validation takes up to nine seconds, so that whoever is killed has orders in every state.
    environment: { PEBBLE_VA_NOSLEEP: '0', PEBBLE_VA_SLEEPTIME: '10', PEBBLE_WFE_NONCEREJECT: '20' },
  })
}

function settingsFor({ directoryUrl, caPath }: Pebble, httpPort: number): Readonly<Record<string, string>> {
  return {
    CERTCTL_ACME_DIRECTORY_URL: directoryUrl,
    CERTCTL_ACME_STAGING_DIRECTORY_URL: directoryUrl,
    CERTCTL_ACME_CA_BUNDLE_PATH: caPath,
    CERTCTL_ACME_EAB_KID: eab.kid,
    CERTCTL_ACME_EAB_HMAC: eab.hmac,
    CERTCTL_ACME_PROFILE: 'shortlived',
    CERTCTL_ACME_CHALLENGE_TYPE: 'http-01',
    CERTCTL_ACME_HTTP_PORT: String(httpPort),
    // A lease that is lost without a death leaves orders behind, too: a machine may stand still for ten seconds.
    CERTCTL_JOB_LEASE: '15s',
    CERTCTL_SCHEDULER_RETRY_INTERVAL: '2s',
    CERTCTL_SCHEDULER_RENEWAL_CHECK_INTERVAL: '1s',
    CERTCTL_RENEWAL_SPREAD: '0s',
  }
}

/** Where every certificate stands is asked once for all that wait for one. */
function watchStandings(postgres: TestPostgres) {
  const standings = new Map<string, Standing>()
  const stopping = new AbortController()
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const rows = await postgres.query<{ id: string; version: string | null; is_served: boolean | null }>(
        `select h.certificate_id as id, h.current_version_id as version,
           (select bool_and(p.state in ('served', 'deployed', 'unverifiable') and p.deployed_fingerprint = v.fingerprint)
            from placements p where p.certificate_id = h.certificate_id) as is_served
         from holders h left join versions v on v.id = h.current_version_id where h.closed_at is null`,
      )
      for (const { id, version, is_served } of rows) standings.set(id, { version, isServed: is_served === true })
      await delay(250)
    }
  })()
  return {
    standings,
    async stop() {
      stopping.abort()
      await watching
    },
  }
}

/** As an operator would: asked again until there is an answer; "already there" is one. */
export async function persistently(call: () => Promise<unknown>): Promise<void> {
  await until('the control plane takes it', 300, async () => {
    try {
      await call()
    } catch (error) {
      if ((error as { code?: string }).code !== 'conflict') throw error
    }
    return true
  })
}

/** A certificate for one name on one target of one agent, asked for. */
export async function askFor({ plane, agents }: AcmeScene, name: string): Promise<void> {
  const agent_id = agents[Number(/\d+/.exec(name)?.[0] ?? 0) % agents.length]?.id ?? ''
  const target = `target-${idOf(name)}`
  await persistently(() =>
    plane.api.createTarget({ body: { id: target, name: target, type: 'Memory', agent_id, config: {} } }),
  )
  const body = { id: idOf(name), name, sans: [name], issuer_id: issuerId, target_ids: [target] }
  await persistently(() => plane.api.createCertificate({ body }))
}

export function idOf(name: string): string {
  return name.replaceAll('.', '-')
}

/** Served with another version than that one. */
export async function isServed({ standings }: AcmeScene, name: string, before: string | null = null): Promise<void> {
  await until(`${name} is served with another version than ${before}`, 600, () => {
    const standing = standings.get(idOf(name))
    if (standing?.isServed === true && standing.version !== before) return true
    throw new Error(JSON.stringify(standing))
  })
}
