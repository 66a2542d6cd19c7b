import type { Services } from '../services.js'
import type { AuditEntry } from '../store/audit-entry.js'

/** An entry for something that changed no row: a refused login, an export, a verification. What changes rows appends in its own transaction. */
export async function appendEntry({ store }: Pick<Services, 'store'>, entry: AuditEntry): Promise<void> {
  await store.transaction(async (tx) => {
    tx.audit.append(entry)
  })
}
