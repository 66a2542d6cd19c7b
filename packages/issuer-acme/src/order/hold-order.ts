import { CertctlError, type Host, isCertctlError, type Stored } from '@certctl/core'
import type { Acme } from '../acme.js'
import { type LedgerRow, ledgerMs, orderKey, readRow } from './ledger-row.js'

const minuteMs = 60_000
/** A request that is alive looks at its order often, and says so this often. */
const tellEveryMs = 10 * minuteMs
/** An order that nobody has looked at for so long is of a request that was cancelled or changed. Much longer than one look takes after it was told. */
const leftMs = 60 * minuteMs

/** Says that this request still has its order. `false`: another request of the same names took it over. */
export async function holdOrder({ host }: Acme, url: string, requestId: string): Promise<boolean> {
  const stored = await host.state.get(orderKey(url))
  // Older than the ledger: nobody can have been given it since.
  if (stored === undefined) return true
  const row = readRow(stored)
  if (row.request_id !== requestId) return false
  if (ageOf(host, row) < tellEveryMs) return true
  if (await rewrite(host, stored, { ...row, seen_at: host.now().toISOString() })) return true
  throw new CertctlError(
    'upstream_unavailable',
    'Another request was given the same order just now; it is looked at again',
  )
}

/** Has an order that nobody looks at any more; the CA gave it to this request as well, and no key is bound to it before it is finalized. */
export async function takeOver(host: Host, stored: Stored, requestId: string): Promise<boolean> {
  const row = readRow(stored)
  if (ageOf(host, row) < leftMs) return false
  return await rewrite(host, stored, { ...row, request_id: requestId, seen_at: host.now().toISOString() })
}

/** The CA refused the key or the names for good: whoever asks for the same names next may have the order at once. */
export async function leaveOrder({ host }: Acme, url: string, requestId: string): Promise<void> {
  const stored = await host.state.get(orderKey(url))
  if (stored === undefined) return
  const row = readRow(stored)
  if (row.request_id === requestId) await rewrite(host, stored, { ...row, seen_at: new Date(0).toISOString() })
}

function ageOf(host: Host, { at, seen_at }: LedgerRow): number {
  return host.now().getTime() - Date.parse(seen_at ?? at)
}

/** What is counted against the CA's limits stays as it was. */
async function rewrite({ state }: Host, { key, version }: Stored, row: LedgerRow): Promise<boolean> {
  try {
    await state.put(key, row, { expect: version, expiresAt: new Date(Date.parse(row.at) + ledgerMs) })
    return true
  } catch (error) {
    if (isCertctlError(error) && error.code === 'conflict') return false
    throw error
  }
}
