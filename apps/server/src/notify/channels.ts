import { looseType } from '@certctl/core'
import type { EventRow } from '../store/events.js'

export interface Channel {
  id: string
  name: string
  type: string
  enabled: boolean
}

/** Who is told of an event: the notifiers it names by type, name or id, or, where it names none, all. Those that cannot be told are named with the reason. */
export function channelsOf<Notifier extends Channel>(
  event: Pick<EventRow, 'data'>,
  notifiers: readonly Notifier[],
): { told: readonly Notifier[]; faults: readonly { channel: string; reason: string }[] } {
  const enabled = notifiers.filter((notifier) => notifier.enabled)
  const wanted = wantedOf(event)
  if (wanted === undefined) return { told: enabled, faults: [] }
  const faults = wanted.flatMap((channel) => {
    const found = notifiers.filter((notifier) => isCalled(notifier, channel))
    if (found.some((notifier) => notifier.enabled)) return []
    return [{ channel, reason: found[0] === undefined ? unknown(channel) : disabled(found[0]) }]
  })
  const told = enabled.filter((notifier) => wanted.some((channel) => isCalled(notifier, channel)))
  // Nobody who was meant can be told: then everybody else is, rather than nobody.
  return { told: told.length === 0 && faults.length > 0 ? enabled : told, faults }
}

function wantedOf({ data }: Pick<EventRow, 'data'>): readonly string[] | undefined {
  const { channels } = data as { channels?: unknown }
  return Array.isArray(channels) ? channels.filter((channel) => typeof channel === 'string') : undefined
}

function isCalled({ id, name, type }: Channel, channel: string): boolean {
  return channel === id || [name, type].some((word) => looseType(word) === looseType(channel))
}

function unknown(channel: string): string {
  return `No notifier has the type, name or id "${channel}"; add one with: certctl notifiers create --type ${channel}`
}

function disabled({ id, name }: Channel): string {
  return `The notifier "${name}" is disabled; enable it with: certctl notifiers update ${id} --enable`
}
