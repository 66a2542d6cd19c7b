import type { ConnectorType } from '@certctl/api'
import { type ConnectorKind, connectorKinds, looseType, type Registered } from '@certctl/core'
import type { Services } from '../services.js'
import type { ConnectorTypeRow } from '../store/connector-types.js'

/** Every type that can be configured here: the server's own, and what living agents carry; one entry per kind, type, package and version. */
export async function listConnectorTypes(
  { registry, store }: Pick<Services, 'registry' | 'store'>,
  kind?: ConnectorKind,
): Promise<ConnectorType[]> {
  const own = connectorKinds.flatMap((each) => registry.list(each).map((entry) => ofServer(entry)))
  const entries = new Map<string, ConnectorType>()
  for (const type of [...own, ...(await store.connectorTypes.listLive()).map(ofAgent)]) {
    const key = [type.kind, looseType(type.type), type.package, type.version].join(' ')
    const known = entries.get(key)
    if (known === undefined) entries.set(key, type)
    else entries.set(key, { ...known, where: [...known.where, ...type.where] })
  }
  return [...entries.values()].filter((type) => kind === undefined || type.kind === kind)
}

function ofServer({ kind, definition, package: name, version }: Registered): ConnectorType {
  return {
    kind,
    type: definition.type,
    aliases: [...(definition.aliases ?? [])],
    display_name: definition.displayName,
    schema: definition.jsonSchema as Record<string, unknown>,
    capabilities: { ...definition.capabilities },
    package: name,
    version,
    where: ['server'],
  }
}

function ofAgent(row: ConnectorTypeRow): ConnectorType {
  return {
    kind: row.kind as ConnectorKind,
    type: row.type,
    aliases: row.aliases,
    schema: row.schema as Record<string, unknown>,
    capabilities: row.capabilities as Record<string, unknown>,
    package: row.package,
    version: row.version,
    where: [row.agent_id],
  }
}
