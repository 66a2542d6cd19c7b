import type { DnsProvider, Issuer, Notifier } from '@certctl/api'
import { readableConnection, schemaOfConnection } from '../connectors/connections.js'
import { maskConfig } from '../connectors/sealed-config.js'
import type { Services } from '../services.js'
import type { ConnectionRow } from '../store/connections.js'

/** An issuer, notifier or DNS provider as the wire shows it: secrets masked. */
export function connectionView(services: Services, row: ConnectionRow): Issuer & Notifier & DnsProvider {
  const fault = services.connections.faultOf(row)
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    config: maskConfig(schemaOfConnection(services, row), readableConnection(services, row)),
    enabled: row.enabled,
    available: fault === undefined,
    ...(fault === undefined ? {} : { unavailable_reason: fault }),
    ...(row.last_tested_at === null ? {} : { last_tested_at: row.last_tested_at.toISOString() }),
    test_status: row.test_status ?? 'untested',
    source: row.source,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }
}
