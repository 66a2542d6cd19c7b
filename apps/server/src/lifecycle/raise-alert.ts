import { emitEvent, type NewEvent } from '../notify/emit-event.js'
import type { Tx } from '../store/store.js'

/** An event that somebody should act on, until `resolveAlert` of the same subject. Told once per severity; a graver one takes the place of the milder. */
export async function raiseAlert(
  tx: Tx,
  {
    subject,
    ...event
  }: Omit<NewEvent, 'alertKey' | 'resolves' | 'severity'> & {
    subject: string
    severity: 'warning' | 'critical'
  },
): Promise<void> {
  const isGrave = event.severity === 'critical'
  if (!isGrave && (await tx.events.isOpen(`${subject}:critical`))) return
  await emitEvent(tx, {
    ...event,
    alertKey: `${subject}:${event.severity}`,
    resolves: isGrave ? `${subject}:warning` : undefined,
  })
}
