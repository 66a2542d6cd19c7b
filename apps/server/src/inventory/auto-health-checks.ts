import { systemActor } from '../access/principal.js'
import type { Services } from '../services.js'
import { createId } from '../store/create-id.js'
import { endpointText } from './parse-endpoint.js'
import { deleteHealthCheck } from './update-health-check.js'

const batchSize = 200

/** Makes a check of every endpoint that a target with a certificate names, and ends those that no target names any more. What a person deleted is not made again. */
export async function followTargets(services: Services, signal: AbortSignal): Promise<void> {
  const { store, config } = services
  for (let made = batchSize; made === batchSize && !signal.aborted; ) {
    const endpoints = await store.healthChecks.listUnchecked(batchSize)
    made = endpoints.length
    await store.transaction(async (tx) => {
      for (const { host, port, server_name, target_id, certificate_id } of endpoints) {
        const id = createId('hc', tx.now)
        const endpoint = endpointText({ host, port })
        const written = await tx.healthChecks.insert({
          id,
          endpoint,
          server_name,
          certificate_id,
          target_id,
          check_interval_seconds: config.health_check_default_interval,
          timeout_ms: config.health_check_default_timeout,
          source: 'auto',
          next_check_at: tx.now,
          created_at: tx.now,
          updated_at: tx.now,
        })
        if (written)
          tx.audit.append({
            actor: systemActor,
            action: 'health_check.created',
            resource_type: 'health_check',
            resource_id: id,
            details: { endpoint, target_id, certificate_id },
          })
      }
    })
  }
  await endOrphans(services)
}

/** For good, and not as unwanted: the target may name the endpoint again. */
async function endOrphans(services: Services): Promise<void> {
  for (const id of await services.store.healthChecks.listOrphans(batchSize)) {
    if ((await services.store.healthChecks.get(id)) !== undefined)
      await deleteHealthCheck(services, { id, actor: systemActor })
    await services.store.healthChecks.remove(id)
  }
}
