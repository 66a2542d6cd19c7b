import type { AuditVerdict } from '@certctl/api'
import { systemActor } from '../access/principal.js'
import { verifyRecord } from '../audit/verify.js'
import { emitEvent } from '../notify/emit-event.js'
import type { Services } from '../services.js'
import type { Loop } from './loop.js'

/** Verifies the whole record. Nobody closes the alert but a person: a record that verifies again was changed twice. */
export const auditVerification: Loop = {
  name: 'audit-verification',
  everySeconds: ({ config }) => config.audit_chain_verify_interval,
  async run(services) {
    const verdict = await verifyRecord(services)
    if (verdict.ok) services.log.info({ entries: verdict.entries }, 'the audit record is as it was written')
    else await tell(services, verdict)
  },
}

async function tell({ store, log }: Services, { fault }: AuditVerdict): Promise<void> {
  const title = `The audit record was tampered with: ${fault?.message ?? 'it does not verify'}`
  log.error({ fault }, title)
  await store.transaction(async (tx) => {
    await emitEvent(tx, {
      type: 'audit.broken',
      severity: 'critical',
      title,
      data: { fault },
      alertKey: 'audit record',
    })
    tx.audit.append({
      actor: systemActor,
      action: 'audit.broken',
      resource_type: 'audit',
      resource_id: 'all',
      details: { fault },
    })
  })
}
