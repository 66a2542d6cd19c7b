import { z } from 'zod'
import { op } from './op.js'
import { jsonObjectSchema } from './scalars.js'

const kinds = ['issuer', 'target', 'notifier', 'discovery', 'dns'] as const

export const connectorTypeSchema = z
  .object({
    kind: z.enum(kinds),
    type: z.string(),
    aliases: z.array(z.string()),
    display_name: z.string().optional(),
    schema: jsonObjectSchema.describe('JSON Schema of its configuration.'),
    capabilities: jsonObjectSchema,
    package: z.string(),
    version: z.string(),
    where: z.array(z.string()).describe('server, or the ids of agents that carry it.'),
  })
  .meta({ id: 'ConnectorType' })
export type ConnectorType = z.output<typeof connectorTypeSchema>

export const connectorTypeOperations = {
  listConnectorTypes: op('listConnectorTypes', 'GET /api/v1/connector-types', {
    summary: 'What can be configured here, with the schema of each',
    permission: 'connector_types.read',
    query: z.strictObject({ kind: z.enum(kinds).optional() }),
    responses: { 200: z.object({ data: z.array(connectorTypeSchema), total: z.number() }) },
  }),
}
