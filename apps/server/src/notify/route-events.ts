import { raiseAlert } from '../lifecycle/raise-alert.js'
import type { Services } from '../services.js'
import { createId } from '../store/create-id.js'
import type { EventRow } from '../store/events.js'
import type { NotificationRow } from '../store/notifications.js'
import type { Tx } from '../store/store.js'
import { type Channel, channelsOf } from './channels.js'

const batch = 100

/** Decides who is told of new events: the channels an event names, else every notifier that is enabled. Returns how many events it looked at. */
export async function routeEvents({ store }: Pick<Services, 'store'>): Promise<number> {
  return await store.transaction(async (tx) => {
    const events = await tx.events.lockUnrouted(batch)
    if (events.length === 0) return 0
    const notifiers = await tx.connections.holdNotifiers()
    for (const event of events) await routeEvent(tx, event, notifiers)
    await tx.events.markRouted(
      events.map((event) => event.id),
      tx.now,
    )
    return events.length
  })
}

async function routeEvent(tx: Tx, event: EventRow, notifiers: readonly Channel[]): Promise<void> {
  const { told, faults } = channelsOf(event, notifiers)
  const reached =
    event.resolves_event_id === null ? new Map<string, string>() : await endAlert(tx, event.resolves_event_id)
  await tx.notifications.insertMany(
    told.map((notifier) => ({
      id: createId('notif', tx.now),
      event_id: event.id,
      connection_id: notifier.id,
      state: 'pending' as const,
      resolves: reached.get(notifier.id) ?? null,
      next_try_at: tx.now,
      created_at: tx.now,
    })),
  )
  for (const fault of faults) await tellUnreachable(tx, event, fault)
}

/** A channel that is no notifier is never called told: the notification says so, and so does an alert to everybody. */
async function tellUnreachable(
  tx: Tx,
  { id }: EventRow,
  { channel, reason }: { channel: string; reason: string },
): Promise<void> {
  await tx.notifications.insertMany([
    {
      id: createId('notif', tx.now),
      event_id: id,
      connection_id: null,
      channel,
      state: 'dead',
      last_error_code: 'not_found',
      last_error: reason,
      created_at: tx.now,
    },
  ])
  await raiseAlert(tx, {
    subject: `channel:${channel}`,
    type: 'notification.unreachable',
    severity: 'warning',
    title: `A renewal policy sends alerts to "${channel}", and nobody is told there: ${reason}`,
    command: 'certctl notifiers list',
    data: { channel, event_id: id },
  })
}

/** Messages of an alert that nobody got yet are not sent any more; returns, by notifier, those that are to be taken back there. */
async function endAlert(tx: Tx, alertId: string): Promise<Map<string, string>> {
  const messages = await tx.notifications.listOfEvent(alertId)
  await tx.notifications.closeOfEvent(alertId, 'The cause was gone before this was delivered')
  return new Map(
    messages.flatMap((message) => {
      const open = openOf(message)
      return message.connection_id === null || open === undefined ? [] : [[message.connection_id, open]]
    }),
  )
}

/** The message itself where somebody may have got it. Where it failed, or was not tried, the one whose place it was to take was not taken back, either. */
function openOf({ id, state, attempts, resolves }: NotificationRow): string | undefined {
  if (state === 'sent' || (state === 'pending' && attempts > 0)) return id
  return resolves ?? (attempts > 0 ? id : undefined)
}
