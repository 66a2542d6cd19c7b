import { messageOf } from '@certctl/core'
import { followTargets } from '../inventory/auto-health-checks.js'
import { checkEndpoint } from '../inventory/check-endpoint.js'
import { knownCas } from '../inventory/known-anchors.js'
import { recordHealth } from '../inventory/record-health.js'
import type { Services } from '../services.js'
import type { Loop } from './loop.js'

/** Looks at the endpoints whose turn it is, so many at once; each look is claimed, so that copies share them. */
export const healthChecks: Loop = {
  name: 'health-checks',
  everySeconds: ({ config }) => config.health_check_interval,
  async run(services, signal) {
    const { config } = services
    if (!config.health_check_enabled) return
    if (config.health_check_auto_create) await followTargets(services, signal)
    // CAs are asked for theirs only when there is something to look at.
    let known: Promise<readonly string[]> | undefined
    const cas = async () => {
      known ??= knownCas(services, signal)
      return await known
    }
    // What is due at the beginning is done in this run; what becomes due meanwhile is the next one's.
    const now = services.clock.now()
    const lanes = Array.from({ length: config.health_check_max_concurrent }, async () => {
      while (!signal.aborted && (await lookAtNext(services, { now, cas, signal })));
    })
    await Promise.all(lanes)
  },
}

async function lookAtNext(
  services: Services,
  { now, cas, signal }: { now: Date; cas: () => Promise<readonly string[]>; signal: AbortSignal },
): Promise<boolean> {
  const claimed = await services.store.healthChecks.claimDue({
    now,
    claim: services.chance.uuid(),
    spread: services.chance.random(),
  })
  if (claimed === undefined) return false
  try {
    await recordHealth(services, claimed, await checkEndpoint(services, claimed, { cas: await cas(), signal }))
  } catch (error) {
    // The next look comes when it is due.
    if (!signal.aborted) services.log.error({ id: claimed.id, reason: messageOf(error) }, 'a health check failed')
  }
  return true
}
