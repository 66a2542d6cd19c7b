import type { Kysely, Selectable } from 'kysely'
import { nounTable } from './noun-table.js'
import type { RenewalPoliciesTable, Schema } from './schema.js'

const columns = [
  'renewal_window_days',
  'auto_renew',
  'max_retries',
  'retry_interval_seconds',
  'alert_thresholds_days',
  'certificate_profile_id',
  'alert_channels',
  'alert_severity_map',
  'applied_at',
] as const

export type RenewalPolicyRow = Selectable<RenewalPoliciesTable>

export function renewalPoliciesTable(db: Kysely<Schema>) {
  return nounTable(db, 'renewal_policies', columns)
}
