import { resolveAlert } from '../lifecycle/resolve-alert.js'
import type { ConnectionRow } from '../store/connections.js'
import type { Tx } from '../store/store.js'
import { emitEvent } from './emit-event.js'

type Notifier = Pick<ConnectionRow, 'id' | 'name' | 'enabled'>

/** Under which the alert of a notifier is open: one at a time. */
function notifierSubject(id: string): string {
  return `notifier ${id}`
}

/** What failed of it is told to others. That it was disabled takes the place of a message that was lost, not the reverse. */
export async function alertOfNotifier(
  tx: Tx,
  { id, name }: Notifier,
  { isGone, data }: { isGone: boolean; data: Readonly<Record<string, string>> },
): Promise<void> {
  const alertKey = notifierSubject(id)
  const type = isGone ? 'notifier.disabled' : 'notification.dead'
  await emitEvent(tx, {
    type,
    severity: 'warning',
    title: isGone
      ? `The notifier ${name} was disabled, for its receiver said that it is gone for good`
      : `A message could not be delivered by the notifier ${name}, and nobody tries any more`,
    data: { notifier: id, ...data },
    alertKey,
    resolves: isGone && (await tx.events.isOpen(alertKey, { besides: type })) ? alertKey : undefined,
  })
}

/** It accepted a message. One that was disabled while that was on its way gets no other, so that its alert stays. */
export async function notifierWorks(tx: Tx, id: string): Promise<void> {
  if (!(await tx.events.isOpen(notifierSubject(id)))) return
  const notifier = await tx.connections.lock('notifier', id)
  if (notifier?.enabled !== true) return
  const title = `The notifier ${notifier.name} accepts messages again`
  await endNotifierAlert(tx, notifier, { type: 'notifier.works_again', title })
}

/** A test may go well where messages are refused: where the alert about a notifier is open, it is sent one, which ends the alert when it is accepted. */
export async function notifierTested(tx: Tx, { id, name, enabled }: Notifier): Promise<void> {
  if (!enabled || !(await tx.events.isOpen(notifierSubject(id)))) return
  const title = `The notifier ${name} was tested and answers`
  await emitEvent(tx, { type: 'notifier.tested', severity: 'info', title, data: { notifier: id, channels: [id] } })
}

export async function endNotifierAlert(
  tx: Tx,
  { id }: Pick<Notifier, 'id'>,
  end: { type: string; title: string },
): Promise<void> {
  await resolveAlert(tx, { ...end, subject: notifierSubject(id), data: { notifier: id } })
}
