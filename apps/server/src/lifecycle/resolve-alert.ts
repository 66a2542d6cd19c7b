import { emitEvent, type NewEvent } from '../notify/emit-event.js'
import type { Tx } from '../store/store.js'

/** Says that the cause of an alert is gone, or of several, where one is open. The whole key of one will do as its subject. */
export async function resolveAlert(
  tx: Tx,
  { subject, ...event }: Omit<NewEvent, 'alertKey' | 'resolves' | 'severity'> & { subject: string | readonly string[] },
): Promise<void> {
  const subjects = typeof subject === 'string' ? [subject] : subject
  // One question for all, since most often there is nothing to resolve.
  const open = await tx.events.listOpen(subjects.flatMap((one) => [`${one}:critical`, `${one}:warning`, one]))
  for (const key of open.toSorted())
    await emitEvent(tx, { ...event, severity: 'info', resolves: key, onlyWhenResolving: true })
}
