import { type Issuer, operations } from '@certctl/api'
import { parseBody } from '../parse-body.js'
import type { ConnectionNoun } from './connections/noun.js'
import { serverColumns, serverFields } from './connections/server-columns.js'
import { connectionVerbs } from './connections/verbs.js'

const noun: ConnectionNoun<Issuer> = {
  plural: 'issuers',
  singular: 'issuer',
  aSingular: 'an issuer',
  kind: 'issuer',
  example: {
    type: 'local',
    id: 'iss-second',
    settings: `--set ca_common_name="Second CA"`,
    change: '--set validity_days=30',
  },
  hasAgent: false,
  columns: serverColumns,
  fields: serverFields,
  list: (client, query) => client.listIssuers({ query }),
  get: (client, id) => client.getIssuer({ params: { id } }),
  create: (client, given) => client.createIssuer({ body: parseBody(operations.createIssuer, given) }),
  update: (client, id, given) =>
    client.updateIssuer({ params: { id }, body: parseBody(operations.updateIssuer, given) }),
  remove: (client, id) => client.deleteIssuer({ params: { id } }),
  test: async (client, id) => {
    const { body } = await client.testIssuer({ params: { id } })
    return { body, ok: true, text: body.detail ?? 'connection successful' }
  },
}

export const issuerVerbs = connectionVerbs(noun)
