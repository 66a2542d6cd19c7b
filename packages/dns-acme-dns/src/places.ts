import { z } from '@certctl/core'

/** acme-dns keeps two values for each registration; an update replaces the one that was written longest ago. */
const places = 2
/** A value that nobody has taken back for so long is of an order that is over. */
const lapseSeconds = 3600

const heldSchema = z.object({ value: z.string(), wanted: z.boolean(), at: z.number() })
export const placesSchema = z.object({
  /** `false`: an update was begun, and whether it happened is not known. */
  settled: z.boolean(),
  /** When the last update was answered, in seconds since 1970; 0: there was none. */
  sentAt: z.number(),
  /** Written longest ago first. */
  held: z.array(heldSchema).max(places),
})

/** What the places of a registration hold, as far as this product put it there. */
export type Places = z.output<typeof placesSchema>
export const emptyPlaces: Places = { settled: true, sentAt: 0, held: [] }

export type Plan =
  | { step: 'nothing' }
  | { step: 'remember'; held: Places['held'] }
  | { step: 'send'; held: Places['held']; values: readonly string[] }
  | { step: 'wait' }

/** What has to be sent, in this order, so that the places hold `value` and whatever another order still wants. `at`: seconds since 1970. */
export function planToHold({ settled, held }: Places, value: string, at: number): Plan {
  const own = held.find((one) => one.value === value)
  if (settled && own?.wanted) return { step: 'nothing' }
  const wanted = { value, wanted: true, at }
  if (settled && own !== undefined) return { step: 'remember', held: held.map((one) => (one === own ? wanted : one)) }
  const others = held.filter((one) => one.value !== value && one.wanted && at - one.at < lapseSeconds)
  if (others.length >= places) return { step: 'wait' }
  const [other] = others
  // What another order wants must not be the older one of the two, nor in doubt: it is sent again. Of two, the first is there for certain and
  // stays so when it is sent first.
  if (other !== undefined && (!settled || (held.length === places && held[0] === other))) {
    const both = own !== undefined && held[0] === own ? [wanted, other] : [other, wanted]
    return { step: 'send', held: both, values: both.map((one) => one.value) }
  }
  const staying = settled ? held.slice(held.length === places ? 1 : 0) : []
  return { step: 'send', held: [...staying, wanted], values: [value] }
}

/** acme-dns tells ages by whole seconds: two updates within one would make it guess which of its places is the older. */
const apartSeconds = 1.1

/** How long to wait before the next update. */
export function pauseBeforeUpdate({ settled, sentAt }: Places, now: number): number {
  if (!settled) return apartSeconds
  return Math.max(0, Math.min(apartSeconds, sentAt + apartSeconds - now))
}

/** The value is no longer wanted; it stays until it is replaced. `undefined`: nothing to remember. */
export function withoutWanting({ held, ...rest }: Places, value: string): Places | undefined {
  if (!held.some((one) => one.value === value && one.wanted)) return undefined
  return { ...rest, held: held.map((one) => (one.value === value ? { ...one, wanted: false } : one)) }
}
