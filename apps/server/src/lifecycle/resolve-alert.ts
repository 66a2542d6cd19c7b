import { emitEvent, type NewEvent } from '../notify/emit-event.js'
import type { Tx } from '../store/store.js'

/** Says that the cause of an alert is gone, if one is open. */
export async function resolveAlert(
  tx: Tx,
  { subject, ...event }: Omit<NewEvent, 'alertKey' | 'resolves' | 'severity'> & { subject: string },
): Promise<void> {
  // One question for all, since most often there is nothing to resolve.
  const open = await tx.events.listOpen([`${subject}:critical`, `${subject}:warning`, subject])
  for (const key of open.toSorted())
    await emitEvent(tx, { ...event, severity: 'info', resolves: key, onlyWhenResolving: true })
}
