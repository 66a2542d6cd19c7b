import type { JsonValue, Message } from '@certctl/core'
import type { EventRow } from '../store/events.js'

/** An event as people read it. Formatting for a channel is its connector's. */
export function messageOf(
  event: EventRow,
  notification: { id: string; resolves: string | null },
): Omit<Message, 'signal'> {
  const facts = factsOf(event)
  return {
    id: notification.id,
    event: event.type,
    data: dataOf(event),
    severity: event.severity,
    title: event.title,
    text: textOf(event, facts),
    facts,
    links: [],
    ...(notification.resolves === null ? {} : { resolves: notification.resolves }),
    recipients: [],
    at: event.at,
  }
}

/** What programs read: the event's own data, and what it is about. */
function dataOf(event: EventRow): JsonValue {
  const { id, certificate_id, target_id, agent_id, issuer_id } = event
  const about = Object.entries({ certificate_id, target_id, agent_id, issuer_id }).filter(([, value]) => value !== null)
  return { ...(event.data as Record<string, JsonValue>), ...Object.fromEntries(about), event_id: id }
}

const subjects = [
  ['Certificate', 'certificate_id'],
  ['Target', 'target_id'],
  ['Agent', 'agent_id'],
  ['Issuer', 'issuer_id'],
] as const

function factsOf(event: EventRow): { label: string; value: string }[] {
  const about = subjects.flatMap(([label, column]) => {
    const value = event[column]
    return value === null ? [] : [{ label, value }]
  })
  const data = Object.entries(event.data as Record<string, JsonValue>).flatMap(([name, value]) => {
    const isShort =
      typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'string' && value !== '')
    return isShort && !name.endsWith('_id') ? [{ label: labelOf(name), value: String(value).slice(0, 500) }] : []
  })
  return [...about, ...data].slice(0, 20)
}

/** `not_after` → `Not after`. */
function labelOf(name: string): string {
  const words = name
    .replaceAll('_', ' ')
    .replace(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const openings = {
  critical: 'Somebody must act now.',
  warning: 'Somebody should look at this.',
  info: undefined,
} as const

function textOf(event: EventRow, facts: readonly { label: string; value: string }[]): string {
  const opening = isEnd(event) ? 'The cause of an earlier alert is gone.' : openings[event.severity]
  const lines = [
    `${event.title}.`.replace(/([.!?])\.$/, '$1'),
    opening,
    ...facts.map(({ label, value }) => `${label}: ${value}`),
    `Time: ${event.at.toISOString()}`,
  ]
  return lines.filter((line) => line !== undefined).join('\n')
}

/** A graver alert ends the milder one of the same cause: then nothing is over. */
function isEnd({ resolves_event_id, alert_key }: EventRow): boolean {
  return resolves_event_id !== null && alert_key === null
}
