import { isCertctlError, z } from '@certctl/core'
import type { Account } from '../account/open-account.js'
import type { Acme } from '../acme.js'
import { type Answer, bodyOf, linksOf } from '../transport/answer.js'
import { takeOver } from './hold-order.js'
import { type LedgerRow, ledgerMs, orderKey, orderPrefix, readRow } from './ledger-row.js'
import { identifierSet, orderSchema } from './order.js'

/** An order at the CA, as far as it is known here. */
export interface PlacedOrder {
  url: string
  expires?: string | undefined
  /** Its names were proven before it was placed. */
  isProven?: boolean | undefined
  /** `identifierSet`. */
  identifiers: string
  /** It replaces a certificate, so that the CA's limits do not count it (RFC 9773 §5). */
  isExempt: boolean
  /** URL of the account that placed it. */
  account?: string | undefined
}

const requestPrefix = 'request/'
/** Writes an order down under its address (what was spent, whose it is) and under its request. `false`: another request has this very order, and looks at it. */
export async function recordOrder({ config, host }: Acme, order: PlacedOrder, requestId: string): Promise<boolean> {
  const now = host.now()
  const row: LedgerRow = {
    request_id: requestId,
    directory_url: config.directory_url,
    url: order.url,
    at: now.toISOString(),
    expires: order.expires,
    identifiers: order.identifiers,
    is_exempt: order.isExempt,
    account: order.account,
  }
  const options = { expiresAt: new Date(now.getTime() + ledgerMs) }
  const key = orderKey(order.url)
  try {
    await host.state.put(key, row, { ...options, expect: 'absent' })
  } catch (error) {
    const theirs = isCertctlError(error) && error.code === 'conflict' ? await host.state.get(key) : undefined
    if (theirs === undefined) throw error
    const isOurs = readRow(theirs).request_id === requestId
    if (!isOurs && !(await takeOver(host, theirs, requestId))) return false
  }
  await host.state.put(`${requestPrefix}${requestId}`, row, options)
  return true
}

/** Orders of the last week at this directory. */
export async function listOrders({ config, host }: Acme): Promise<LedgerRow[]> {
  const rows: LedgerRow[] = []
  for await (const stored of host.state.list(orderPrefix)) rows.push(readRow(stored))
  return rows.filter((row) => row.directory_url === config.directory_url)
}

/** The order of one request at this directory, where its answer reached us and no other request has it by now. */
export async function findOwnOrder({ config, host }: Acme, requestId: string): Promise<PlacedOrder | undefined> {
  const stored = await host.state.get(`${requestPrefix}${requestId}`)
  if (stored === undefined) return undefined
  const { directory_url, url, expires, identifiers, is_exempt: isExempt, account } = readRow(stored)
  const current = await host.state.get(orderKey(url))
  const isOurs = current === undefined || readRow(current).request_id === requestId
  return isOurs && directory_url === config.directory_url ? { url, expires, identifiers, isExempt, account } : undefined
}

const accountSchema = z.looseObject({ orders: z.url().optional() })
const listSchema = z.looseObject({ orders: z.array(z.url()) })
/** An account may have thousands of orders; the one that was lost is among the last. */
const mostPages = 5
const mostOrders = 10
const usable = ['pending', 'ready']

interface Wanted {
  account: Account
  identifiers: string
  requestId: string
}

/** An open order for exactly these names that nobody here knows of, where the CA lists an account's orders. */
export async function findOrderAtCa(
  acme: Acme,
  { account, identifiers, requestId }: Wanted,
): Promise<Pick<PlacedOrder, 'url' | 'expires'> | undefined> {
  const { signer, url } = account
  const { orders } = bodyOf(await signer.post(url, null, 'the account'), accountSchema, 'an account')
  if (orders === undefined) return undefined
  const others = (await listOrders(acme)).filter((row) => row.request_id !== requestId)
  const known = new Set(others.map((row) => row.url))
  const strangers = (await listAtCa(account, orders)).filter((each) => !known.has(each)).slice(-mostOrders)
  for (const stranger of strangers.reverse()) {
    const answer = await signer.ask(stranger, null)
    const order = answer.problem === undefined ? bodyOf(answer, orderSchema, 'an order') : undefined
    if (order !== undefined && usable.includes(order.status) && identifierSet(order.identifiers) === identifiers)
      return { url: stranger, expires: order.expires }
  }
  return undefined
}

async function listAtCa({ signer }: Account, first: string): Promise<string[]> {
  const urls: string[] = []
  let next: string | undefined = first
  for (let page = 1; next !== undefined && page <= mostPages; page += 1) {
    const answer: Answer = await signer.ask(next, null)
    // Many CAs name a list and do not serve it.
    if (answer.problem !== undefined) return urls
    urls.push(...bodyOf(answer, listSchema, 'a list of orders').orders)
    const [link] = linksOf(answer, 'next')
    next = link
  }
  return urls
}
