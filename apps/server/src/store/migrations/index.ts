import { first } from './0001-first.js'
import { governance } from './0002-governance.js'
import { healthChecks } from './0003-health-checks.js'
import { bulk } from './0004-bulk.js'
import { inventory } from './0005-inventory.js'
import { servers } from './0009-servers.js'
import { issuerPauses } from './0010-issuer-pauses.js'
import { challenges } from './0011-challenges.js'
import { issuerMaintenance } from './0012-issuer-maintenance.js'
import { keptRefreshPlan } from './0013-kept-refresh-plan.js'
import { listedItems } from './0014-listed-items.js'
import { endingVersions } from './0015-ending-versions.js'

export interface Migration {
  /** Number and name; never changed once released. */
  name: string
  sql: string
}

/** All migrations in order. */
export const migrations: readonly Migration[] = [
  first,
  governance,
  healthChecks,
  bulk,
  inventory,
  servers,
  issuerPauses,
  challenges,
  issuerMaintenance,
  keptRefreshPlan,
  listedItems,
  endingVersions,
]
