import type { Pebble } from '../../../packages/issuer-acme/test/pebble/processes.js'

/** What the CA itself says that it did, whoever asked it. */
export interface PebbleRecord {
  /** Ids of all orders that were placed. */
  orders: readonly string[]
  /** Serial number by order. */
  issued: ReadonlyMap<string, string>
  /** Orders that failed because a name was not proven. */
  invalid: ReadonlySet<string>
  /** Orders that were placed as the replacement of another (RFC 9773 §5): that order's id. */
  replaces: ReadonlyMap<string, string>
}

export async function pebbleRecord(pebble: Pebble): Promise<PebbleRecord> {
  const log = await pebble.log()
  const all = (pattern: RegExp): [string, string][] =>
    [...log.matchAll(pattern)].map(([, first = '', second = '']) => [first, second])
  return {
    orders: all(/Added order "(\S+)" to the db/g).map(([id]) => id),
    issued: new Map(all(/Issued certificate serial (\S+) for order (\S+)/g).map(([serial, id]) => [id, serial])),
    invalid: new Set(all(/order (\S+) set INVALID/g).map(([id]) => id)),
    replaces: new Map(all(/ARI: order "(\S+)" is a replacement of "(\S+)"/g)),
  }
}

/** Orders that nobody finished and that no name failed: what a death may leave behind. */
export function orphansOf({ orders, issued, invalid }: PebbleRecord): string[] {
  return orders.filter((id) => !issued.has(id) && !invalid.has(id))
}
