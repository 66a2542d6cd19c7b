import type { GeneralName } from '@certctl/core'
import { getDomain } from 'tldts'
import type { Acme } from '../acme.js'
import { listOrders } from '../order/ledger.js'
import type { LedgerRow } from '../order/ledger-row.js'
import { identifierOf, identifierSet } from '../order/order.js'
import { wasIssued } from '../order/record-issued.js'
import { listFailures } from './failures.js'
import { type Limit, type Limits, limitsOf } from './limits.js'

export interface BudgetAnswer {
  fits: boolean
  nextAt?: Date | undefined
  detail: string
}

interface Question {
  names: readonly GeneralName[]
  orders: number
}

/** One limit, and the moments that count against it. */
interface Account {
  what: string
  limit: Limit
  spentAt: readonly number[]
}

/** Whether so many orders for these names fit what this server has spent of the CA's limits. Orders that replace a certificate (RFC 9773) and sets of names that had one before are counted as the CA counts them. */
export async function askBudget(acme: Acme, { names, orders }: Question): Promise<BudgetAnswer> {
  const { directory_url } = acme.config
  const limits = limitsOf(directory_url)
  if (limits === undefined)
    return { fits: true, detail: `${new URL(directory_url).hostname} publishes no limits that are known here` }
  const now = acme.host.now().getTime()
  const accounts = await accountsOf(acme, limits, names)
  const states = accounts.map((account) => stateOf(account, orders, now))
  const full = states.filter(({ nextAt }) => nextAt !== undefined)
  if (full.length === 0) return { fits: true, detail: states.map(({ text }) => text).join('; ') }
  const latest = Math.max(...full.map(({ nextAt = 0 }) => nextAt))
  const nextAt = Number.isFinite(latest) ? new Date(latest) : undefined
  return { fits: false, nextAt, detail: full.map(({ text }) => text).join('; ') }
}

async function accountsOf(acme: Acme, limits: Limits, names: readonly GeneralName[]): Promise<Account[]> {
  const counted = (await listOrders(acme)).filter((row) => !row.is_exempt)
  const identifiers = names.map(identifierOf)
  const set = identifierSet(identifiers)
  const failures = await listFailures(acme)
  const isRenewal = await wasIssued(acme, set)
  const domains = isRenewal ? [] : [...new Set(identifiers.map(({ value }) => registeredDomain(value)))]
  return [
    { what: 'orders of the account', limit: limits.ordersPerAccount, spentAt: momentsOf(counted) },
    {
      what: 'orders for exactly these names',
      limit: limits.perNameSet,
      spentAt: momentsOf(counted.filter((row) => row.identifiers === set)),
    },
    ...domains.map((domain) => ({
      what: `orders below ${domain}`,
      limit: limits.perRegisteredDomain,
      spentAt: momentsOf(counted.filter((row) => domainsOf(row).includes(domain))),
    })),
    ...identifiers.map(({ value }) => ({
      what: `failures to prove ${value}`,
      limit: limits.failuresPerName,
      spentAt: momentsOf(failures.filter(({ name }) => name === value.replace(/^\*\./, ''))),
    })),
  ]
}

function momentsOf(rows: readonly { at: string }[]): number[] {
  return rows.map(({ at }) => Date.parse(at)).sort((a, b) => a - b)
}

/** With private suffixes (github.io), as Let's Encrypt counts; what is below no suffix is its own. */
function registeredDomain(name: string): string {
  return getDomain(name.replace(/^\*\./, ''), { allowPrivateDomains: true }) ?? name
}

function domainsOf({ identifiers }: LedgerRow): string[] {
  return identifiers.split(',').map((text) => registeredDomain(text.slice(text.indexOf(':') + 1)))
}

/** Room for so many more now, or the moment when enough has left the window. More than the limit never fit together: then the first that does counts. */
function stateOf({ what, limit, spentAt }: Account, orders: number, now: number): { text: string; nextAt?: number } {
  const recent = spentAt.filter((at) => at > now - limit.windowMs)
  const needed = Math.min(orders, limit.most)
  const tooMany = recent.length + needed - limit.most
  const text = `${recent.length} of ${limit.most} ${what} in ${spanOf(limit.windowMs)} are used`
  if (orders > limit.most && tooMany <= 0)
    return { text: `${text}, and ${orders} are wanted`, nextAt: Number.POSITIVE_INFINITY }
  if (tooMany <= 0) return { text }
  return { text, nextAt: (recent[tooMany - 1] ?? now) + limit.windowMs }
}

function spanOf(ms: number): string {
  const hours = Math.round(ms / 3_600_000)
  return hours % 24 === 0 ? `${hours / 24} days` : hours === 1 ? 'an hour' : `${hours} hours`
}
