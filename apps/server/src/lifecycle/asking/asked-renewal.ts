import type { Actor } from '../../store/audit-entry.js'
import type { HolderRow } from '../../store/holders.js'
import type { Tx } from '../../store/store.js'
import { knownAs } from './known-as.js'

type AskedRenewal = Pick<HolderRow, 'renewal_requested_at' | 'renewal_requested_by_person'>

/** What a holder remembers of a renewal that somebody asks for, with whoever asked for it before and has not got it yet. */
export async function askedRenewal(tx: Tx, holder: AskedRenewal, actor: Pick<Actor, 'id' | 'person'>) {
  const before = renewalAskedBy(holder) ?? []
  const all = [...new Set([...before, ...(await knownAs(tx, actor))])]
  return { renewal_requested_at: tx.now, renewal_requested_by_person: all.length === 0 ? null : all }
}

/** Whoever asked for the renewal that this holder waits for; the schedule is nobody. */
export function renewalAskedBy({ renewal_requested_at: at, renewal_requested_by_person: person }: AskedRenewal) {
  return at === null ? null : person
}
