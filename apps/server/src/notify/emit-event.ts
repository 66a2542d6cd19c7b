import { createId } from '../store/create-id.js'
import type { Tx } from '../store/store.js'

export interface NewEvent {
  /** Noun and what happened to it: `certificate.issued`, `placement.failed`. */
  type: string
  severity: 'info' | 'warning' | 'critical'
  /** One sentence for people. */
  title: string
  data?: Readonly<Record<string, unknown>> | undefined
  certificateId?: string | undefined
  targetId?: string | undefined
  agentId?: string | undefined
  issuerId?: string | undefined
  /** Somebody should act: while an alert of this key is open, the same again is not told again. */
  alertKey?: string | undefined
  /** The key of an alert whose cause is gone with this. */
  resolves?: string | undefined
  /** Only where such an alert was open until now; else nothing is written. */
  onlyWhenResolving?: true | undefined
}

/**
 * Writes an event in the transaction of what happened; people are told after the commit. Returns its id, or `undefined` when
 * nothing was written.
 */
export async function emitEvent(tx: Tx, event: NewEvent): Promise<string | undefined> {
  const resolved = event.resolves === undefined ? undefined : await tx.events.resolve(event.resolves, tx.now)
  if (event.onlyWhenResolving === true && resolved === undefined) return undefined
  const id = createId('event', tx.now)
  const written = await tx.events.insert({
    id,
    type: event.type,
    severity: event.severity,
    title: event.title,
    data: JSON.stringify(event.data ?? {}),
    certificate_id: event.certificateId ?? null,
    target_id: event.targetId ?? null,
    agent_id: event.agentId ?? null,
    issuer_id: event.issuerId ?? null,
    alert_key: event.alertKey ?? null,
    resolves_event_id: resolved ?? null,
    at: tx.now,
  })
  if (!written) return undefined
  tx.wake('event', id)
  return id
}
