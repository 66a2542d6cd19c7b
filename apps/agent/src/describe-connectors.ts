import type { Registered } from '@certctl/core'
import type { Agent } from './agent.js'

/** Tells the server which target and discovery types this agent carries, with the schema of each: it validates, masks and seals by these. */
export async function describeConnectors(agent: Agent, signal: AbortSignal): Promise<void> {
  const all = [...agent.registry.list('target'), ...agent.registry.list('discovery')]
  const connectors = all.map(describedOf)
  await agent.controlPlane.describeAgentConnectors({ params: { id: agent.id }, body: { connectors }, signal })
  agent.log.info('connectors described', { types: connectors.map(({ type }) => type) })
}

function describedOf({ kind, definition, package: from, version }: Registered<'target' | 'discovery'>) {
  const { type, aliases = [], jsonSchema, capabilities } = definition
  return {
    kind: kind === 'discovery' ? kind : ('target' as const),
    type,
    aliases: [...aliases],
    schema: objectOf(jsonSchema),
    capabilities: objectOf(capabilities),
    package: from,
    version,
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  return { ...(value as object) }
}
