import { emitEvent } from '../notify/emit-event.js'
import type { Services } from '../services.js'
import { systemActor } from './principal.js'

const alertKey = 'legacy-agent-keys'

/** Says loudly, at each start, that any operator's key is any agent's; and that it is over once the setting is gone. */
export async function announceLegacyAgentKeys(services: Services): Promise<void> {
  const isOn = services.config.legacy_agent_keys
  const title = isOn
    ? "CERTCTL_LEGACY_AGENT_KEYS is on: every operator's key may act as every agent. Give agents keys of their own and take it away"
    : "Operators' keys act as agents no longer"
  if (isOn) services.log.warn({}, title)
  await services.store.transaction(async (tx) => {
    if (!isOn)
      return void (await emitEvent(tx, {
        type: 'agents.legacy_keys_ended',
        severity: 'info',
        title,
        resolves: alertKey,
        onlyWhenResolving: true,
      }))
    tx.audit.append({
      actor: systemActor,
      action: 'agents.legacy_keys_allowed',
      resource_type: 'server',
      resource_id: services.server.id,
    })
    await emitEvent(tx, { type: 'agents.legacy_keys_allowed', severity: 'warning', title, alertKey })
  })
}
