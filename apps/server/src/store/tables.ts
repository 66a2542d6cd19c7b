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

export type Tables = ReturnType<typeof tablesOn>

/** All tables on the pool, or on one transaction. One line per table, alphabetical. */
export function tablesOn(db: Kysely<Schema>) {
  return {
    agentGroups: agentGroupsTable(db),
    agents: agentsTable(db),
    apiKeys: apiKeysTable(db),
    approvals: approvalsTable(db),
    auditBatches: auditBatchesTable(db),
    auditCheckpoints: auditCheckpointsTable(db),
    auditEvents: auditEventsTable(db),
    auditHeads: auditHeadsTable(db),
    blockedKeys: blockedKeysTable(db),
    bulkItems: bulkItemsTable(db),
    bulkOperations: bulkOperationsTable(db),
    certificateList: certificateListTable(db),
    certificateNames: certificateNamesTable(db),
    certificates: certificatesTable(db),
    challenges: challengesTable(db),
    claims: claimsTable(db),
    connections: connectionsTable(db),
    connectorState: connectorStateTable(db),
    connectorTypes: connectorTypesTable(db),
    counts: countsTable(db),
    dailyCounts: dailyCountsTable(db),
    discoveries: discoveriesTable(db),
    events: eventsTable(db),
    expiryAlerts: expiryAlertsTable(db),
    healthChecks: healthChecksTable(db),
    holders: holdersTable(db),
    idempotencyKeys: idempotencyKeysTable(db),
    jobs: jobsTable(db),
    joinTokens: joinTokensTable(db),
    notifications: notificationsTable(db),
    orders: ordersTable(db),
    owners: ownersTable(db),
    placements: placementsTable(db),
    planFeed: planFeedTable(db),
    policyRules: policyRulesTable(db),
    profiles: profilesTable(db),
    referrers: referrersTable(db),
    renewalPolicies: renewalPoliciesTable(db),
    policySweeps: policySweepsTable(db),
    policyViolations: policyViolationsTable(db),
    revocations: revocationsTable(db),
    schedule: scheduleTable(db),
    sealedCells: sealedCellsTable(db),
    sealingKeys: sealingKeysTable(db),
    serverSecrets: serverSecretsTable(db),
    servers: serversTable(db),
    targets: targetsTable(db),
    teams: teamsTable(db),
    versionDers: versionDersTable(db),
    versions: versionsTable(db),
  }
}
