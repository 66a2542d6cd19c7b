import type { Config } from '../connectors/marked-schema.js'
import type { Tx } from '../store/store.js'
import { fieldFault } from './field-fault.js'

/** An issuer names the DNS provider it proves names with by `dns_provider`, whichever connector it is. Held until the transaction ends: a provider that is named is not deleted meanwhile. */
export async function requireDnsProvider(tx: Tx, config: Config): Promise<void> {
  const { dns_provider: id } = config
  if (typeof id !== 'string' || (await tx.connections.lock('dns', id)) !== undefined) return
  throw fieldFault(
    'config.dns_provider',
    `there is no DNS provider "${id}"; list them with: certctl dns-providers list`,
  )
}
