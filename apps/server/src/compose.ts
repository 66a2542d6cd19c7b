import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { messageOf } from '@certctl/core'
import type { Logger } from 'pino'
import { z } from 'zod'
import { createFirstAdminKey } from './access/first-start.js'
import { followSealingKey } from './access/follow-sealing-key.js'
import { announceLegacyAgentKeys } from './access/legacy-agent-keys.js'
import { createListenerCertificate, type ListenerCertificate } from './access/listener-certificate.js'
import { openSealing } from './access/open-sealing.js'
import { publishAuthority } from './access/published-authority.js'
import { openServerAuthority, type ServerAuthority } from './access/server-authority.js'
import type { Config } from './config.js'
import { defaultPublicUrl } from './config-schema.js'
import { createChallengeDesk } from './connectors/challenges/challenge-desk.js'
import { createConnections } from './connectors/connections.js'
import { syncEnvironmentInstances } from './connectors/environment-instances.js'
import { findConnectors } from './connectors/find-connectors.js'
import { createHttpApp } from './http/app.js'
import { freePort } from './http/free-port.js'
import { createListener, type Listener } from './http/listeners.js'
import { httpSettingsOf } from './http/settings.js'
import { startHeartbeat } from './inventory/server-heartbeat.js'
import { createMetrics } from './metrics.js'
import { watchRows } from './metrics-of-rows.js'
import { startNotifier } from './notify/worker.js'
import { openStore } from './open-database.js'
import { startSchedules } from './schedule/index.js'
import type { Services } from './services.js'
import { systemChance } from './store/chance.js'
import { createWakeBus } from './store/wake-bus.js'
import { widelyHeard } from './widely-heard.js'
import { startWorkers } from './work/worker.js'

export interface ComposeOptions {
  config: Config
  log: Logger
  /** Where a person looks, if one does. */
  terminal?: { write(text: string): unknown } | undefined
  /** Fires when nobody wants this server any more although it does not run yet. */
  cancelled?: AbortSignal | undefined
  /** The server cannot go on: it should be stopped. */
  onFatal(error: unknown): void
}

export interface RunningServer {
  readonly services: Services
  readonly url: string
  readonly address: string
  /** Where the first administrator's key was written, on a first start. */
  readonly adminKeyPath: string | undefined
  /** The CA that clients trust; absent with a certificate of the operator's. */
  readonly authorityPath: string | undefined
  /** Reads the listener's certificate again. */
  reload(): Promise<void>
  stop(): Promise<void>
}

type Closers = (() => Promise<void>)[]

/** Builds every part and hands it its needs. What was built is taken down again when a later part does not come up. */
export async function composeServer(options: ComposeOptions): Promise<RunningServer> {
  const closers: Closers = []
  try {
    return await compose(options, closers)
  } catch (error) {
    await closeAll(closers, options.log)
    throw error
  }
}

async function compose(options: ComposeOptions, closers: Closers): Promise<RunningServer> {
  const { log } = options
  const config = await withPort(options.config)
  mkdirSync(config.state_dir, { recursive: true, mode: 0o711 })
  const stopping = widelyHeard()
  const services = await createServices({ ...options, config }, { closers, stopping: stopping.signal })
  const heartbeat = await startHeartbeat(services)
  closers.push(async () => await heartbeat.stop())
  await syncEnvironmentInstances(services, config.environment)
  await announceLegacyAgentKeys(services)
  const following = followSealingKey(services)
  closers.push(async () => following.stop())
  const adminKeyPath = await createFirstAdminKey(services, {
    stateDirectory: config.state_dir,
    terminal: options.terminal,
  })
  const { listener, certificate, authorityPath } = await listen(services, closers)
  services.challenges.start()
  const background = [startNotifier(services), startWorkers(services), startSchedules(services)]
  closers.push(async () => {
    stopping.abort()
    const stopped = background.map(async (part) => await part.stop())
    const cut = await listener.stop(config.shutdown_timeout)
    if (cut > 0) log.warn({ cut }, 'requests were cut off: they did not end in time')
    await Promise.all(stopped)
  })
  return {
    services,
    url: config.public_url,
    address: `${config.server_host}:${listener.port}`,
    adminKeyPath,
    authorityPath,
    reload: async () => await certificate.reload(),
    stop: async () => await closeAll(closers, log),
  }
}

/** With port 0 a free one is taken before anything is made that names it. */
async function withPort(config: Config): Promise<Config> {
  if (config.server_port !== 0) return config
  const server_port = await freePort(config.server_host)
  const isGiven = config.sources.public_url !== 'default'
  const public_url = isGiven ? config.public_url : defaultPublicUrl({ ...config, server_port })
  return { ...config, server_port, public_url }
}

async function createServices(
  { config, log, cancelled, onFatal }: ComposeOptions,
  { closers, stopping }: { closers: Closers; stopping: AbortSignal },
): Promise<Services> {
  const sealing = openSealing(config)
  const registry = await findConnectors({ config, log, manifest })
  const { address, database, clock, store } = await openStore({ config, log, sealing, cancelled, onFatal, closers })
  const wakes = await createWakeBus({ address, log })
  closers.push(async () => await wakes.close())
  const metrics = createMetrics()
  watchRows({ store, clock, metrics, poolUsage: database.usage })
  const server = { id: `server-${randomBytes(8).toString('hex')}`, version: ownVersion, publicUrl: config.public_url }
  const challenges = createChallengeDesk({ config, store, clock, log, wakes })
  closers.push(async () => await challenges.close())
  const found = { config, store, clock, chance: systemChance, log, sealing, registry, wakes, metrics, server, stopping }
  const parts = { ...found, challenges }
  const connections = createConnections(parts)
  closers.push(async () => await connections.close())
  return { ...parts, connections }
}

/** The app's own package.json, from the source as from the bundle. */
const manifest = fileURLToPath(new URL('../package.json', import.meta.url))
export const ownVersion: string = z
  .object({ version: z.string() })
  .parse(createRequire(import.meta.url)(manifest)).version

interface OpenEdge {
  listener: Listener
  certificate: ListenerCertificate
  authorityPath: string | undefined
}

async function listen(services: Services, closers: Closers): Promise<OpenEdge> {
  const { config, log } = services
  const isOwn = config.server_tls_cert_path === undefined
  const authority = await openServerAuthority(services)
  const certificate = await createListenerCertificate(services, authority)
  closers.push(async () => certificate.close())
  const app = createHttpApp(services, httpSettingsOf(config, runningSettings(services, isOwn ? authority : undefined)))
  closers.push(async () => await app.close())
  const listener = await createListener({
    app,
    host: config.server_host,
    port: config.server_port,
    pair: certificate.current(),
    minVersion: config.server_tls_min_version,
    log,
  })
  certificate.onChange((pair) => listener.setPair(pair))
  const authorityPath = isOwn ? await publishAuthority(config.state_dir, authority.certificatePem) : undefined
  return { listener, certificate, authorityPath }
}

function runningSettings({ stopping }: Services, authority: ServerAuthority | undefined) {
  return { caSpkiSha256: async () => authority?.spkiSha256, isStopping: () => stopping.aborted }
}

/** Last built, first closed. One that fails does not keep the others open. */
async function closeAll(closers: Closers, log: Logger): Promise<void> {
  for (const close of closers.splice(0).reverse())
    await close().catch((error: unknown) => log.error({ reason: messageOf(error) }, 'a part did not stop cleanly'))
}
