import type { Approval } from '@certctl/api'
import { fieldsText, tableText } from '../../output/table.js'
import { lengthText, timeText } from '../../output/time-text.js'

/** What a decision is about, as a person reads it before deciding: what is certified, where it goes and what runs there. */
export function approvalText(approval: Approval, now: Date): string {
  const { metadata: asked } = approval
  const fields = fieldsText([
    ['id', approval.id],
    ['state', approval.state],
    ['asked by', approval.requested_by],
    ['asked', timeText(approval.created_at, now)],
    ['until', timeText(approval.expires_at, now)],
    ['decided by', approval.decided_by],
    ['decided', timeText(approval.decided_at, now)],
    ['note', approval.decision_note],
    ['certificate', `${asked.certificate_name} (${approval.certificate_id})`],
    ['profile', approval.profile_id],
    ['what', asked.renewal ? 'renewal' : 'first issuance'],
    ['replaces', asked.replaces_not_after === undefined ? undefined : `one that ends ${asked.replaces_not_after}`],
    ['names', asked.names.join(', ')],
    ['subject', asked.subject.map(({ type, value }) => `${type}=${value}`).join(', ') || undefined],
    ['usages', asked.extended_key_usages.join(', ')],
    ['must-staple', asked.must_staple ? 'yes' : 'no'],
    ['validity', asked.validity_seconds === undefined ? 'as the issuer gives' : lengthText(asked.validity_seconds)],
    ['issuer', `${asked.issuer_name} (${asked.issuer_id})`],
    ['key', `${asked.key_algorithm}, held by ${asked.agent_id ?? asked.key_custody}`],
    ['key hash', asked.spki_sha256],
    ['job', approval.job_id],
  ])
  return asked.targets.length === 0 ? fields : `${fields}\n\n${targetsText(approval, now)}`
}

function targetsText({ metadata }: Approval, now: Date): string {
  return tableText(
    [
      { title: 'TARGET', value: ({ name }) => name },
      { title: 'TYPE', value: (target) => target.type },
      { title: 'AGENT', value: ({ agent_id }) => agent_id },
      { title: 'RUNS', value: ({ commands }) => commands.join('; ') },
      { title: 'LAST WRITTEN', value: ({ last_reload_at: at }) => timeText(at, now) },
    ],
    metadata.targets,
  )
}
