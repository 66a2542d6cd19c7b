import type { Kysely } from 'kysely'
import { agentGroupsTable } from './agent-groups.js'
import { agentsTable } from './agents.js'
import { apiKeysTable } from './api-keys.js'
import { approvalsTable } from './approvals.js'
import { auditBatchesTable } from './audit-batches.js'
import { auditCheckpointsTable } from './audit-checkpoints.js'
import { auditEventsTable } from './audit-events.js'
import { auditHeadsTable } from './audit-heads.js'
import { blockedKeysTable } from './blocked-keys.js'
import { bulkItemsTable } from './bulk-items.js'
import { bulkOperationsTable } from './bulk-operations.js'
import { certificateListTable } from './certificate-list.js'
import { certificateNamesTable } from './certificate-names.js'
import { certificatesTable } from './certificates.js'
import { challengesTable } from './challenges.js'
import { claimsTable } from './claims.js'
import { connectionsTable } from './connections.js'
import { connectorStateTable } from './connector-state.js'
import { connectorTypesTable } from './connector-types.js'
import { countsTable } from './counts.js'
import { dailyCountsTable } from './daily-counts.js'
import { discoveriesTable } from './discoveries.js'
import { eventsTable } from './events.js'
import { expiryAlertsTable } from './expiry-alerts.js'
import { healthChecksTable } from './health-checks.js'
import { holdersTable } from './holders.js'
import { idempotencyKeysTable } from './idempotency-keys.js'
import { jobsTable } from './jobs.js'
import { joinTokensTable } from './join-tokens.js'
import { notificationsTable } from './notifications.js'
import { ordersTable } from './orders.js'
import { ownersTable } from './owners.js'
import { placementsTable } from './placements.js'
import { planFeedTable } from './plan-feed.js'
import { policyRulesTable } from './policy-rules.js'
import { policySweepsTable } from './policy-sweeps.js'
import { policyViolationsTable } from './policy-violations.js'
import { profilesTable } from './profiles.js'
import { referrersTable } from './referrers.js'
import { renewalPoliciesTable } from './renewal-policies.js'
import { revocationsTable } from './revocations.js'
import { scheduleTable } from './schedule.js'
import type { Schema } from './schema.js'
import { sealedCellsTable } from './sealed-cells.js'
import { sealingKeysTable } from './sealing-keys.js'
import { serverSecretsTable } from './server-secrets.js'
import { serversTable } from './servers.js'
import { targetsTable } from './targets.js'
import { teamsTable } from './teams.js'
import { versionDersTable } from './version-ders.js'
import { versionsTable } from './versions.js'

/** One line per table, alphabetical. */
const makers = {
  agentGroups: agentGroupsTable,
  agents: agentsTable,
  apiKeys: apiKeysTable,
  approvals: approvalsTable,
  auditBatches: auditBatchesTable,
  auditCheckpoints: auditCheckpointsTable,
  auditEvents: auditEventsTable,
  auditHeads: auditHeadsTable,
  blockedKeys: blockedKeysTable,
  bulkItems: bulkItemsTable,
  bulkOperations: bulkOperationsTable,
  certificateList: certificateListTable,
  certificateNames: certificateNamesTable,
  certificates: certificatesTable,
  challenges: challengesTable,
  claims: claimsTable,
  connections: connectionsTable,
  connectorState: connectorStateTable,
  connectorTypes: connectorTypesTable,
  counts: countsTable,
  dailyCounts: dailyCountsTable,
  discoveries: discoveriesTable,
  events: eventsTable,
  expiryAlerts: expiryAlertsTable,
  healthChecks: healthChecksTable,
  holders: holdersTable,
  idempotencyKeys: idempotencyKeysTable,
  jobs: jobsTable,
  joinTokens: joinTokensTable,
  notifications: notificationsTable,
  orders: ordersTable,
  owners: ownersTable,
  placements: placementsTable,
  planFeed: planFeedTable,
  policyRules: policyRulesTable,
  policySweeps: policySweepsTable,
  policyViolations: policyViolationsTable,
  profiles: profilesTable,
  referrers: referrersTable,
  renewalPolicies: renewalPoliciesTable,
  revocations: revocationsTable,
  schedule: scheduleTable,
  sealedCells: sealedCellsTable,
  sealingKeys: sealingKeysTable,
  servers: serversTable,
  serverSecrets: serverSecretsTable,
  targets: targetsTable,
  teams: teamsTable,
  versionDers: versionDersTable,
  versions: versionsTable,
} as const

type Makers = typeof makers

export type Tables = { [Name in keyof Makers]: ReturnType<Makers[Name]> }

const connection = Symbol('connection')

class LazyTables {
  readonly [connection]: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this[connection] = db
  }
}

for (const [name, make] of Object.entries(makers))
  Object.defineProperty(LazyTables.prototype, name, {
    get(this: LazyTables) {
      return keep(this, name, make(this[connection]))
    },
    set(this: LazyTables, given: unknown) {
      keep(this, name, given)
    },
  })

function keep<Table>(tables: LazyTables, name: string, value: Table): Table {
  Object.defineProperty(tables, name, { value, writable: true, enumerable: true, configurable: true })
  return value
}

/**
 * All tables on the pool, or on one transaction. Each is made when it is first asked for: a transaction needs five of fifty, and to make
 * them all took longer than what it asks. So they are not for spreading: `Object.assign` adds to them, and `Object.create` changes some.
 */
export function tablesOn(db: Kysely<Schema>): Tables {
  return new LazyTables(db) as unknown as Tables
}
