import type { Services } from '../services.js'
import { createId } from '../store/create-id.js'
import type { EventRow } from '../store/events.js'
import type { Tx } from '../store/store.js'

const batch = 100

/** Decides who is told of new events: every notifier that is enabled. Returns how many events it looked at. */
export async function routeEvents({ store }: Pick<Services, 'store'>): Promise<number> {
  return await store.transaction(async (tx) => {
    const events = await tx.events.lockUnrouted(batch)
    if (events.length === 0) return 0
    const notifiers = (await tx.connections.list('notifier')).filter((notifier) => notifier.enabled)
    for (const event of events) await routeEvent(tx, event, notifiers)
    await tx.events.markRouted(
      events.map((event) => event.id),
      tx.now,
    )
    return events.length
  })
}

async function routeEvent(tx: Tx, event: EventRow, notifiers: readonly { id: string }[]): Promise<void> {
  const told =
    event.resolves_event_id === null ? new Map<string, string>() : await endAlert(tx, event.resolves_event_id)
  await tx.notifications.insertMany(
    notifiers.map((notifier) => ({
      id: createId('notif', tx.now),
      event_id: event.id,
      connection_id: notifier.id,
      state: 'pending' as const,
      resolves: told.get(notifier.id) ?? null,
      next_try_at: tx.now,
      created_at: tx.now,
    })),
  )
}

/** Messages of an alert that nobody got yet are not sent any more; returns, by notifier, those that somebody may have got. */
async function endAlert(tx: Tx, alertId: string): Promise<Map<string, string>> {
  const messages = await tx.notifications.listOfEvent(alertId)
  await tx.notifications.closeOfEvent(alertId, 'The cause was gone before this was delivered')
  const reached = messages.filter((message) => message.state === 'sent' || message.attempts > 0)
  return new Map(reached.flatMap(({ connection_id, id }) => (connection_id === null ? [] : [[connection_id, id]])))
}
