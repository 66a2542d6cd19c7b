import type { Services } from '../services.js'
import { resealTargets } from './reseal-targets.js'

export interface ReportedConnector {
  kind: 'target' | 'discovery'
  type: string
  aliases: readonly string[]
  schema: object
  capabilities: object
  package: string
  version: string
}

/** Keeps what an agent says it carries, and parts its targets' configurations by the schemas that are known now. */
export async function reportConnectors(
  services: Services,
  { agentId, connectors }: { agentId: string; connectors: readonly ReportedConnector[] },
): Promise<void> {
  await services.store.transaction(async (tx) => {
    await tx.connectorTypes.replaceAll(
      agentId,
      connectors.map((connector) => ({
        agent_id: agentId,
        kind: connector.kind,
        type: connector.type,
        aliases: [...connector.aliases],
        schema: JSON.stringify(connector.schema),
        capabilities: JSON.stringify(connector.capabilities),
        package: connector.package,
        version: connector.version,
        reported_at: tx.now,
      })),
    )
    await resealTargets(services, tx, agentId)
  })
}
