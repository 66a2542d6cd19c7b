import type { AuditFault, AuditVerdict } from '@certctl/api'
import { messageOf } from '@certctl/core'
import { systemActor } from '../access/principal.js'
import { appendEntry } from '../audit/append.js'
import { verifyRecord } from '../audit/verify.js'
import { emitEvent } from '../notify/emit-event.js'
import type { Services } from '../services.js'
import type { Loop } from './loop.js'

/** Verifies the whole record. The alert stays, one for each thing that is found: a record that verifies again was changed twice. */
export const auditVerification: Loop = {
  name: 'audit-verification',
  everySeconds: ({ config }) => config.audit_chain_verify_interval,
  async run(services) {
    const verdict = await verifyRecord(services)
    if (verdict.ok) services.log.info({ entries: verdict.entries }, 'the audit record is as it was written')
    else await tell(services, verdict)
  },
}

async function tell(services: Services, { fault }: AuditVerdict): Promise<void> {
  const { store, log } = services
  const title = `The audit record was tampered with: ${fault?.message ?? 'it does not verify'}`
  log.error({ fault }, title)
  await store.transaction(
    async (tx) =>
      await emitEvent(tx, {
        type: 'audit.broken',
        severity: 'critical',
        title,
        data: { fault },
        alertKey: `audit record ${placeOf(fault)}`,
      }),
  )
  // By itself: a record whose heads were set back takes no entries.
  const entry = {
    actor: systemActor,
    action: 'audit.broken',
    resource_type: 'audit',
    resource_id: 'all',
    details: { fault },
  }
  await appendEntry(services, entry).catch((error: unknown) =>
    log.error({ reason: messageOf(error) }, 'that the audit record was tampered with could not be written into it'),
  )
}

function placeOf({ kind, head, batch, leaf, entry_id }: Partial<AuditFault> = {}): string {
  return [kind, head, batch, leaf, entry_id].filter((part) => part !== undefined).join(' ')
}
