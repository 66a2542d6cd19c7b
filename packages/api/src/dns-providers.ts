import { z } from 'zod'
import { connectionOperations, connectionShape } from './connections.js'

const dnsProviderSchema = z.object(connectionShape).meta({ id: 'DnsProvider' })
export type DnsProvider = z.output<typeof dnsProviderSchema>

/** Who may configure issuers may configure what they prove names with. */
export const dnsProviderOperations = connectionOperations(
  {
    singular: 'DnsProvider',
    plural: 'DnsProviders',
    path: '/api/v1/dns-providers',
    summary: 'Configured ways to write TXT records, which issuers name as dns_provider',
    read: 'issuers.read',
    write: 'issuers.write',
  },
  dnsProviderSchema,
)
