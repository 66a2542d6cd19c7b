import { hostname } from 'node:os'
import { messageOf } from '@certctl/core'
import { lookForSealingKey } from '../access/follow-sealing-key.js'
import { environmentDigests, livingMs, syncEnvironmentInstances } from '../connectors/environment-instances.js'
import type { Services } from '../services.js'

const everySeconds = 15
/** Rows of copies that died without a word are kept for people to see, and taken away after this. */
const forgottenAfterMs = 86_400_000

/** Says that this copy lives, until stopped; then takes its row away. */
export async function startHeartbeat(services: Services): Promise<{ stop(): Promise<void> }> {
  const { store, clock, server, log } = services
  const startedAt = clock.now()
  const insert = async (environment: Readonly<Record<string, string>>): Promise<void> =>
    await store.servers.insert({
      id: server.id,
      hostname: hostname(),
      version: server.version,
      environment,
      started_at: startedAt,
      heartbeat_at: clock.now(),
    })
  await store.servers.removeDead(new Date(startedAt.getTime() - forgottenAfterMs))
  await insert({})

  let beating: Promise<void> = Promise.resolve()
  let last = startedAt
  const beat = async (): Promise<void> => {
    try {
      const silentMs = clock.now().getTime() - last.getTime()
      // Before anything else: while nothing was heard of this copy another key may have come to seal.
      const maySeal = await lookForSealingKey(services)
      if (!(await store.servers.beat(server.id, clock.now()))) await insert(await environmentDigests(services))
      last = clock.now()
      // Taken for dead meanwhile, and what only this environment has was ended.
      if (maySeal && silentMs > livingMs) await syncEnvironmentInstances(services, services.config.environment)
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'the heartbeat of this server could not be written')
    }
  }
  const timer = setInterval(() => {
    beating = beat()
  }, everySeconds * 1000).unref()

  return {
    async stop() {
      clearInterval(timer)
      await beating
      await store.servers.remove(server.id)
    },
  }
}
