import { type DnsProvider, operations } from '@certctl/api'
import { parseBody } from '../parse-body.js'
import type { ConnectionNoun } from './connections/noun.js'
import { serverColumns, serverFields } from './connections/server-columns.js'
import { connectionVerbs } from './connections/verbs.js'

const noun: ConnectionNoun<DnsProvider> = {
  plural: 'dns-providers',
  singular: 'DNS provider',
  aSingular: 'a DNS provider',
  kind: 'dns',
  example: {
    type: 'rfc2136',
    id: 'dns-internal',
    settings: '--set server=ns1.example.com --set tsig_key_name=certctl --set tsig_secret=@tsig.txt',
    change: '--set tsig_secret=@new-tsig.txt',
  },
  hasAgent: false,
  columns: serverColumns,
  fields: serverFields,
  list: (client, query) => client.listDnsProviders({ query }),
  get: (client, id) => client.getDnsProvider({ params: { id } }),
  create: (client, given) => client.createDnsProvider({ body: parseBody(operations.createDnsProvider, given) }),
  update: (client, id, given) =>
    client.updateDnsProvider({ params: { id }, body: parseBody(operations.updateDnsProvider, given) }),
  remove: (client, id) => client.deleteDnsProvider({ params: { id } }),
  test: async (client, id) => {
    const { body } = await client.testDnsProvider({ params: { id } })
    return { body, ok: true, text: body.detail ?? 'connection successful' }
  },
}

export const dnsProviderVerbs = connectionVerbs(noun)
