import type { Approval } from '@certctl/api'
import type { ApprovalRow } from '../store/approvals.js'

/** An approval on the wire. */
export function approvalView(row: ApprovalRow): Approval {
  const { decided_by, decided_at, decision_note } = row
  return {
    id: row.id,
    certificate_id: row.certificate_id,
    job_id: row.job_id,
    profile_id: row.profile_id,
    requested_by: row.requested_by,
    state: row.state,
    ...(decided_by === null ? {} : { decided_by }),
    ...(decided_at === null ? {} : { decided_at: decided_at.toISOString() }),
    ...(decision_note === null ? {} : { decision_note }),
    metadata: row.shown as Approval['metadata'],
    expires_at: row.expires_at.toISOString(),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }
}
