import { looseType, looseTypesOf } from '@certctl/core'
import type { ConfigSchema } from '../connectors/marked-schema.js'
import type { ConnectorTypeRow } from '../store/connector-types.js'
import type { Tables } from '../store/tables.js'

/** What an agent said of a target type; `undefined` when it did not say anything of it. */
export async function targetTypeOf(
  tables: Pick<Tables, 'connectorTypes'>,
  { agentId, type }: { agentId: string; type: string },
): Promise<{ type: string; schema: ConfigSchema; capabilities: object } | undefined> {
  const reported = await tables.connectorTypes.listOfAgent(agentId)
  const found = findTargetType(reported, type)
  return found === undefined
    ? undefined
    : { type: found.type, schema: found.schema as ConfigSchema, capabilities: found.capabilities }
}

/** Types and aliases are compared without case and punctuation. */
export function findTargetType(reported: readonly ConnectorTypeRow[], type: string): ConnectorTypeRow | undefined {
  return reported.find((row) => row.kind === 'target' && looseTypesOf(row).includes(looseType(type)))
}
